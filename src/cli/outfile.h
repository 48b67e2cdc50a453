/* SPDX-License-Identifier: MIT */
/*
 * A file that a command writes beside standard output: whole when the command succeeds; not there
 * when it fails, or empty if that was in the sandbox, where no file can be removed. What is no regular
 * file, as a pipe or a device, is only closed.
 */
#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include <stdio.h>

struct outfile {
	const char *path;
	FILE *f; /* NULL: not open */
};

/* Makes it anew. Returns 0, or CLI_FAILED after a line. */
int outfile_open(struct outfile *o, const char *path);

/*
 * Closes it, and removes it if `failed` or if not all of it has reached the file. Returns 0, or
 * CLI_FAILED: after a line, if nothing else has failed. One that is not open is no failure.
 */
int outfile_close(struct outfile *o, int failed);

#endif
