/* SPDX-License-Identifier: MIT */
/*
 * A histogram of costs in bounded memory, log-linear: exact below 64, above that each power of two
 * is cut into 32 buckets of equal width. A percentile is never below the true one, and at most one
 * part in 32 above it.
 */
#ifndef TRACE_HISTOGRAM_H
#define TRACE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PARTS	  32
#define HISTOGRAM_BUCKETS (2 * HISTOGRAM_PARTS + 26 * HISTOGRAM_PARTS)

struct histogram {
	uint64_t count, sum;
	uint32_t max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* The greatest value that a bucket holds. */
uint32_t histogram_top(unsigned bucket);

void histogram_add(struct histogram *h, uint32_t value);

/*
 * The value that `part` of `of` values do not exceed (99 of 100: p99): the greatest that its bucket
 * holds, but no more than the greatest value there was. 0 for an empty histogram.
 */
uint32_t histogram_percentile(const struct histogram *h, unsigned part, unsigned of);

#endif
