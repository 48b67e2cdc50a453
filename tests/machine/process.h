/* SPDX-License-Identifier: MIT */
/* Running build/penumbra as a user does: arguments in, two outputs and a status out. */
#ifndef TESTS_MACHINE_PROCESS_H
#define TESTS_MACHINE_PROCESS_H

#include "check.h"

#include <sys/types.h>

#define PROCESS_OUTPUT 65536

struct process {
	pid_t pid;
	int out_fd, err_fd; /* files in memory */
	int status;	    /* exit status, or 1000 + the signal that ended it */
	char out[PROCESS_OUTPUT], err[PROCESS_OUTPUT];
	size_t out_len, err_len;
};

/* Starts build/penumbra with arguments up to a NULL. Standard output goes to `stdout_path` if that
 * is not NULL, and is closed if it is "". */
void process_start(struct process *p, const char *stdout_path, const char *const *arguments);

/* Waits until it has written `text` to standard output; fails the test if it ends first. */
void process_await(struct process *p, const char *text);

/* Waits for the end and collects status and outputs; kills it when time is up. */
void process_wait(struct process *p);

/* Start and wait. */
void process_run(struct process *p, const char *const *arguments);

/* The same with another program. */
void process_run_other(struct process *p, const char *program, const char *const *arguments);

#define RUN(p, ...) process_run((p), (const char *const[]){__VA_ARGS__, NULL})

/* It ended with `status` after exactly one line on standard error that contains `says`. */
void expect_failure(const struct process *p, const char *name, int status, const char *says);

#endif
