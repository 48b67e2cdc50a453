/* SPDX-License-Identifier: MIT */
/*
 * What cmocka's checks come to in a fuzzer, where no test is running: words, and an abort that
 * libFuzzer answers with the stack and the input.
 */
#include "check.h"

#include <stdlib.h>

void print_error(const char *const format, ...)
{
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
}

void cm_print_error(const char *const format, ...)
{
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
}

void _fail(const char *const file, const int line)
{
	fprintf(stderr, "%s:%d: the check that failed\n", file, line);
	abort();
}

void _assert_true(const LargestIntegralType result, const char *const expression,
		  const char *const file, const int line)
{
	if (result)
		return;
	fprintf(stderr, "not so: %s\n", expression);
	_fail(file, line);
}

void _assert_int_equal(const LargestIntegralType a, const LargestIntegralType b,
		       const char *const file, const int line)
{
	if (a == b)
		return;
	fprintf(stderr, "%#llx is not %#llx\n", (unsigned long long)a, (unsigned long long)b);
	_fail(file, line);
}

void _assert_memory_equal(const void *const a, const void *const b, const size_t size,
			  const char *const file, const int line)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; memcmp(a, b, size) && i < size; i++) {
		if (x[i] == y[i])
			continue;
		fprintf(stderr, "byte %#zx: %#x is not %#x\n", i, x[i], y[i]);
		_fail(file, line);
	}
}
