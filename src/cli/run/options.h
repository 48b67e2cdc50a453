/* SPDX-License-Identifier: MIT */
/* The command line of `penumbra run`: its options as data, and what they come to. */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include "cli/guest_options.h"

/* What --mmu asks of the host's second dimension. */
struct mmu_choice {
	const char *name;
	enum pn_mode mode;
	bool ept, npt, other; /* which are acceptable */
};

struct run_options {
	struct guest_options guest;
	const struct mmu_choice *mmu;
	bool no_warnings;
	const char *trace;	/* file, or "-"; NULL: none */
	uint32_t trace_types;	/* bits 1 << enum pn_trace_type */
	uint32_t trace_sources; /* bits 1 << enum pn_trace_source, beyond the mode's own */
	bool stats, stats_json;
	const char *stats_file;
};

/* Reads the command line. Returns 0 to go on, -1 after --help, or an exit status. */
int run_options_parse(struct run_options *r, int argc, char **argv);

#endif
