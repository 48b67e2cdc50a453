/* SPDX-License-Identifier: MIT */
/*
 * Formatted output. Lines are put together here because each host call is an exit, and an exit is
 * what this guest exists to count.
 */
#include "console.h"

#include "host.h"
#include "string.h"

#include <stdbool.h>

static char line[CONSOLE_LINE_MAX];
static size_t used;

static void put(char c)
{
	line[used++] = c;
	if (c == '\n' || used == sizeof(line)) {
		host_console(line, used);
		used = 0;
	}
}

static void put_number(uint64_t value, unsigned base)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		put(digits[--n]);
}

static void put_string(const char *s, unsigned width, bool left)
{
	size_t len = string_length(s);
	size_t pad = width > len ? width - len : 0;

	for (size_t i = 0; !left && i < pad; i++)
		put(' ');
	for (size_t i = 0; i < len; i++)
		put(s[i]);
	for (size_t i = 0; left && i < pad; i++)
		put(' ');
}

/* clang-tidy 14 takes an argument of this type for one that nobody has started. */
/* NOLINTBEGIN(clang-analyzer-valist.Uninitialized) */
void kvprintf(const char *format, va_list args)
{
	for (const char *f = format; *f; f++) {
		bool left = false, wide = false;
		unsigned width = 0;

		if (*f != '%') {
			put(*f);
			continue;
		}
		f++;
		for (; *f == '-'; f++)
			left = true;
		for (; *f >= '0' && *f <= '9'; f++)
			width = width * 10 + (unsigned)(*f - '0');
		for (; *f == 'l'; f++)
			wide = true;
		switch (*f) {
		case 's': put_string(va_arg(args, const char *), width, left); break;
		case 'c': put((char)va_arg(args, int)); break;
		case 'u':
		case 'x':
			put_number(wide ? va_arg(args, unsigned long) : va_arg(args, unsigned),
				   *f == 'x' ? 16 : 10);
			break;
		default: put(*f); break;
		}
	}
}
/* NOLINTEND(clang-analyzer-valist.Uninitialized) */

void kprintf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	kvprintf(format, args);
	va_end(args);
}
