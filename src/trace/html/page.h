/* SPDX-License-Identifier: MIT */
/*
 * A trace as one HTML page that needs nothing else (docs/trace.md): fed record by record in bounded
 * memory, written at the end. Its text, style and scripts are page.html, page.css and *.js; what
 * they show goes into the page as JSON.
 */
#ifndef TRACE_HTML_PAGE_H
#define TRACE_HTML_PAGE_H

#include "symbols.h"
#include "trace/html/grid.h"
#include "trace/summary.h"
#include "trace/tally.h"

#include <penumbra/trace.h>
#include <stdio.h>

#define PAGE_EVENTS 500	 /* the most costly ones, each of them in the table */
#define PAGE_MARKS  1000 /* marks and changes of mode that have a tick of their own */

/* What the map tells apart by colour: a write to a page that may not be written may be a copy. */
enum page_kind {
	PAGE_MISSING, /* guest faults */
	PAGE_WRITE,
	PAGE_OTHER,
	PAGE_HIDDEN,
	PAGE_FORESEEN,
	PAGE_FLUSH,
	PAGE_TABLE, /* of GPAs, as the next */
	PAGE_SECOND,
	PAGE_KINDS
};

#define PAGE_COLUMNS 2048

/* What happened in a span of time, whatever the page. */
struct page_column {
	uint32_t count[PN_TRACE_TYPES];
	uint32_t broad; /* flushes that are not of one page */
	uint32_t mode[2];
};

struct trace_page {
	const struct pn_trace_header *header;
	const struct symbols *symbols;
	uint64_t records; /* that were fed */
	struct trace_summary summary;
	struct grid grid;
	bool has_map;		/* after its end: there was memory to sort the map in */
	struct tally by_symbol; /* symbol << 8 | type; sum: ns */
	uint64_t column_ns;	/* width of these, which need not be that of the map's */
	struct page_column column[PAGE_COLUMNS];
	uint64_t late;				   /* events after GRID_NS_MAX: in no column */
	struct pn_trace_record event[PAGE_EVENTS]; /* a heap: the least costly first */
	uint64_t order[PAGE_EVENTS];		   /* its place in the trace, beside each */
	size_t events;
	struct pn_trace_record mark[PAGE_MARKS]; /* the first ones */
	size_t marks;
	uint64_t marks_all;
};

/*
 * Makes an empty page; header and symbols stay the caller's, and stay. `end_ns` as for a summary.
 * Returns 0 or PN_ERR_NOMEM.
 */
int trace_page_init(struct trace_page *p, const struct pn_trace_header *header,
		    const struct symbols *symbols, uint64_t end_ns);
void trace_page_fini(struct trace_page *p);

void trace_page_add(struct trace_page *p, const struct pn_trace_record *r);

/*
 * Ends it, and writes it; false if there was no memory for some of it. What was written is checked by
 * the caller, with ferror().
 */
bool trace_page_write(struct trace_page *p, FILE *out);

/* Writes its data as one JSON object, after its end: what trace_page_write puts into the page. False
 * as there. */
bool trace_page_json(const struct trace_page *p, FILE *out);

#endif
