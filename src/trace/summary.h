/* SPDX-License-Identifier: MIT */
/*
 * What a trace comes to: counts, costs, where the faults are, what flushes, how many pages are in
 * use. Fed record by record; its memory does not depend on how many there are.
 */
#ifndef TRACE_SUMMARY_H
#define TRACE_SUMMARY_H

#include "symbols.h"
#include "trace/histogram.h"
#include "trace/tally.h"

#include <penumbra/trace.h>
#include <stdio.h>

#define SUMMARY_WINDOWS 10

/* A part of the run, one of SUMMARY_WINDOWS of the same length. */
struct summary_window {
	uint64_t guest_faults, hidden_faults, flushes;
	uint64_t pages;	     /* distinct pages of GVAs that faults were about */
	uint64_t pages_rest; /* faults about pages that were not counted: `pages` is the least */
};

struct trace_summary {
	const struct symbols *symbols; /* the caller's */
	uint64_t end_ns;	       /* of the run, as the caller knows it; 0: not known */
	uint64_t last_ns;	       /* the latest time seen */
	uint64_t records, unknown;     /* all; of types that this version does not know */
	uint64_t count[PN_TRACE_TYPES];
	uint64_t source[PN_SOURCES]; /* records by who saw it */
	uint64_t seen[PN_TRACE_TYPES][PN_SOURCES];
	struct histogram cost[PN_TRACE_TYPES]; /* ns; of records that have one */
	uint64_t fault[PN_FAULTS];	       /* guest faults by what they were about */
	uint64_t resolved[PN_RESOLUTIONS];     /* and by what they were to the guest */
	uint64_t flush[PN_FLUSHES][PN_CAUSES];
	uint64_t flush_dropped[PN_FLUSHES][PN_CAUSES]; /* shadow entries */
	uint64_t flush_unknown;
	uint64_t lost;		/* by DROP records */
	uint64_t gaps;		/* numbers that no record has */
	uint64_t next[256];	/* number expected of each vCPU */
	uint64_t vcpu_set[4];	/* bits: those that left records */
	struct tally at;	/* faults by symbol: its index, or SUMMARY_NOWHERE */
	struct tally page;	/* faults by page: GVA >> 12 */
	struct tally in_window; /* the same, of the window at hand */
	unsigned window_at;
	struct summary_window window[SUMMARY_WINDOWS];
};

#define SUMMARY_NOWHERE UINT64_MAX

/*
 * Makes an empty summary. `end_ns` is the time of the last record, if it is known beforehand
 * (trace_last_ns): without it there are no windows. Returns 0 or PN_ERR_NOMEM.
 */
int trace_summary_init(struct trace_summary *s, const struct symbols *symbols, uint64_t end_ns);
void trace_summary_fini(struct trace_summary *s);

void trace_summary_add(struct trace_summary *s, const struct pn_trace_record *r);

/* Ends it: tallies are sorted, the last window is counted. */
void trace_summary_end(struct trace_summary *s);

/* Prints it in at most 80 columns, after trace_summary_end. */
void trace_summary_print(const struct trace_summary *s, const struct pn_trace_header *header,
			 FILE *out);

/* Prints the same as one JSON object (docs/trace-format.md), without a newline behind it. */
void trace_summary_json(const struct trace_summary *s, const struct pn_trace_header *header,
			FILE *out);

/* The vCPUs that left records. */
unsigned trace_summary_vcpus(const struct trace_summary *s);

/*
 * Writes "name+0x12" of a GVA, or "" where no symbol is known to reach: a name without a size tells
 * nothing of what is far behind it. Returns text.
 */
const char *trace_name_of(const struct symbols *symbols, gva_t gva, char *text, size_t size);

#endif
