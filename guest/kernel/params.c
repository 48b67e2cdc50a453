/* SPDX-License-Identifier: MIT */
/* Parameters of workloads. The command line comes from a person, so errors say what would do. */
#include "params.h"

#include "console.h"
#include "string.h"

#include <stddef.h>

const char *const param_names[PARAM_COUNT] = {
	[PARAM_PAGES] = "pages", [PARAM_PROCS] = "procs", [PARAM_ROUNDS] = "rounds",
	[PARAM_SEED] = "seed",	 [PARAM_LEVEL] = "level", [PARAM_STATUS] = "status",
	[PARAM_GPA] = "gpa",
};

static void print_word(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		kprintf("%c", word[i]);
}

/* Decimal, or hexadecimal after 0x. */
static bool parse_number(const char *s, size_t len, uint64_t *value)
{
	unsigned base = 10;
	size_t i = 0;

	if (len > 2 && s[0] == '0' && s[1] == 'x') {
		base = 16;
		i = 2;
	}
	*value = 0;
	for (; i < len; i++) {
		unsigned digit = (unsigned)(s[i] >= 'a' ? s[i] - 'a' + 10 : s[i] - '0');

		if (digit >= base || *value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	return len > 0;
}

static bool parse_word(const char *who, const char *word, size_t len, const struct bounds *bounds,
		       struct params *params)
{
	size_t name = 0;
	uint64_t value;

	while (name < len && word[name] != '=')
		name++;
	for (unsigned i = 0; i < PARAM_COUNT; i++) {
		if (bounds[i].max == 0 || !string_is(word, name, param_names[i]))
			continue;
		if (name == len || !parse_number(word + name + 1, len - name - 1, &value)) {
			kprintf("%s: \"", who);
			print_word(word, len);
			kprintf("\" must be %s=NUMBER\n", param_names[i]);
			return false;
		}
		if (value < bounds[i].min || value > bounds[i].max) {
			kprintf("%s: %s=%lu is out of range: %lu to %lu\n", who, param_names[i],
				value, bounds[i].min, bounds[i].max);
			return false;
		}
		params->value[i] = value;
		return true;
	}
	kprintf("%s: there is no parameter \"", who);
	print_word(word, name);
	kprintf("\"; there are:");
	params_print(bounds);
	kprintf("\n");
	return false;
}

bool params_parse(const char *who, const char *text, const struct bounds bounds[PARAM_COUNT],
		  struct params *params)
{
	for (unsigned i = 0; i < PARAM_COUNT; i++)
		params->value[i] = bounds[i].initial;
	while (*text) {
		size_t len = 0;

		while (text[len] && text[len] != ' ')
			len++;
		if (len > 0 && !parse_word(who, text, len, bounds, params))
			return false;
		text += len;
		while (*text == ' ')
			text++;
	}
	return true;
}

/* In the base that the number is easier to read in. */
static void print_number(uint64_t value)
{
	kprintf(value > 0xffffff ? "0x%lx" : "%lu", value);
}

void params_print(const struct bounds bounds[PARAM_COUNT])
{
	bool any = false;

	for (unsigned i = 0; i < PARAM_COUNT; i++) {
		if (bounds[i].max == 0)
			continue;
		any = true;
		kprintf(" %s=", param_names[i]);
		print_number(bounds[i].initial);
		if (bounds[i].max == UINT64_MAX)
			continue;
		kprintf(" (");
		print_number(bounds[i].min);
		kprintf(" to ");
		print_number(bounds[i].max);
		kprintf(")");
	}
	if (!any)
		kprintf(" none");
}
