/* SPDX-License-Identifier: MIT */
/* `bench walk`: the page-table walker's own speed, without a guest and without KVM. */
#ifndef BENCH_WALK_H
#define BENCH_WALK_H

#include <stdint.h>

#define BENCH_WALK_ROUNDS 9

/* Nanoseconds per walk over the rounds. */
struct bench_walk_figure {
	double median_ns, min_ns, max_ns;
};

struct bench_walk_result {
	uint64_t mapped;		  /* bytes of GVA space that are mapped and walked over */
	uint64_t walks;			  /* in each round */
	unsigned rounds;		  /* of each figure */
	struct bench_walk_figure page_4k; /* 4-level, leaves of 4 KiB */
	struct bench_walk_figure page_2m; /* 4-level, leaves of 2 MiB */
};

/*
 * Measures on the calling thread, for about two seconds; needs 4 MiB of host memory, and address
 * space for 1 GiB. Returns 0, PN_ERR_NOMEM, or PN_ERR_STATE if a walk did not give the GPA that
 * was mapped (a broken walker has no speed).
 */
int bench_walk(struct bench_walk_result *result);

#endif
