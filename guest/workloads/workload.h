/* SPDX-License-Identifier: MIT */
/*
 * Workloads: each sets something up, lets user programs run, and checks everything it can know:
 * contents, fault counts, error codes, CR2, accessed and dirty bits, frames.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include "host.h"
#include "params.h"
#include "process.h"

#include <stdbool.h>

/* One run of a workload: its name for messages, and how it goes. */
struct check {
	const char *name;
	bool failed; /* a check has failed */
	bool unfit;  /* because the machine is too small for what was asked for */
};

struct workload {
	const char *name;
	const char *summary;
	bool in_all;
	struct bounds bounds[PARAM_COUNT];
	void (*run)(struct check *c, const struct params *params);
};

/* Does what the command line says. Returns the guest's exit status. */
enum status workload_main(const char *cmdline);

/* The table, ended by an entry without a name. workload.c. */
extern const struct workload workloads[];

/* Says what was expected and what was got, if they differ. Returns whether they are equal; after
 * the first failure of a run the others are not printed. */
bool check_equal(struct check *c, const char *what, uint64_t expected, uint64_t got);
bool check_true(struct check *c, const char *what, bool holds);

/* That no process was killed or has failed a check of its own; if so, tells what happened. */
bool check_alive(struct check *c);

/* That the process has ended by SYS_EXIT with `status`. */
bool check_exited(struct check *c, const struct process *p, uint64_t status);

/* That it has called SYS_BLOCK with `value`. */
bool check_blocked(struct check *c, const struct process *p, uint64_t value);

/* That the fault logged `back` before the last one is this one. */
bool check_fault(struct check *c, const struct process *p, unsigned back, enum fault_kind kind,
		 uint64_t error, gva_t gva);

/* That the leaf for `gva` is of `level`, accessed on every level, and dirty (there only) or not. */
bool check_use(struct check *c, const struct process *p, gva_t gva, unsigned level, bool dirty);

/*
 * That there is memory for so many processes (tables, stack, image) and `frames` frames more. If
 * not, says so; the guest then ends with STATUS_USAGE.
 */
bool check_memory(struct check *c, uint64_t processes, uint64_t frames);

/* The line of a run without failure: "touch    ok  pages=256 faults=256". Nothing if it failed. */
void check_ok(const struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line about something that is left out. */
void check_skip(const struct check *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* process_create(), with a failed check if it cannot. */
struct process *check_create(struct check *c, enum program program, uint64_t a, uint64_t b,
			     uint64_t d, uint64_t e);

/* Adds `pages` pages at `start`, with a failed check if it cannot. */
struct area *check_area(struct check *c, struct process *p, enum area_kind kind, gva_t start,
			uint64_t pages, unsigned prot, uint64_t source);

void run_touch(struct check *c, const struct params *params);
void run_warm(struct check *c, const struct params *params);
void run_file(struct check *c, const struct params *params);
void run_remap(struct check *c, const struct params *params);
void run_protect(struct check *c, const struct params *params);
void run_fork(struct check *c, const struct params *params);
void run_switch(struct check *c, const struct params *params);
void run_spawn(struct check *c, const struct params *params);
void run_huge(struct check *c, const struct params *params);
void run_user(struct check *c, const struct params *params);
void run_spin(struct check *c, const struct params *params);
void run_mmio(struct check *c, const struct params *params);
void run_triple(struct check *c, const struct params *params);
void run_halt(struct check *c, const struct params *params);
void run_exit(struct check *c, const struct params *params);
void run_panic(struct check *c, const struct params *params);
void run_overflow(struct check *c, const struct params *params);

#endif
