/* SPDX-License-Identifier: MIT */
/* The command line of `penumbra explain`. */
#ifndef CLI_EXPLAIN_OPTIONS_H
#define CLI_EXPLAIN_OPTIONS_H

#include "cli/guest_options.h"
#include "memory/walk.h"
#include "vcpu/stop_at.h"

enum explain_form { EXPLAIN_TEXT, EXPLAIN_JSON, EXPLAIN_SVG };

struct explain_options {
	struct guest_options guest;
	const char *gva; /* a number or a symbol; NULL: that of the fault stopped at */
	enum walk_access access;
	bool has_access;
	bool user;
	enum stop_kind at;
	uint64_t n;	    /* which mark or fault */
	const char *symbol; /* of STOP_ADDRESS: a symbol or a number */
	enum explain_form form;
};

/* Reads the command line. Returns 0 to go on, -1 after --help, or an exit status. */
int explain_options_parse(struct explain_options *o, int argc, char **argv);

#endif
