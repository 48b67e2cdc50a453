/* SPDX-License-Identifier: MIT */
/*
 * Exports: a trace in the formats of other programs. Each is a file export_NAME.c with three
 * functions; records go through one at a time, and none keeps more than a bounded number of things.
 */
#ifndef TRACE_EXPORT_H
#define TRACE_EXPORT_H

#include "symbols.h"
#include "trace/sorter.h"
#include "trace/tally.h"

#include <penumbra/penumbra.h>
#include <penumbra/trace.h>
#include <stdio.h>

struct trace_export;

struct trace_export_format {
	const char *name;
	void (*begin)(struct trace_export *x);
	void (*record)(struct trace_export *x, const struct pn_trace_record *r);
	void (*end)(struct trace_export *x);
};

extern const struct trace_export_format trace_export_json;
extern const struct trace_export_format trace_export_csv;
extern const struct trace_export_format trace_export_chrome;
extern const struct trace_export_format trace_export_folded;
extern const struct trace_export_format trace_export_callgrind;

/* What chrome keeps of a guest fault until it is resolved. */
#define EXPORT_FLOWS 64
struct export_flow {
	bool open;
	uint8_t vcpu;
	unsigned tid;
	uint64_t time, rip, page;
};

/* Threads of chrome: by who saw the events, then by vCPU; the two that see exits share theirs. */
#define EXPORT_THREADS (PN_SOURCES * 256)

struct export_chrome {
	struct sorter sorter; /* its heap NULL: no memory, events stay as they come */
	uint64_t last_ns;
	bool seen[EXPORT_THREADS];
	uint64_t free_ns[EXPORT_THREADS]; /* the end of the thread's last slice */
	uint64_t faults[2];		  /* guest, hidden */
	uint64_t flushes, table_writes;
	uint64_t counter_ns; /* time of the last counter */
	bool counted;	     /* there was one, and nothing since */
	struct export_flow flow[EXPORT_FLOWS];
	uint64_t flows; /* that were drawn */
};

struct trace_export {
	const struct trace_export_format *format;
	const struct pn_trace_header *header;
	const struct symbols *symbols;
	FILE *out;
	uint64_t records;
	struct tally tally; /* folded, callgrind: by symbol and type; sum: costs in ns */
	struct export_chrome chrome;
};

/* The format of a name, or NULL. */
const struct trace_export_format *trace_export_named(const char *name);

/*
 * Begins an export to `out`; header and symbols stay the caller's, and stay. Returns 0 or
 * PN_ERR_NOMEM. What was written is checked by the caller, with ferror() after trace_export_end().
 */
int trace_export_begin(struct trace_export *x, const struct trace_export_format *format,
		       const struct pn_trace_header *header, const struct symbols *symbols,
		       FILE *out);
void trace_export_record(struct trace_export *x, const struct pn_trace_record *r);

/* Writes what is left, and frees. */
void trace_export_end(struct trace_export *x);

/* For the formats that count by symbol: adds a record to x->tally; the parts of a key. */
void export_count(struct trace_export *x, const struct pn_trace_record *r);
unsigned export_key_type(uint64_t key);

/* The symbol's name, with every character that a format of lines gives a meaning made '_'. */
const char *export_key_symbol(const struct trace_export *x, uint64_t key, char *text, size_t size);

#endif
