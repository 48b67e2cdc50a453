/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers share: an input read from front to back as choices. Behind its end there are
 * zeroes, so that every input means something and a short one stays simple. Checks are those of the
 * unit tests (check.h): one that fails ends the process, and libFuzzer keeps the input.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "check.h"

struct fuzz_input {
	const uint8_t *at;
	size_t left; /* bytes */
};

static inline uint64_t fuzz_take(struct fuzz_input *in, size_t bytes)
{
	uint64_t value = 0;
	size_t n = bytes < in->left ? bytes : in->left;

	if (n)
		memcpy(&value, in->at, n);
	in->at += n;
	in->left -= n;
	return value;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	return (uint8_t)fuzz_take(in, 1);
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	return (uint16_t)fuzz_take(in, 2);
}

static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
	return (uint32_t)fuzz_take(in, 4);
}

static inline uint64_t fuzz_u64(struct fuzz_input *in)
{
	return fuzz_take(in, 8);
}

/* `bit` if bit n of the choices is set. */
static inline uint64_t fuzz_flag(uint64_t choices, unsigned n, uint64_t bit)
{
	return choices >> n & 1 ? bit : 0;
}

/* libFuzzer's: one input. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
