/* SPDX-License-Identifier: MIT */
/* The groups of machine tests: each file test_NAME.c defines one, main.c runs them. */
#ifndef TESTS_MACHINE_GROUPS_H
#define TESTS_MACHINE_GROUPS_H

#include "check.h"

#define GROUP_TESTS_MAX 64

struct group {
	const char *name;
	const struct CMUnitTest *tests;
	size_t count;
	bool alone; /* its files have names of their own: two suites must not run it at a time */
};

/* At the end of a file: its group, made of its table of tests. */
#define GROUP_OF(title, table) \
	const struct group group_##title = {.name = #title, .tests = (table), .count = COUNT(table)}

#define GROUP_ALONE_OF(title, table)         \
	const struct group group_##title = { \
		.name = #title, .tests = (table), .count = COUNT(table), .alone = true}

extern const struct group group_embed;
extern const struct group group_map;
extern const struct group group_boot;
extern const struct group group_calls;
extern const struct group group_ends;
extern const struct group group_options;
extern const struct group group_stats;
extern const struct group group_bench;
extern const struct group group_bench_shadow;
extern const struct group group_bench_lab;
extern const struct group group_bench_compare;
extern const struct group group_system_calls;
extern const struct group group_pagelab;
extern const struct group group_shadow;
extern const struct group group_toggle;
extern const struct group group_fuzz;
extern const struct group group_fuzz_command;
extern const struct group group_hostile;
extern const struct group group_hostile_self;
extern const struct group group_hostile_reach;
extern const struct group group_hostile_edges;
extern const struct group group_hostile_slots;
extern const struct group group_cr2;
extern const struct group group_warnings;
extern const struct group group_untrack;
extern const struct group group_keys;
extern const struct group group_levels;
extern const struct group group_conformance;
extern const struct group group_probe;
extern const struct group group_device;
extern const struct group group_explain;
extern const struct group group_explain_line;
extern const struct group group_examples;
extern const struct group group_sandbox;
extern const struct group group_sandbox_run;
extern const struct group group_sandbox_commands;
extern const struct group group_trace;
extern const struct group group_trace_read;
extern const struct group group_trace_source;
extern const struct group group_trace_host;
extern const struct group group_trace_kernel;
extern const struct group group_faults;
extern const struct group group_fault_limits;
extern const struct group group_fault_memory;
extern const struct group group_fault_signals;

#endif
