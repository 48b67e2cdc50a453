/* SPDX-License-Identifier: MIT */
/* Runs a program in a mode, and holds what happens against the model, exit by exit. */
#ifndef FUZZ_EXECUTE_H
#define FUZZ_EXECUTE_H

#include "fuzz/guest.h"

/* How a run ended. */
enum fuzz_end {
	FUZZ_AGREED,
	FUZZ_DIVERGED,
	FUZZ_STOPPED, /* by pn_stop() from outside */
	FUZZ_LACKING, /* the host has not what the program needs */
	FUZZ_FAILED,  /* the machine could not be made or run: err */
};

struct fuzz_counts {
	uint64_t programs;
	uint64_t steps;		   /* operations that were done */
	uint64_t skipped;	   /* ... that could not be asked */
	uint64_t done[FUZZ_KINDS]; /* operations by kind */
	uint64_t user;		   /* accesses of ring 3 */
	uint64_t faults;	   /* accesses that did */
	uint64_t open;		   /* accesses whose outcome was open ... */
	uint64_t old;		   /* ... and that went by what no longer was */
	uint64_t toggles;	   /* of the mode, by themselves too */
	uint64_t exits;
};

struct fuzz_result {
	enum fuzz_end end;
	size_t at;     /* of FUZZ_DIVERGED: operations up to here were given to the guest */
	char why[480]; /* one line */
	bool late;     /* ... it made no progress: to try that again takes long */
	struct pn_error err;
	unsigned deviations; /* in force: bits 1 << index in fuzz_deviations */
	struct fuzz_counts counts;
};

/* Around each run of a machine, so that it can be stopped: from outside, or by a time limit. */
struct fuzz_watch {
	void (*begin)(void *arg, struct pn_machine *m);
	void (*end)(void *arg);
	bool (*is_late)(void *arg); /* it was the time limit that stopped it */
	void *arg;
};

/* Runs a program; `model` is the caller's, for use again. `watch` may be NULL. */
void fuzz_execute(struct fuzz_model *model, const struct fuzz_program *p,
		  const struct fuzz_mode *mode, const struct fuzz_options *options,
		  const struct fuzz_watch *watch, struct fuzz_result *result);

#endif
