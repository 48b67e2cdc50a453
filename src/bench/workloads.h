/* SPDX-License-Identifier: MIT */
/*
 * What pagelab's workloads cost, in exits.
 *
 * What and how: each workload with its defaults, run from boot to end; from its counters those of a
 * pagelab that only boots and ends are taken off. Counters as in counts.h.
 *
 * What it cannot tell: which part of a workload the exits are for; bench/counts.h has the parts.
 */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include "bench/counts.h"

/* The workloads' names, and last a NULL; and the words of a pagelab that only boots and ends. */
extern const char *const workload_names[];
#define WORKLOAD_BOOT "exit status=0"

/*
 * Counts of a whole run of pagelab with the words given. `config` says mode and strategy, `guest`
 * is the path of pagelab.elf. Of COUNT_KVM it is the least of `times` runs. Returns as counts_run().
 */
int workload_count(struct counts *c, const char *words, unsigned times,
		   const struct pn_config *config, const char *guest,
		   const struct sandbox_options *sandbox, struct pn_error *err);

#endif
