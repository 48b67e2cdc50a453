/* SPDX-License-Identifier: MIT */
/* What the measurements of `penumbra bench` share: one file each, found through bench.c's table. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "bench/sample.h"
#include "sandbox/sandbox.h"

#include <jansson.h>
#include <stdbool.h>

/* What was asked for. */
struct bench_request {
	bool json;
	bool csv;	  /* of workloads */
	bool counts_only; /* of bench shadow: no times, no workloads */
	unsigned rounds;
	struct sandbox_options sandbox;
	int names; /* of bench shadow: only these operations; 0: all */
	char *const *name;
	const char *gate; /* of bench compare; NULL: the default */
};

/* Each prints its report and returns the process's exit status. */
int bench_compare_command(const struct bench_request *r);
int bench_lab_command(const struct bench_request *r);
int bench_startup_command(const struct bench_request *r);
int bench_walk_command(const struct bench_request *r);
int bench_shadow_command(const struct bench_request *r);
int bench_trace_command(const struct bench_request *r);

/* {"median", "min", "max"}. */
json_t *bench_spread_json(struct sample *s);

/* {"penumbra_ns": spread, "bare_ns": spread, "ratio": spread}. */
json_t *bench_pair_json(struct sample *penumbra, struct sample *bare, struct sample *ratio);

/* The head of a table of pairs, and one row: both medians in microseconds, the ratio's spread. */
void bench_print_head(const char *first);
void bench_print_pair(const char *name, struct sample *penumbra, struct sample *bare,
		      struct sample *ratio);

/* Prints an object and lets it go. NULL is out of memory. */
int bench_print_json(json_t *object);

#endif
