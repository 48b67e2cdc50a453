/* SPDX-License-Identifier: MIT */
/* What the two sides of `protect` have agreed upon. */
#ifndef PROTECT_H
#define PROTECT_H

#include <stdint.h>

/* Byte of page `i` that ring 3 tries to write while it is read-only. */
static inline uint64_t protect_offset(uint64_t i)
{
	return (i * 137 + 5) % 4096;
}

#endif
