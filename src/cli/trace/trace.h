/* SPDX-License-Identifier: MIT */
/* What `run` and `trace` share, and what the parts of `trace` do. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "cli/outfile.h"
#include "trace/export.h"
#include "trace/file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Reads a list of event types into a set of bits. Returns 0, or CLI_FAILED after a line. */
int cli_trace_filter(const char *list, uint32_t *types);

/* What was asked for. */
struct trace_request {
	const char *path, *output; /* output NULL: standard output */
	uint32_t types;		   /* bits 1 << enum pn_trace_type */
	bool summary, json, html;
	const struct trace_export_format *format; /* NULL: none */
	struct outfile file;			  /* of `output` */
	FILE *out;				  /* that, or standard output */
};

/* Prints a trace as asked for; an exit status, after a line if it is no success. */
int cli_trace_print(struct trace_request *q, struct trace_reader *r);

/* Opens what q->output names, or takes standard output. Returns 0, or CLI_FAILED after a line. */
int cli_trace_output(struct trace_request *q);

/*
 * All of it has reached the file, or standard output. `failed`: something else has, and been told of;
 * a file does not stay then. Returns 0, or CLI_FAILED after a line.
 */
int cli_trace_finish(struct trace_request *q, int failed);

/* `penumbra trace diff`: an exit status. argv[0] is "diff". */
int cli_trace_diff(int argc, char **argv);

#endif
