/* SPDX-License-Identifier: MIT */
/* What a run came to: exits, faults, flushes, KVM's own statistics, start-up by phase. */
#ifndef CLI_STATS_H
#define CLI_STATS_H

#include "machine.h"
#include "sandbox/sandbox.h"

#include <jansson.h>
#include <stdio.h>

/* Collected after a run, printed in one form or another. */
struct stats {
	json_t *json;	  /* the object that --stats-file documents (docs/man/penumbra-run.1) */
	bool was_stopped; /* and the guest did not end by itself */
};

/*
 * Collects. `begin_ns` is when the process began its work (CLOCK_MONOTONIC). Returns 0 or
 * PN_ERR_NOMEM; a host without KVM_GET_STATS_FD gives empty kvm_stats.
 */
int stats_collect(struct stats *stats, struct pn_machine *m, const struct pn_result *result,
		  const struct sandbox *sandbox, uint64_t begin_ns);
void stats_free(struct stats *stats);

/* Aligned text, at most 80 columns. */
void stats_print(const struct stats *stats, FILE *out);

/* One JSON object and a newline. Returns 0 or -1 (errno tells). */
int stats_print_json(const struct stats *stats, FILE *out);

#endif
