/* SPDX-License-Identifier: MIT */
/*
 * Memory and text without a libc. Everything is a string instruction: where ring 0 is interpreted,
 * one iteration of REP costs as much as any other instruction, so words count, not cleverness.
 */
#include "string.h"

#include "address.h"

void *memset(void *to, int byte, size_t bytes)
{
	uint64_t word = (uint8_t)byte * UINT64_C(0x0101010101010101);
	size_t words = bytes / 8, rest = bytes % 8;
	void *p = to;

	__asm__ volatile("rep stosq" : "+D"(p), "+c"(words) : "a"(word) : "memory");
	__asm__ volatile("rep stosb" : "+D"(p), "+c"(rest) : "a"(word) : "memory");
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	size_t words = bytes / 8, rest = bytes % 8;
	void *p = to;

	__asm__ volatile("rep movsq" : "+D"(p), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(rest) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	char *p = to;
	const char *q = from;

	if (p <= q || p >= q + bytes)
		return memcpy(to, from, bytes);
	while (bytes-- > 0)
		p[bytes] = q[bytes];
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const unsigned char *p = a, *q = b;

	for (size_t i = 0; i < bytes; i++)
		if (p[i] != q[i])
			return p[i] < q[i] ? -1 : 1;
	return 0;
}

size_t string_length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

bool string_is(const char *word, size_t len, const char *name)
{
	return string_length(name) == len && memcmp(word, name, len) == 0;
}

void page_zero(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

void page_copy(void *restrict to, const void *restrict from)
{
	memcpy(to, from, PAGE_SIZE);
}
