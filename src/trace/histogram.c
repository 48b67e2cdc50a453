/* SPDX-License-Identifier: MIT */
/* A log-linear histogram. */
#include "trace/histogram.h"

#define PARTS_BITS 5

/* How far a value of 64 or more is shifted for its six uppermost bits to be left. */
static unsigned shift_of(uint32_t value)
{
	return 31 - (unsigned)__builtin_clz(value) - PARTS_BITS;
}

static unsigned bucket_of(uint32_t value)
{
	if (value < 2 * HISTOGRAM_PARTS)
		return value;
	return shift_of(value) * HISTOGRAM_PARTS + (value >> shift_of(value));
}

uint32_t histogram_top(unsigned bucket)
{
	unsigned shift = bucket / HISTOGRAM_PARTS - 1;
	uint64_t upper = bucket % HISTOGRAM_PARTS + HISTOGRAM_PARTS;

	if (bucket < 2 * HISTOGRAM_PARTS)
		return bucket;
	return (uint32_t)(((upper + 1) << shift) - 1);
}

void histogram_add(struct histogram *h, uint32_t value)
{
	h->count++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
	h->bucket[bucket_of(value)]++;
}

uint32_t histogram_percentile(const struct histogram *h, unsigned part, unsigned of)
{
	/* Rounded up, without a product that could overflow. */
	uint64_t rank = h->count / of * part + (h->count % of * part + of - 1) / of;
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen && seen >= rank)
			return histogram_top(i) < h->max ? histogram_top(i) : h->max;
	}
	return 0;
}
