/* SPDX-License-Identifier: MIT */
/* What commands that run one guest of the user's have in common: its machine, and its words. */
#ifndef CLI_GUEST_OPTIONS_H
#define CLI_GUEST_OPTIONS_H

#include "cli/options.h"
#include "sandbox/sandbox.h"

#include <penumbra/guest.h>
#include <penumbra/penumbra.h>

struct guest_options {
	struct pn_config config;
	uint64_t timeout_ns; /* 0: no limit */
	struct sandbox_options sandbox;
	const char *file;	      /* ELF */
	char cmdline[PN_CMDLINE_MAX]; /* the guest's arguments */
};

enum {
	GUEST_OPT_MEM = 1024,
	GUEST_OPT_HUGEPAGES,
	GUEST_OPT_LEVELS,
	GUEST_OPT_TIMEOUT,
	GUEST_OPT_NO_SANDBOX,
};

/* For a table of struct option. */
/* clang-format off */
#define GUEST_OPTIONS                                               \
	{"mem", required_argument, NULL, GUEST_OPT_MEM},             \
	{"hugepages", required_argument, NULL, GUEST_OPT_HUGEPAGES}, \
	{"levels", required_argument, NULL, GUEST_OPT_LEVELS},       \
	{"timeout", required_argument, NULL, GUEST_OPT_TIMEOUT},     \
	{"no-sandbox", no_argument, NULL, GUEST_OPT_NO_SANDBOX}
/* clang-format on */

/* Takes one of them. Returns 0 or an exit status. */
int guest_option(struct guest_options *g, int option, const char *value);

/* Takes "GUEST.elf [-- ARGUMENT...]" from argv[optind] on. Returns 0 or an exit status. */
int guest_operands(struct guest_options *g, const char *command, int argc, char **argv);

#endif
