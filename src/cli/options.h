/* SPDX-License-Identifier: MIT */
/* How every subcommand's options are read: one loop, and the lines that it says of what is wrong. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#define CLI_OPT_HELP 'h'

struct cli_syntax {
	const char *command; /* as the user writes it: "trace diff" */
	const char *usage;
	const struct option *options; /* ends with {0}; "help" has CLI_OPT_HELP */
	bool mixed;		      /* options may stand behind operands */
	/* Takes an option; `value` is NULL if it has none. Returns 0 or an exit status. */
	int (*take)(void *arg, int option, const char *value);
};

/*
 * Reads the options of argv; argv[optind] is the first operand then. Returns 0 to go on, -1 after
 * --help, whose text is printed, or an exit status.
 */
int cli_options(const struct cli_syntax *syntax, void *arg, int argc, char **argv);

/* "--option=value: remedy" as an error; returns an exit status. */
int cli_bad_value(const char *option, const char *value, const char *remedy);

#endif
