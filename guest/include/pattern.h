/* SPDX-License-Identifier: MIT */
/*
 * The contents a page is supposed to have: eight words, made from a seed and a page number,
 * repeated to the end of the page. The "file" behind file-like areas holds them, and the user
 * programs fill and check their pages with them. Eight words, because the kernel computes them at
 * CPL 0, and there are hosts that interpret CPL 0.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdint.h>

#define PATTERN_WORDS 8

/* Word `word` (any; the page repeats) of page `page` of the file `seed`. Never 0. */
static inline uint64_t pattern(uint64_t seed, uint64_t page, uint64_t word)
{
	uint64_t x = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + page * PATTERN_WORDS +
		     word % PATTERN_WORDS;

	x = (x ^ x >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
	return (x ^ x >> 29) | 1;
}

#endif
