/* SPDX-License-Identifier: MIT */
/*
 * What paging operations cost, in exits.
 *
 * What: for each operation of the guest paging.elf (guest/bench/paging), in hw mode or in shadow
 * mode with one strategy: returns of KVM_RUN, hidden faults and what else Penumbra counts, and the
 * vCPU's exits to the host's kernel as KVM's statistics have them.
 *
 * How: the guest does an operation n times, n times again and 2n times, each between two marks,
 * bytes on its console, at which all counters are read. The first round warms up. What the third
 * has more than the second is the cost of n operations in steady state: what a round costs by
 * itself, its marks among it, cancels.
 *
 * What it cannot tell: time. Nor is a kernel as short as this one like a real one, which does more
 * privileged instructions around each of these: they are in the table, to be added up. KVM's own
 * exits have those for the host's interrupts taken off where KVM counts them, and are the least of
 * several runs: all the same they may be off by a few in a round. Penumbra's own are exact.
 */
#ifndef BENCH_COUNTS_H
#define BENCH_COUNTS_H

#include "sandbox/sandbox.h"

#include <penumbra/penumbra.h>

enum count {
	COUNT_EXITS,	    /* returns of KVM_RUN */
	COUNT_HIDDEN,	    /* hidden faults */
	COUNT_GUEST_FAULTS, /* delivered to the guest, in shadow mode */
	COUNT_TABLE_WRITES, /* emulated stores to guest tables */
	COUNT_KVM,	    /* exits to the host's kernel; 0 throughout if it does not tell */
	COUNTS
};

extern const char *const count_names[COUNTS];

struct counts {
	uint64_t n[COUNTS];
};

/* After - before. */
struct counts counts_between(const struct counts *before, const struct counts *after);

/* Rounds of an operation: for warming up, for n, for 2n. */
#define COUNT_ROUNDS 3

struct counts_result {
	struct counts round[COUNT_ROUNDS]; /* the closing mark, one exit, among it */
};

/* How a row of the report is made of the rounds. */
enum count_row {
	ROW_EACH,    /* cost of one more operation */
	ROW_PER_RUN, /* what doing it n times costs beyond n times that; without the mark */
};

/* An operation of the guest's as a row of the report. */
struct count_operation {
	const char *name;  /* the guest's word; the key in JSON */
	const char *words; /* at most 22 columns */
	const char *guest; /* the guest's word for the run */
	unsigned n;
	enum count_row row;
};

extern const struct count_operation count_operations[]; /* ends with a NULL name */

/* The figure of a row. Exact: nothing is rounded that can be told apart. */
double counts_figure(const struct counts_result *r, const struct count_operation *op, enum count c);

/* Exits of round `round` without the closing mark. */
uint64_t counts_exits(const struct counts_result *r, unsigned round);

/*
 * Runs an operation in a machine of its own, in a process of its own. `config` says mode and strategy,
 * `guest` is the path of paging.elf. Returns 0, an error of making or running a machine, or PN_ERR_STATE if the guest did
 * not end well.
 */
int counts_run(struct counts_result *r, const struct count_operation *op,
	       const struct pn_config *config, const char *guest,
	       const struct sandbox_options *sandbox, struct pn_error *err);

/* The same `times` times; of COUNT_KVM, which the host disturbs, the least is kept. The others must
 * be the same each time: PN_ERR_STATE if they are not. */
int counts_run_quiet(struct counts_result *r, unsigned times, const struct count_operation *op,
		     const struct pn_config *config, const char *guest,
		     const struct sandbox_options *sandbox, struct pn_error *err);

struct pn_machine;

/* All counters of a machine as they are now. */
struct counts counts_read(const struct pn_machine *m);

#endif
