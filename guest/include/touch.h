/* SPDX-License-Identifier: MIT */
/* What the two sides of `touch` and `warm` have agreed upon. */
#ifndef TOUCH_H
#define TOUCH_H

#include <stdint.h>

/* Byte of page `i` that is touched first: not always the same, so that CR2 has to be exact. */
static inline uint64_t touch_offset(uint64_t i)
{
	return i * 73 % 4096;
}

/* The word of page `i` that `warm` uses. */
static inline uint64_t touch_word(uint64_t i)
{
	return i * 9 % 512;
}

/* Values of SYS_BLOCK in user_touch(). */
#define TOUCH_TOUCHED 1 /* every page once */
#define TOUCH_FILLED  2 /* all of every page */

/* user_warm() says WARM_READY; what to do next is SYS_BLOCK's result. */
#define WARM_READY     1
#define WARM_READ      2
#define WARM_READ_HALF 3 /* the first half of the pages */
#define WARM_WRITE     4
#define WARM_END       5

#endif
