/* SPDX-License-Identifier: MIT */
/* The subcommands, each in a file or a directory of its name, found through the table in main.c. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <penumbra/penumbra.h>
#include <stdio.h>

/* Exit statuses of `run`; those below 100 are the guest's own. */
enum cli_exit {
	CLI_TIMEOUT = 124,    /* --timeout or --max-exits was reached */
	CLI_FAILED = 125,     /* Penumbra's own failure: usage, files, system calls */
	CLI_HOST_LACKS = 126, /* this host lacks what was asked for */
	CLI_GUEST_DIED = 127, /* triple fault, access to nowhere, halt for ever */
};

/* Each takes its own name as argv[0] and returns the process's exit status. */
int cli_run(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_demo(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_fuzz(int argc, char **argv);
int cli_trace(int argc, char **argv);

/* Prints "penumbra: " and the line to stderr; returns CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a library error and returns the exit status that goes with its code. */
int cli_fail_error(const struct pn_error *err);

/*
 * Checks after the last printing that all of it reached stdout. Returns `status`, or CLI_FAILED
 * with a line on stderr if it did not.
 */
int cli_finish(int status);

#endif
