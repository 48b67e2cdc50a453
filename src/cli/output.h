/* SPDX-License-Identifier: MIT */
/*
 * The guest's console on standard output: a line at a time, and in a way that a time limit or a
 * signal can end even while nobody reads.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>

#define OUTPUT_ROOM 4096

struct output {
	size_t len;
	char bytes[OUTPUT_ROOM]; /* not yet written */
	char last;		 /* the last byte ever written; 0: none */
	int error;		 /* errno of the write that failed; what follows is dropped */
};

/* A pn_console_fn; `arg` is a struct output. */
void output_console(void *arg, const char *bytes, size_t len);

/* Writes what is left. */
void output_flush(struct output *out);

#endif
