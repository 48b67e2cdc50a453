/* SPDX-License-Identifier: MIT */
/*
 * How far a long piece of work is: one line on standard error, rewritten in place, if that is a
 * terminal; nothing in a pipe or a file. It is gone when the work is done.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; /* the caller's */
	uint64_t all;	  /* bytes, or whatever is counted */
	uint64_t next_ns; /* when to look again */
	bool on, shown;
};

/*
 * Begins. `all` 0: not known, and nothing is shown. `quiet`: nothing is shown, as the work's own
 * output goes to the same terminal.
 */
void progress_begin(struct progress *p, const char *what, uint64_t all, bool quiet);

/* So much of `all` is done: shown ten times a second at most, and not in the first half second. */
void progress_show(struct progress *p, uint64_t done);

/* Takes the line away. */
void progress_end(struct progress *p);

#endif
