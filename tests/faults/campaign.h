/* SPDX-License-Identifier: MIT */
/*
 * One command, run again and again, with another of its system calls failing each time; and what is
 * right then:
 *
 * - it ends by itself, in time, with a status that its manual page has;
 * - either it says on one line what failed, with the text of the errno, or it did what it does
 *   without the fault, which is right only for the calls that judge.c lists with the reason;
 * - nothing is left open or mapped, and what it has written is whole, or is not there, or says
 *   itself that it is cut short.
 *
 * PENUMBRA_FAULTS_EVERY=1 in the environment: every call of a run, not the first and the last of each
 * label. PENUMBRA_FAULTS_VERBOSE=1: each run is told. PENUMBRA_FAULTS_COMMAND=NAME: this command alone.
 */
#ifndef TESTS_FAULTS_CAMPAIGN_H
#define TESTS_FAULTS_CAMPAIGN_H

#include "faults/tracer.h"

#define COMMAND_ARGUMENTS 24

struct command {
	const char *name; /* of the test */
	const char *argv[COMMAND_ARGUMENTS];
	bool varies;	  /* what it prints on standard output is not the same twice */
	const char *file; /* what it writes beside, by a path in argv; removed before each run */
	/* Whether the file is as it should be after a run that ended with `status`; `why` is filled
	 * in if not. NULL: a run that fails leaves none. */
	bool (*file_is_right)(const char *path, int status, char *why, size_t size);
	bool says;	  /* a line of its own, unless it has failed before that */
	int extra;	  /* a status beside 125 and 126 that a fault may give */
	bool json;	  /* what it prints is JSON; of one shape if it succeeds */
	bool finds;	  /* what fails is a finding on standard output: 0 and 1 are right then */
	bool foreign;	  /* no program of ours: its messages are its own */
	bool own;	  /* only allocations that the program makes itself: glibc's name service
			     does not live through a failure */
	bool refused_too; /* worth trying on a host that refuses it, too */
	bool slow;	  /* in the long form only */
	const char *only[8]; /* labels that begin so, once each; none: all */
};

/* Lines of what was found. */
struct complaints {
	unsigned runs, count;
	char text[8192];
};

void complain(struct complaints *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Each system call of a command fails in turn; reads and writes are cut short, and interrupted. */
void campaign_calls(const struct command *command, struct complaints *c);

/*
 * Each allocation of a command fails in turn: one, or from one on all. argv[0] is a program with
 * allocate.c in it. In the short form so many of them, the first and the last and some between.
 */
void campaign_allocations(const struct command *command, struct complaints *c);

/* What a signal may do to a command. */
struct signal_rule {
	int signal;
	int status;	  /* of one that was stopped by it */
	const char *says; /* on standard error then; NULL: anything */
	bool may_kill;	  /* before it is caught, or when it no longer is */
};

/*
 * A signal at a system call of the command, one after the other: it ends with the rule's status, as it
 * does without a signal, or, if it may, by the signal. In the short form at some of the calls.
 */
void campaign_signal(const struct command *command, const struct signal_rule *rule,
		     struct complaints *c);

#endif
