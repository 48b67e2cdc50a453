/* SPDX-License-Identifier: MIT */
/*
 * The data of an HTML page, as JSON. Lists that may be long are flat: of columns and counts in
 * turns, without those that are 0. Addresses are text, as JavaScript's numbers end at 2^53.
 */
#include "trace/columns.h"
#include "trace/html/page.h"
#include "trace/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TOP	  100 /* symbols */

#define NO_SYMBOL (UINT64_MAX >> 8)

/* The greatest names are longer than what a row's label has room for. */
#define NAME_MAX_SHOWN 48

static void print_types(FILE *out)
{
	fputs(",\n\"types\":[", out);
	for (unsigned i = 0; i < PN_TRACE_TYPES; i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", trace_type_name(i));
	fputc(']', out);
}

static void print_histograms(const struct trace_page *p, FILE *out)
{
	const char *between = "";

	fputs(",\n\"histograms\":{", out);
	for (unsigned t = 1; t < PN_TRACE_TYPES; t++) {
		const struct histogram *h = &p->summary.cost[t];
		const char *comma = "";

		if (!h->count)
			continue;
		fprintf(out, "%s\n\"%s\":[", between, trace_type_name(t));
		for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
			if (!h->bucket[i])
				continue;
			fprintf(out, "%s%" PRIu32 ",%" PRIu64, comma, histogram_top(i),
				h->bucket[i]);
			comma = ",";
		}
		fputc(']', out);
		between = ",";
	}
	fputc('}', out);
}

/* The first symbol that begins in a row, or else the one that the row's begin is in. */
static void print_row_name(const struct trace_page *p, gva_t gva, uint64_t bytes, FILE *out)
{
	const struct symbols *s = p->symbols;
	size_t low = 0, high = s->count;
	char name[NAME_MAX_SHOWN];

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s->symbol[mid].gva < gva)
			low = mid + 1;
		else
			high = mid;
	}
	trace_name_of(s, gva, name, sizeof(name));
	if (!*name && low < s->count && s->symbol[low].gva - gva < bytes)
		snprintf(name, sizeof(name), "%s", s->symbol[low].name);
	trace_json_string(out, name);
}

static void print_rows(const struct trace_page *p, FILE *out)
{
	const struct grid *g = &p->grid;
	unsigned shift = g->page_shift + 12;

	fputs(",\n\"rows\":[", out);
	for (size_t i = 0; i < g->rows; i++) {
		uint64_t address = g->row[i] << shift; /* the space's bit is shifted out */
		bool physical = g->row[i] & GRID_GPA;

		fprintf(out, "%s[%d,\"0x%" PRIx64 "\",", i ? "," : "", physical, address);
		if (physical)
			fputs("\"\"", out);
		else
			print_row_name(p, address, UINT64_C(1) << shift, out);
		fputc(']', out);
	}
	fputc(']', out);
}

static const char *const kind_names[PAGE_KINDS] = {
	[PAGE_MISSING] = "missing", [PAGE_WRITE] = "write",	  [PAGE_OTHER] = "other",
	[PAGE_HIDDEN] = "hidden",   [PAGE_FORESEEN] = "foreseen", [PAGE_FLUSH] = "flush",
	[PAGE_TABLE] = "table",	    [PAGE_SECOND] = "second",
};

/* By kind a list of rows, each of them its index and then columns and counts in turns. */
static void print_cells(const struct grid *g, FILE *out)
{
	const struct grid_cell *last = NULL;

	fputs(",\n\"cells\":{", out);
	for (size_t i = 0; i < g->used; i++) {
		const struct grid_cell *c = &g->cell[i];

		if (!last || last->kind != c->kind)
			fprintf(out, "%s\n\"%s\":[[%zu", last ? "]]," : "", kind_names[c->kind],
				grid_row(g, c->page));
		else if (last->page != c->page)
			fprintf(out, "],[%zu", grid_row(g, c->page));
		fprintf(out, ",%u,%" PRIu32, c->column, c->count);
		last = c;
	}
	fputs(last ? "]]}" : "}", out);
}

static void print_map(const struct trace_page *p, FILE *out)
{
	const struct grid *g = &p->grid;

	fprintf(out,
		",\n\"map\":{\"whole\":%s,\"columns\":%d,\"column_ns\":%" PRIu64
		",\"row_pages\":%" PRIu64 ",\"events\":%" PRIu64 ",\"cells\":%zu,\"most\":%" PRIu32
		",\"crowded\":%" PRIu64,
		p->has_map ? "true" : "false", GRID_COLUMNS, g->column_ns,
		UINT64_C(1) << g->page_shift, g->events, g->used, g->most, g->crowded);
	fputs("}", out);
	if (p->has_map) {
		print_rows(p, out);
		print_cells(g, out);
	} else {
		fputs(",\"rows\":[],\"cells\":{}", out);
	}
}

/* One member of every column, where it is not 0; `at` is its place in struct page_column. */
static void print_column(const struct trace_page *p, const char *name, size_t at, FILE *out)
{
	const char *comma = "";

	fprintf(out, "\"%s\":[", name);
	for (unsigned i = 0; i < PAGE_COLUMNS; i++) {
		uint32_t count;

		memcpy(&count, (const char *)&p->column[i] + at, sizeof(count));
		if (!count)
			continue;
		fprintf(out, "%s%u,%" PRIu32, comma, i, count);
		comma = ",";
	}
	fputc(']', out);
}

static void print_columns(const struct trace_page *p, FILE *out)
{
	fprintf(out, ",\n\"lane_ns\":%" PRIu64 ",\"late\":%" PRIu64 ",\"columns\":{", p->column_ns,
		p->late);
	for (unsigned t = 1; t < PN_TRACE_TYPES; t++) {
		if (!p->summary.count[t])
			continue;
		print_column(p, trace_type_name(t),
			     offsetof(struct page_column, count) + t * sizeof(uint32_t), out);
		fputs(",\n", out);
	}
	print_column(p, "broad", offsetof(struct page_column, broad), out);
	fputc(',', out);
	print_column(p, "hw", offsetof(struct page_column, mode), out);
	fputc(',', out);
	print_column(p, "shadow", offsetof(struct page_column, mode) + sizeof(uint32_t), out);
	fputc('}', out);
}

/* --- Symbols: what happened at each, and what it cost --- */

struct row {
	uint64_t symbol; /* index, or NO_SYMBOL */
	uint64_t events, ns, count[PN_TRACE_TYPES];
};

static int by_cost(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
	if (x->events != y->events)
		return x->events < y->events ? 1 : -1;
	return (x->symbol > y->symbol) - (x->symbol < y->symbol);
}

/* Keys of one symbol stand together. How many symbols there are; 0 if there is no memory. */
static size_t rows_of(const struct tally *t, struct row **rows)
{
	size_t count = 0;

	*rows = calloc(t->used + 1, sizeof(**rows));
	for (size_t i = 0; *rows && i < t->used; i++) {
		const struct tally_entry *e = &t->entry[i];
		struct row *row = *rows + count;

		if (!count || row[-1].symbol != e->key >> 8)
			(*rows)[count++].symbol = e->key >> 8;
		row = *rows + count - 1;
		row->events += e->count;
		row->ns += e->sum;
		row->count[e->key & 0xff] += e->count;
	}
	if (count)
		qsort(*rows, count, sizeof(**rows), by_cost);
	return count;
}

/* False if there is no memory. */
static bool print_symbols(const struct trace_page *p, FILE *out)
{
	uint64_t events = p->by_symbol.rest, ns = 0;
	struct row *rows;
	size_t count = rows_of(&p->by_symbol, &rows);

	if (!rows)
		return false;
	fputs(",\n\"symbols\":[", out);
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];

		if (i >= TOP) {
			events += r->events;
			ns += r->ns;
			continue;
		}
		fputs(i ? ",\n[" : "\n[", out);
		trace_json_string(out, r->symbol == NO_SYMBOL ? "(no symbol)"
							      : p->symbols->symbol[r->symbol].name);
		fprintf(out, ",%" PRIu64 ",%" PRIu64, r->events, r->ns);
		for (unsigned t = 1; t < PN_TRACE_TYPES; t++)
			fprintf(out, ",%" PRIu64, r->count[t]);
		fputc(']', out);
	}
	free(rows);
	fprintf(out, "],\"symbols_other\":[%zu,%" PRIu64 ",%" PRIu64 "]",
		count > TOP ? count - TOP : 0, events, ns);
	return true;
}

static void print_event(const struct trace_page *p, const struct pn_trace_record *r, uint64_t order,
			FILE *out)
{
	char where[SYMBOL_NAME_MAX + 24], what[128];

	fprintf(out, "[%" PRIu64 ",%" PRIu64 ",%u,\"%s\",%u,%" PRIu32 ",%u,\"0x%" PRIx64 "\",",
		order, r->time, r->vcpu, trace_mode_name(r->mode), r->type, r->cost, r->cpl,
		r->rip);
	trace_json_string(out, trace_where(r, p->symbols, where, sizeof(where)));
	fputc(',', out);
	trace_json_string(out, trace_what(r, what, sizeof(what)));
	fputc(']', out);
}

static void print_events(const struct trace_page *p, FILE *out)
{
	fputs(",\n\"events\":[", out);
	for (size_t i = 0; i < p->events; i++) {
		fputs(i ? ",\n" : "\n", out);
		print_event(p, &p->event[i], p->order[i], out);
	}
	fputs("],\n\"marks\":[", out);
	for (size_t i = 0; i < p->marks; i++) {
		fputs(i ? ",\n" : "\n", out);
		print_event(p, &p->mark[i], 0, out);
	}
	fprintf(out, "],\"marks_all\":%" PRIu64, p->marks_all);
}

bool trace_page_json(const struct trace_page *p, FILE *out)
{
	bool whole;

	fputs("{\"summary\":", out);
	trace_summary_json(&p->summary, p->header, out);
	print_types(out);
	print_histograms(p, out);
	print_map(p, out);
	print_columns(p, out);
	whole = print_symbols(p, out) && p->has_map;
	print_events(p, out);
	fputc('}', out);
	return whole;
}
