/* SPDX-License-Identifier: MIT */
/* A trace as an HTML page: what is gathered for it, and how it becomes a page. */
#include "trace/html/page.h"

#include "trace/export.h"

#include <string.h>

#define KEYS_BITS 16

/* The template, from page.S: page.html with style and script in it. */
extern const char page_template[], page_template_end[];

/* Where the template has the title, and where the data. */
#define TITLE "@TITLE@"
#define DATA  "@DATA@"

int trace_page_init(struct trace_page *p, const struct pn_trace_header *header,
		    const struct symbols *symbols, uint64_t end_ns)
{
	memset(p, 0, sizeof(*p));
	p->header = header;
	p->symbols = symbols;
	p->column_ns = end_ns < GRID_NS_MAX ? end_ns / PAGE_COLUMNS + 1 : 1;
	if (!trace_summary_init(&p->summary, symbols, end_ns) && grid_init(&p->grid, end_ns) &&
	    tally_init(&p->by_symbol, KEYS_BITS))
		return PN_OK;
	trace_page_fini(p);
	return PN_ERR_NOMEM;
}

void trace_page_fini(struct trace_page *p)
{
	trace_summary_fini(&p->summary);
	grid_fini(&p->grid);
	tally_fini(&p->by_symbol);
}

/* Makes columns twice as wide until a time lies in one. */
static void reach(struct trace_page *p, uint64_t time)
{
	for (; time / p->column_ns >= PAGE_COLUMNS; p->column_ns *= 2) {
		for (size_t i = 0; i < PAGE_COLUMNS / 2; i++) {
			struct page_column a = p->column[2 * i], b = p->column[2 * i + 1];

			for (unsigned t = 0; t < PN_TRACE_TYPES; t++)
				a.count[t] += b.count[t];
			a.broad += b.broad;
			a.mode[0] += b.mode[0];
			a.mode[1] += b.mode[1];
			p->column[i] = a;
		}
		memset(&p->column[PAGE_COLUMNS / 2], 0, PAGE_COLUMNS / 2 * sizeof(p->column[0]));
	}
}

/* A record's place in the map: its page, with its space, and its kind; -1: it has none. */
static int place_of(const struct pn_trace_record *r, uint64_t *page)
{
	*page = r->address >> 12;
	switch (r->type) {
	case PN_TRACE_GUEST_FAULT:
		return r->kind == PN_FAULT_NOT_PRESENT ? PAGE_MISSING
		       : r->kind == PN_FAULT_WRITE     ? PAGE_WRITE
						       : PAGE_OTHER;
	case PN_TRACE_HIDDEN_FAULT: return PAGE_HIDDEN;
	case PN_TRACE_FORESEEN: return PAGE_FORESEEN;
	case PN_TRACE_FLUSH: return r->kind == PN_FLUSH_PAGE ? PAGE_FLUSH : -1;
	case PN_TRACE_TABLE_WRITE: *page |= GRID_GPA; return PAGE_TABLE;
	case PN_TRACE_SECOND_FAULT: *page |= GRID_GPA; return PAGE_SECOND;
	default: return -1;
	}
}

static void add_to_map(struct trace_page *p, const struct pn_trace_record *r)
{
	struct page_column *c;
	uint64_t page;
	int kind = place_of(r, &page);

	if (r->time >= GRID_NS_MAX) {
		p->late++;
		return;
	}
	if (kind >= 0)
		grid_add(&p->grid, (unsigned)kind, page, r->time);
	reach(p, r->time);
	c = &p->column[r->time / p->column_ns];
	c->count[r->type]++;
	c->broad += r->type == PN_TRACE_FLUSH && kind < 0;
	if (r->mode < 2)
		c->mode[r->mode]++;
}

/* Of two of one cost the earlier is worth more. */
static bool is_less(const struct trace_page *p, size_t a, size_t b)
{
	if (p->event[a].cost != p->event[b].cost)
		return p->event[a].cost < p->event[b].cost;
	return p->order[a] > p->order[b];
}

static void swap(struct trace_page *p, size_t a, size_t b)
{
	struct pn_trace_record event = p->event[a];
	uint64_t order = p->order[a];

	p->event[a] = p->event[b];
	p->order[a] = p->order[b];
	p->event[b] = event;
	p->order[b] = order;
}

static void sink(struct trace_page *p)
{
	for (size_t i = 0;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < p->events; child++)
			if (is_less(p, child, least))
				least = child;
		if (least == i)
			return;
		swap(p, i, least);
		i = least;
	}
}

static void rise(struct trace_page *p)
{
	for (size_t i = p->events - 1; i && is_less(p, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(p, i, (i - 1) / 2);
}

static void add_event(struct trace_page *p, const struct pn_trace_record *r)
{
	size_t at = 0;

	if (p->events < PAGE_EVENTS)
		at = p->events++;
	else if (r->cost <= p->event[0].cost)
		return;
	p->event[at] = *r;
	p->order[at] = p->records;
	if (at || p->events == 1)
		rise(p);
	else
		sink(p);
}

static void add_mark(struct trace_page *p, const struct pn_trace_record *r)
{
	p->marks_all++;
	if (p->marks < PAGE_MARKS)
		p->mark[p->marks++] = *r;
}

void trace_page_add(struct trace_page *p, const struct pn_trace_record *r)
{
	const struct symbol *at;

	trace_summary_add(&p->summary, r);
	p->records++;
	if (r->type == PN_TRACE_NONE || r->type >= PN_TRACE_TYPES)
		return;
	add_to_map(p, r);
	add_event(p, r);
	if (r->type == PN_TRACE_MARK || r->type == PN_TRACE_MODE)
		add_mark(p, r);
	at = symbols_at(p->symbols, r->rip);
	tally_add(&p->by_symbol,
		  (at ? (uint64_t)(at - p->symbols->symbol) : UINT64_MAX >> 8) << 8 | r->type,
		  r->cost);
}

static void write_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		default: fputc(*text, out);
		}
	}
}

/* Writes the template up to a word, and returns what is behind it. */
static const char *write_up_to(FILE *out, const char *from, const char *word)
{
	size_t left = (size_t)(page_template_end - from);
	const char *at = memmem(from, left, word, strlen(word));

	fwrite(from, 1, at ? (size_t)(at - from) : left, out);
	return at ? at + strlen(word) : page_template_end;
}

bool trace_page_write(struct trace_page *p, FILE *out)
{
	const char *at = page_template;
	bool whole;

	trace_summary_end(&p->summary);
	p->has_map = grid_end(&p->grid);
	tally_sort_by_key(&p->by_symbol);
	at = write_up_to(out, at, TITLE);
	write_escaped(out, p->header->guest);
	fputc(' ', out);
	write_escaped(out, p->header->cmdline);
	at = write_up_to(out, at, DATA);
	whole = trace_page_json(p, out);
	fwrite(at, 1, (size_t)(page_template_end - at), out);
	return whole;
}
