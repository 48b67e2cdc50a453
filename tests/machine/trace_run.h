/* SPDX-License-Identifier: MIT */
/* Runs that are traced, and what their files hold: shared by the tests of traces. */
#ifndef TESTS_MACHINE_TRACE_RUN_H
#define TESTS_MACHINE_TRACE_RUN_H

#include "process.h"

#include "trace/file.h"
#include "trace/summary.h"

#include <jansson.h>

#define PAGELAB "build/guest/pagelab.elf"

/* A run of pagelab, and what came of it. */
struct trace_run {
	char trace[32], stats[32]; /* paths */
	struct process process;
	json_t *json; /* its statistics */
};

/* Runs pagelab with all its workloads; `options`, up to a NULL, are further ones of `run`. Fails
 * the test unless it passes. */
void trace_run(struct trace_run *t, const char *const *options);
/* The same with one workload. */
void trace_run_one(struct trace_run *t, const char *const *options, const char *workload);
void trace_run_free(struct trace_run *t);

/* A member of the statistics, or of the object `in` in them. */
long long trace_run_number(const struct trace_run *t, const char *in, const char *member);

/* Sums a file up; the caller frees the summary, and with it the reader. Fails the test if the file
 * cannot be read. */
struct trace_sum {
	struct trace_reader reader;
	struct trace_summary summary;
};
struct trace_sum *trace_sum(const char *path);
void trace_sum_free(struct trace_sum *s);

/* All records of a file; the caller frees them. */
struct pn_trace_record *trace_records(const char *path, size_t *count);

/*
 * Runs the script guest, traced, with a further option, if it is not NULL, and those of a list that
 * ends with NULL, as the list for the guest does. Its records, which the caller frees. Fails the test
 * unless it ends with status 7.
 */
struct pn_trace_record *trace_script(struct process *p, const char *option,
				     const char *const *options, const char *const *script,
				     size_t *count);

#endif
