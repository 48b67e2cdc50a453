/* SPDX-License-Identifier: MIT */
/*
 * Two traces of one guest, as in two modes: what each side's events come to, and where the events
 * that are the guest's own (its faults, marks, loads of CR3 and flushes) agree. Both files are read
 * twice, in bounded memory: once to count, once to align.
 */
#ifndef TRACE_DIFF_DIFF_H
#define TRACE_DIFF_DIFF_H

#include "trace/diff/own.h"
#include "trace/file.h"
#include "trace/tally.h"

#include <penumbra/trace.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define DIFF_PLACES 16 /* the first places where they differ */

struct diff_side {
	const char *path;
	struct trace_reader *reader;
	uint64_t events, length_ns, lost, unknown;
	uint64_t mode[2]; /* events by enum pn_mode */
	uint64_t count[PN_TRACE_TYPES], cost_ns[PN_TRACE_TYPES];
	struct own_sources sources;
	uint64_t own[DIFF_KINDS]; /* the guest's own, each counted once */
	struct tally by_symbol;	  /* index of the symbol, or DIFF_NOWHERE; sum: ns */
};

#define DIFF_NOWHERE UINT64_MAX

/* What came of the aligned events of a kind. */
struct diff_own {
	bool both;	  /* both sides have such events, so they can be aligned */
	uint64_t same;	  /* pairs */
	uint64_t only[2]; /* events of one side */
	/* Of the pairs, by side: the events that came with them, the host's time, and how long until the
	 * guest's next own event. */
	uint64_t between[2], cost_ns[2], elapsed_ns[2];
};

/* A place where the lists differ: what each has there, and how much of it. */
struct diff_place {
	uint64_t number[2]; /* in the list of the guest's own events */
	uint64_t count[2];
	struct pn_trace_record first[2]; /* where count is not 0 */
};

struct diff_symbol {
	uint64_t symbol;
	uint64_t events[2], cost_ns[2];
};

struct trace_diff {
	struct diff_side side[2];
	struct diff_own own[DIFF_KINDS];
	uint64_t same, only[2];
	struct diff_place place[DIFF_PLACES];
	uint64_t places;
	struct diff_symbol *symbol; /* the costliest first */
	size_t symbols;
};

/* Told how many bytes are done, of all that there is to read. */
typedef void diff_progress(void *arg, uint64_t done);

/*
 * Compares. Returns 0, what trace_open and trace_read return, PN_ERR_IMAGE if the files are not of
 * one guest, or PN_ERR_NOMEM; with *err filled. trace_diff_free in any case.
 */
int trace_diff(struct trace_diff *d, const char *a, const char *b, diff_progress *progress,
	       void *arg, struct pn_error *err);
void trace_diff_free(struct trace_diff *d);

/* Bytes that a diff of them will read; 0 if one is no plain file. */
uint64_t trace_diff_size(const char *a, const char *b);

/* Print it: in at most 80 columns, or as one JSON object (docs/trace-format.md). */
void trace_diff_print(const struct trace_diff *d, FILE *out);
void trace_diff_json(const struct trace_diff *d, FILE *out);

#endif
