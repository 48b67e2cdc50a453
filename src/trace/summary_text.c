/* SPDX-License-Identifier: MIT */
/* What a trace comes to: the page of text. */
#include "trace/cell.h"
#include "trace/summary.h"
#include "trace/words.h"

#include <inttypes.h>

#define TOP 10

static double per_second(uint64_t count, uint64_t ns)
{
	return ns ? (double)count * 1e9 / (double)ns : 0;
}

static double us(uint64_t ns)
{
	return (double)ns / 1e3;
}

/* Who saw how many, in the order of the format, behind a word; on more than one line if need be. */
static void print_by_source(FILE *out, const char *word, int indent,
			    const uint64_t count[PN_SOURCES])
{
	int width = fprintf(out, "%-*s", indent, word);
	const char *between = "";

	for (unsigned i = 0; i < PN_SOURCES; i++) {
		char text[40];
		int n;

		if (!count[i])
			continue;
		n = snprintf(text, sizeof(text), "%s%s %" PRIu64, between, trace_source_name(i),
			     count[i]);
		if (width + n > 78)
			width = fprintf(out, "\n%-*s", indent, "") - 1;
		width += fprintf(out, "%s", text);
		between = ", ";
	}
	fputc('\n', out);
}

/* What more than one of them has seen is among the counts more than once. */
static void print_twice_seen(const struct trace_summary *s, FILE *out)
{
	bool any = false;

	for (unsigned type = 1; type < PN_TRACE_TYPES; type++) {
		unsigned sources = 0;

		for (unsigned i = 0; i < PN_SOURCES; i++)
			sources += s->seen[type][i] != 0;
		if (sources < 2)
			continue;
		if (!any)
			fprintf(out, "Counted once for each source that saw them:\n");
		any = true;
		print_by_source(out, trace_type_name(type), 16, s->seen[type]);
	}
}

static void print_lost(const struct trace_summary *s, FILE *out)
{
	char missing[48];
	int width = fprintf(out, "%-8s%" PRIu64 "%s", "lost", s->lost,
			    s->lost ? ", for want of room in the ring" : "");

	if (s->gaps != s->lost) {
		width += snprintf(missing, sizeof(missing), "%" PRIu64 " numbers are missing",
				  s->gaps);
		if (width + 2 <= 80)
			fprintf(out, "; %s", missing);
		else
			fprintf(out, ";\n%-8s%s", "", missing);
	}
	fputc('\n', out);
}

static void print_head(const struct trace_summary *s, const struct pn_trace_header *h, FILE *out)
{
	unsigned n = trace_summary_vcpus(s);

	fprintf(out, "%-8s%.30s %.*s\n", "guest", h->guest, 40, h->cmdline);
	fprintf(out, "%-8s%.60s\n", "host", h->host);
	fprintf(out, "%-8s%" PRIu64 " in %.3f ms, %u vCPU%s\n", "events", s->records,
		(double)s->last_ns / 1e6, n, n == 1 ? "" : "s");
	print_by_source(out, "sources", 8, s->source);
	print_lost(s, out);
	if (s->unknown)
		fprintf(out, "%-8s%" PRIu64 " events of types that this program does not know\n",
			"unknown", s->unknown);
}

static void print_types(const struct trace_summary *s, FILE *out)
{
	fprintf(out, "\n%-33s host's time in userspace, us\n", "");
	fprintf(out, "%-12s %9s %10s %8s %8s %8s %8s %9s\n", "event", "count", "a second", "p50",
		"p90", "p99", "max", "total ms");
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++) {
		const struct histogram *h = &s->cost[i];

		if (!s->count[i])
			continue;
		fprintf(out, "%-12s %s %s", trace_type_name(i),
			cell((double)s->count[i], 9, 0, false).text,
			cell(per_second(s->count[i], s->last_ns), 10, 0, false).text);
		if (h->count)
			fprintf(out, " %s %s %s %s %s\n",
				cell(us(histogram_percentile(h, 50, 100)), 8, 2, false).text,
				cell(us(histogram_percentile(h, 90, 100)), 8, 2, false).text,
				cell(us(histogram_percentile(h, 99, 100)), 8, 2, false).text,
				cell(us(h->max), 8, 1, false).text,
				cell((double)h->sum / 1e6, 9, 2, false).text);
		else
			fprintf(out, " %8s %8s %8s %8s %9s\n", "-", "-", "-", "-", "-");
	}
	fprintf(out, "Of several events of one exit the first has the cost of all.\n");
	print_twice_seen(s, out);
}

static void print_faults(const struct trace_summary *s, FILE *out)
{
	if (!s->count[PN_TRACE_GUEST_FAULT])
		return;
	fprintf(out, "\n%12s  %s\n", "guest faults", "what they were about");
	for (unsigned i = 0; i < PN_FAULTS; i++)
		if (s->fault[i])
			fprintf(out, "%12" PRIu64 "  %s\n", s->fault[i], trace_fault_name(i));
	if (s->count[PN_TRACE_RESOLVED])
		fprintf(out, "\n%12s  %s\n", "resolved", "what they were to the guest");
	for (unsigned i = 0; i < PN_RESOLUTIONS; i++)
		if (s->resolved[i])
			fprintf(out, "%12" PRIu64 "  %s\n", s->resolved[i],
				trace_resolution_name(i));
}

static void print_rest(const struct tally *t, FILE *out)
{
	uint64_t others = t->rest;

	for (size_t i = TOP; i < t->used; i++)
		others += t->entry[i].count;
	if (t->used > TOP || t->rest)
		fprintf(out, "%12" PRIu64 " elsewhere, in %s%zu others\n", others,
			t->rest ? "more than " : "", t->used > TOP ? t->used - TOP : 0);
}

static void print_row(const struct tally_entry *e, FILE *out)
{
	fprintf(out, "%12" PRIu64 " %9" PRIu64 " %9" PRIu64 "  ", e->count, e->sum,
		e->count - e->sum);
}

static void print_symbols(const struct trace_summary *s, FILE *out)
{
	if (!s->at.used)
		return;
	fprintf(out, "\n%12s %9s %9s  %s\n", "faults", "guest", "hidden", "by code at");
	for (size_t i = 0; i < s->at.used && i < TOP; i++) {
		const struct tally_entry *e = &s->at.entry[i];

		print_row(e, out);
		fprintf(out, "%.40s\n",
			e->key == SUMMARY_NOWHERE ? "no symbol" : s->symbols->symbol[e->key].name);
	}
	print_rest(&s->at, out);
}

static void print_pages(const struct trace_summary *s, FILE *out)
{
	char where[24];

	if (!s->page.used)
		return;
	fprintf(out, "\n%12s %9s %9s  %s\n", "faults", "guest", "hidden", "about the page");
	for (size_t i = 0; i < s->page.used && i < TOP; i++) {
		const struct tally_entry *e = &s->page.entry[i];
		gva_t gva = e->key << 12;

		print_row(e, out);
		fprintf(out, "0x%016" PRIx64 " %s\n", gva,
			trace_name_of(s->symbols, gva, where, sizeof(where)));
	}
	print_rest(&s->page, out);
}

static void print_flushes(const struct trace_summary *s, FILE *out)
{
	if (!s->count[PN_TRACE_FLUSH])
		return;
	fprintf(out, "\n%12s %9s %9s  %s\n", "flushes", "dropped", "each", "kind, cause");
	for (unsigned k = 0; k < PN_FLUSHES; k++)
		for (unsigned c = 0; c < PN_CAUSES; c++)
			if (s->flush[k][c])
				fprintf(out, "%12" PRIu64 " %9" PRIu64 " %9.1f  %s by %s\n",
					s->flush[k][c], s->flush_dropped[k][c],
					(double)s->flush_dropped[k][c] / (double)s->flush[k][c],
					trace_flush_name(k), trace_cause_name(c));
	if (s->flush_unknown)
		fprintf(out, "%12" PRIu64 " %9s %9s  unknown\n", s->flush_unknown, "-", "-");
}

static void print_windows(const struct trace_summary *s, FILE *out)
{
	bool cut = false;

	if (!s->end_ns) {
		fprintf(out, "\nNo working set: the end of this trace is not known beforehand.\n");
		return;
	}
	fprintf(out, "\n%12s %9s %9s %9s  %s\n", "from ms", "guest", "hidden", "flushes",
		"pages that faults were about");
	for (unsigned i = 0; i < SUMMARY_WINDOWS; i++) {
		const struct summary_window *w = &s->window[i];
		uint64_t from_ns = (s->end_ns / SUMMARY_WINDOWS + 1) * i;

		fprintf(out, "%12.3f %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "  %" PRIu64 "%s\n",
			(double)from_ns / 1e6, w->guest_faults, w->hidden_faults, w->flushes,
			w->pages, w->pages_rest ? " and more" : "");
		cut |= w->pages_rest != 0;
	}
	if (cut)
		fprintf(out,
			"More pages than are counted: what \"and more\" follows is the least.\n");
}

void trace_summary_print(const struct trace_summary *s, const struct pn_trace_header *header,
			 FILE *out)
{
	print_head(s, header, out);
	print_types(s, out);
	print_faults(s, out);
	print_symbols(s, out);
	print_pages(s, out);
	print_flushes(s, out);
	print_windows(s, out);
}
