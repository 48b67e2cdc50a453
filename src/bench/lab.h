/* SPDX-License-Identifier: MIT */
/*
 * What each way of virtualising memory costs, workload by workload, in time and in counts.
 *
 * What: a workload of the guest paging.elf (guest/bench/paging/lab.c), in hw mode and in shadow mode
 * with each strategy. Time of one operation: nanoseconds by the host's clock and ticks of the guest's
 * TSC. Counts of one operation: what Penumbra counts, and exits to the host's kernel.
 *
 * How: one machine for each column, all in one process. A round is so many operations, between two
 * marks at which the guest stops. First three rounds of a fixed number of operations give the counts:
 * what the third, of twice as many, has more than the second. Then the number is doubled until a
 * round takes long enough, for each column by itself. Then the rounds that are measured, the columns
 * in turns, so that what drifts hits all alike. The time of a round has its two marks in it, some
 * microseconds.
 *
 * The second dimension, EPT, NPT or the host kernel's own tables, is warm: what a round touches was
 * touched in the rounds before, but for pages of touch-cold that the guest's allocator had not yet
 * given out.
 *
 * What it cannot tell: what other guests do to this one; what a kernel with more to do around each
 * operation would pay. Times are those of this machine at this time: read ratios.
 */
#ifndef BENCH_LAB_H
#define BENCH_LAB_H

#include "bench/counts.h"
#include "bench/sample.h"

enum lab_column { LAB_HW, LAB_UNSYNC, LAB_WP, LAB_VTLB, LAB_COLUMNS };

extern const char *const lab_column_names[LAB_COLUMNS];

struct lab_workload {
	const char *name;  /* in reports: the guest's word, and the size where there are several */
	const char *words; /* what an operation is */
	const char *guest; /* the guest's word */
	uint64_t size;	   /* what the guest makes of it (lab.c) */
	uint64_t count; /* operations of a counted round; a whole number of whatever they come in */
	uint64_t most;	/* of a round */
	uint64_t ram;	/* bytes of RAM */
	bool by_default;
};

extern const struct lab_workload lab_workloads[]; /* ends with a NULL name */

struct lab_request {
	const char *guest;    /* path of paging.elf */
	unsigned rounds;      /* that are measured, 1 to SAMPLE_MAX */
	uint64_t long_enough; /* ns of a round */
	unsigned columns;     /* bits 1 << enum lab_column; LAB_HW among them */
	const struct sandbox_options *sandbox;
};

/* What a column came to. */
struct lab_cell {
	uint64_t n; /* operations of a round */
	struct sample ns,
		ticks; /* of an operation, round by round: the host's clock, the guest's TSC */
	double count[COUNTS]; /* of an operation */
	uint64_t shadow_peak; /* bytes of shadow tables; 0 in hw mode */
};

struct lab_result {
	struct lab_cell cell[LAB_COLUMNS];
};

/*
 * Measures a workload, in a process of its own. Returns 0, an error of making or running a machine, or
 * PN_ERR_STATE if the guest did something else than it was to.
 */
int lab_run(struct lab_result *r, const struct lab_workload *w, const struct lab_request *q,
	    struct pn_error *err);

#endif
