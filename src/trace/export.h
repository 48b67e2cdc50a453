/* SPDX-License-Identifier: MIT */
/*
 * Exports: a trace in the formats of other programs. Each is a file export_NAME.c with three
 * functions; records go through one at a time, and none keeps more than a bounded number of things.
 */
#ifndef TRACE_EXPORT_H
#define TRACE_EXPORT_H

#include "symbols.h"
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
	uint64_t time, rip, page;
};

struct trace_export {
	const struct trace_export_format *format;
	const struct pn_trace_header *header;
	const struct symbols *symbols;
	FILE *out;
	uint64_t records;

	struct tally tally;    /* folded, callgrind: by symbol and type; sum: costs in ns */
	uint64_t last_ns;      /* chrome, from here on */
	uint64_t vcpu_seen[4]; /* bits */
	uint64_t faults[2];    /* guest, hidden */
	uint64_t counter_ns;   /* time of the last counter */
	bool counted;	       /* there was one, and nothing since */
	struct export_flow flow[EXPORT_FLOWS];
	uint64_t flows; /* that were drawn */
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
