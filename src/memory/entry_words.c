/* SPDX-License-Identifier: MIT */
/* Entries and error codes in words. */
#include "memory/entry_words.h"

#include "x86.h"

#include <stdio.h>
#include <string.h>

struct bit {
	uint64_t mask;
	const char *set, *clear; /* NULL: nothing to say */
	bool leaf_only;
};

/* Intel SDM vol. 3, tables 4-15 to 4-20. */
static const struct bit bits[] = {
	{PTE_PRESENT, "present", NULL, false},
	{PTE_WRITE, "writable", "read-only", false},
	{PTE_USER, "user", "supervisor", false},
	{PTE_NX, "no-execute", "executable", false},
	{PTE_ACCESSED, "accessed", "not accessed", false},
	{PTE_DIRTY, "dirty", "clean", true},
	{PTE_GLOBAL, "global", NULL, true},
	{PTE_PWT, "write-through", NULL, false},
	{PTE_PCD, "uncached", NULL, false},
};

static void append(char *text, size_t size, const char *gap, const char *word)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s", len ? gap : "", word);
}

const char *entry_words(const struct pt_format *format, unsigned level, uint64_t entry, bool leaf,
			char *text, size_t size)
{
	uint64_t implied = format->level[level].implied;
	unsigned key = (unsigned)((entry & PTE_PKEY) >> PTE_PKEY_SHIFT);
	char number[16];

	*text = 0;
	if (!(entry & PTE_PRESENT)) {
		snprintf(text, size, "not present");
		return text;
	}
	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		const char *word = entry & bits[i].mask ? bits[i].set : bits[i].clear;

		if (!word || implied & bits[i].mask || (bits[i].leaf_only && !leaf) ||
		    (bits[i].mask == PTE_NX && !format->nx))
			continue;
		append(text, size, ", ", word);
	}
	if (leaf && level > 1)
		append(text, size, ", ", "large");
	if (leaf && key && format->pkey) {
		snprintf(number, sizeof(number), "key %u", key);
		append(text, size, ", ", number);
	}
	return text;
}

const char *error_code_words(uint32_t error_code, char *text, size_t size)
{
	static const struct {
		uint32_t bit;
		const char *word;
	} words[] = {
		{PF_ERR_PRESENT, "protection"}, {PF_ERR_WRITE, "write"},
		{PF_ERR_USER, "user"},		{PF_ERR_RESERVED, "reserved bit"},
		{PF_ERR_FETCH, "fetch"},	{PF_ERR_PKEY, "protection key"},
	};

	*text = 0;
	if (!(error_code & PF_ERR_PRESENT))
		append(text, size, " | ", "not present");
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (error_code & words[i].bit)
			append(text, size, " | ", words[i].word);
	if (!(error_code & (PF_ERR_WRITE | PF_ERR_FETCH)))
		append(text, size, " | ", "read");
	if (!(error_code & PF_ERR_USER))
		append(text, size, " | ", "supervisor");
	return text;
}

const char *page_size_words(unsigned shift, char *text, size_t size)
{
	static const char units[] = "KMG";

	if (shift < 10 || shift >= 40)
		snprintf(text, size, "%llu bytes", 1ULL << shift);
	else
		snprintf(text, size, "%u %ciB", 1U << shift % 10, units[shift / 10 - 1]);
	return text;
}
