/* SPDX-License-Identifier: MIT */
/* The fuzzer's dice: the same on every machine. SplitMix64 (Steele, Lea, Flood, 2014). */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stdint.h>

struct fuzz_random {
	uint64_t state;
};

static inline uint64_t fuzz_next(struct fuzz_random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 to n - 1; n is small, so that the remainder is fair enough. */
static inline unsigned fuzz_roll(struct fuzz_random *r, unsigned n)
{
	const unsigned drawn = (unsigned)(fuzz_next(r) >> 32);

	return n ? drawn % n : 0;
}

#endif
