/* SPDX-License-Identifier: MIT */
/* What a trace comes to: the counting. */
#include "trace/summary.h"

#include <string.h>

/* Keys of each kind: 1.5 MiB a tally, and 256 MiB of guest memory in pages. */
#define KEYS_BITS 16

int trace_summary_init(struct trace_summary *s, const struct symbols *symbols, uint64_t end_ns)
{
	memset(s, 0, sizeof(*s));
	s->symbols = symbols;
	s->end_ns = end_ns;
	if (tally_init(&s->at, KEYS_BITS) && tally_init(&s->page, KEYS_BITS) &&
	    tally_init(&s->in_window, KEYS_BITS))
		return PN_OK;
	trace_summary_fini(s);
	return PN_ERR_NOMEM;
}

void trace_summary_fini(struct trace_summary *s)
{
	tally_fini(&s->at);
	tally_fini(&s->page);
	tally_fini(&s->in_window);
}

static void end_window(struct trace_summary *s)
{
	struct summary_window *w = &s->window[s->window_at];

	w->pages = s->in_window.used;
	w->pages_rest = s->in_window.rest;
	tally_clear(&s->in_window);
}

/*
 * The window of a time. They come in order; what a damaged file has out of order, or past the end,
 * belongs to the window at hand.
 */
static struct summary_window *window_of(struct trace_summary *s, uint64_t time)
{
	uint64_t width = s->end_ns / SUMMARY_WINDOWS + 1;

	while (s->window_at + 1 < SUMMARY_WINDOWS && time / width > s->window_at) {
		end_window(s);
		s->window_at++;
	}
	return &s->window[s->window_at];
}

static void add_fault(struct trace_summary *s, const struct pn_trace_record *r)
{
	const struct symbol *at = symbols_at(s->symbols, r->rip);
	struct summary_window *w = window_of(s, r->time);

	if (r->type == PN_TRACE_GUEST_FAULT)
		w->guest_faults++;
	else
		w->hidden_faults++;
	if (r->type == PN_TRACE_GUEST_FAULT && r->kind < PN_FAULTS)
		s->fault[r->kind]++;
	tally_add(&s->at, at ? (uint64_t)(at - s->symbols->symbol) : SUMMARY_NOWHERE,
		  r->type == PN_TRACE_GUEST_FAULT);
	tally_add(&s->page, r->address >> 12, r->type == PN_TRACE_GUEST_FAULT);
	tally_add(&s->in_window, r->address >> 12, 0);
}

static void add_flush(struct trace_summary *s, const struct pn_trace_record *r)
{
	window_of(s, r->time)->flushes++;
	if (r->kind >= PN_FLUSHES || r->cause >= PN_CAUSES) {
		s->flush_unknown++;
		return;
	}
	s->flush[r->kind][r->cause]++;
	s->flush_dropped[r->kind][r->cause] += r->count;
}

/* A vCPU's records are numbered from 0: a number passed over is a record that was lost. */
static void check_number(struct trace_summary *s, const struct pn_trace_record *r)
{
	uint32_t gap = r->number - (uint32_t)s->next[r->vcpu];

	/* Half the numbers ahead: it stands before the last, which only damage does. */
	if (gap < UINT32_MAX / 2)
		s->gaps += gap;
	s->next[r->vcpu] = (uint64_t)r->number + 1;
	s->vcpu_set[r->vcpu / 64] |= UINT64_C(1) << r->vcpu % 64;
}

void trace_summary_add(struct trace_summary *s, const struct pn_trace_record *r)
{
	s->records++;
	if (r->time > s->last_ns)
		s->last_ns = r->time;
	check_number(s, r);
	if (r->type == PN_TRACE_NONE || r->type >= PN_TRACE_TYPES) {
		s->unknown++;
		return;
	}
	s->count[r->type]++;
	if (r->source < PN_SOURCES) {
		s->source[r->source]++;
		s->seen[r->type][r->source]++;
	}
	if (r->cost && r->type != PN_TRACE_DROP)
		histogram_add(&s->cost[r->type], r->cost);
	switch (r->type) {
	case PN_TRACE_GUEST_FAULT:
	case PN_TRACE_HIDDEN_FAULT: add_fault(s, r); break;
	case PN_TRACE_FLUSH: add_flush(s, r); break;
	case PN_TRACE_RESOLVED:
		if (r->kind < PN_RESOLUTIONS)
			s->resolved[r->kind]++;
		break;
	case PN_TRACE_DROP: s->lost += r->count; break;
	default: break;
	}
}

void trace_summary_end(struct trace_summary *s)
{
	end_window(s);
	tally_sort_by_count(&s->at);
	tally_sort_by_count(&s->page);
}

unsigned trace_summary_vcpus(const struct trace_summary *s)
{
	unsigned count = 0;

	for (unsigned i = 0; i < 4; i++)
		count += (unsigned)__builtin_popcountll(s->vcpu_set[i]);
	return count;
}

const char *trace_name_of(const struct symbols *symbols, gva_t gva, char *text, size_t size)
{
	const struct symbol *at = symbols_at(symbols, gva);

	*text = 0;
	return at && at->size ? symbols_format(symbols, gva, text, size) : text;
}
