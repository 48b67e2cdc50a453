/* SPDX-License-Identifier: MIT */
/* What a trace comes to: the JSON object, with more of each list than the page of text has. */
#include "trace/columns.h"
#include "trace/summary.h"
#include "trace/words.h"

#include <inttypes.h>

#define TOP 100

static void print_head(const struct trace_summary *s, const struct pn_trace_header *h, FILE *out)
{
	fputs("{\"format\":\"penumbra-trace-summary\",\"version\":1,\"guest\":", out);
	trace_json_string(out, h->guest);
	fputs(",\"arguments\":", out);
	trace_json_string(out, h->cmdline);
	fputs(",\"host\":", out);
	trace_json_string(out, h->host);
	fprintf(out,
		",\"start_wall_ns\":%" PRIu64 ",\"length_ns\":%" PRIu64 ",\"events\":%" PRIu64
		",\"vcpus\":%u,\"lost\":%" PRIu64 ",\"numbers_missing\":%" PRIu64
		",\"unknown\":%" PRIu64,
		h->start_wall_ns, s->last_ns, s->records, trace_summary_vcpus(s), s->lost, s->gaps,
		s->unknown);
}

static void print_cost(const struct histogram *h, FILE *out)
{
	if (!h->count) {
		fputs("null", out);
		return;
	}
	fprintf(out,
		"{\"count\":%" PRIu64 ",\"sum_ns\":%" PRIu64 ",\"p50_ns\":%" PRIu32
		",\"p90_ns\":%" PRIu32 ",\"p99_ns\":%" PRIu32 ",\"max_ns\":%" PRIu32 "}",
		h->count, h->sum, histogram_percentile(h, 50, 100),
		histogram_percentile(h, 90, 100), histogram_percentile(h, 99, 100), h->max);
}

static void print_by_source(const uint64_t count[PN_SOURCES], FILE *out)
{
	const char *between = "";

	fputc('[', out);
	for (unsigned i = 0; i < PN_SOURCES; i++) {
		if (!count[i])
			continue;
		fprintf(out, "%s{\"source\":\"%s\",\"count\":%" PRIu64 "}", between,
			trace_source_name(i), count[i]);
		between = ",";
	}
	fputc(']', out);
}

static void print_types(const struct trace_summary *s, FILE *out)
{
	const char *between = "";

	fputs(",\"types\":[", out);
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++) {
		if (!s->count[i])
			continue;
		fprintf(out, "%s\n{\"type\":\"%s\",\"count\":%" PRIu64 ",\"cost\":", between,
			trace_type_name(i), s->count[i]);
		print_cost(&s->cost[i], out);
		fputs(",\"sources\":", out);
		print_by_source(s->seen[i], out);
		fputc('}', out);
		between = ",";
	}
	fputs("],\"guest_faults\":[", out);
	between = "";
	for (unsigned i = 0; i < PN_FAULTS; i++) {
		if (!s->fault[i])
			continue;
		fprintf(out, "%s{\"kind\":\"%s\",\"count\":%" PRIu64 "}", between,
			trace_fault_name(i), s->fault[i]);
		between = ",";
	}
	fputs("],\"resolved\":[", out);
	between = "";
	for (unsigned i = 0; i < PN_RESOLUTIONS; i++) {
		if (!s->resolved[i])
			continue;
		fprintf(out, "%s{\"kind\":\"%s\",\"count\":%" PRIu64 "}", between,
			trace_resolution_name(i), s->resolved[i]);
		between = ",";
	}
	fputs("],\"sources\":", out);
	print_by_source(s->source, out);
}

/* The faults of the keys that are not listed, and of those that a tally could not tell apart. */
static void print_rest(const struct tally *t, const char *name, FILE *out)
{
	uint64_t others = t->rest;

	for (size_t i = TOP; i < t->used; i++)
		others += t->entry[i].count;
	fprintf(out, "],\"%s\":{\"faults\":%" PRIu64 ",\"keys\":%zu,\"keys_are_all\":%s}", name,
		others, t->used > TOP ? t->used - TOP : 0, t->rest ? "false" : "true");
}

static void print_counts(const struct tally_entry *e, FILE *out)
{
	fprintf(out, ",\"faults\":%" PRIu64 ",\"guest\":%" PRIu64 ",\"hidden\":%" PRIu64 "}",
		e->count, e->sum, e->count - e->sum);
}

static void print_places(const struct trace_summary *s, FILE *out)
{
	char name[SYMBOL_NAME_MAX + 24];

	fputs(",\"symbols\":[", out);
	for (size_t i = 0; i < s->at.used && i < TOP; i++) {
		const struct tally_entry *e = &s->at.entry[i];

		fputs(i ? ",\n{\"symbol\":" : "\n{\"symbol\":", out);
		if (e->key == SUMMARY_NOWHERE)
			fputs("null", out);
		else
			trace_json_string(out, s->symbols->symbol[e->key].name);
		print_counts(e, out);
	}
	print_rest(&s->at, "symbols_other", out);
	fputs(",\"pages\":[", out);
	for (size_t i = 0; i < s->page.used && i < TOP; i++) {
		const struct tally_entry *e = &s->page.entry[i];
		gva_t gva = e->key << 12;

		fprintf(out, "%s\n{\"gva\":\"0x%" PRIx64 "\",\"symbol\":", i ? "," : "", gva);
		trace_json_string(out, trace_name_of(s->symbols, gva, name, sizeof(name)));
		print_counts(e, out);
	}
	print_rest(&s->page, "pages_other", out);
}

static void print_flushes(const struct trace_summary *s, FILE *out)
{
	const char *between = "";

	fputs(",\"flushes\":[", out);
	for (unsigned k = 0; k < PN_FLUSHES; k++)
		for (unsigned c = 0; c < PN_CAUSES; c++) {
			if (!s->flush[k][c])
				continue;
			fprintf(out,
				"%s\n{\"kind\":\"%s\",\"cause\":\"%s\",\"count\":%" PRIu64
				",\"dropped\":%" PRIu64 "}",
				between, trace_flush_name(k), trace_cause_name(c), s->flush[k][c],
				s->flush_dropped[k][c]);
			between = ",";
		}
	fprintf(out, "],\"flushes_unknown\":%" PRIu64, s->flush_unknown);
}

/* Without a known end there is no part of the run to tell of. */
static void print_windows(const struct trace_summary *s, FILE *out)
{
	fputs(",\"windows\":[", out);
	for (unsigned i = 0; s->end_ns && i < SUMMARY_WINDOWS; i++) {
		const struct summary_window *w = &s->window[i];

		fprintf(out,
			"%s\n{\"from_ns\":%" PRIu64 ",\"guest_faults\":%" PRIu64
			",\"hidden_faults\":%" PRIu64 ",\"flushes\":%" PRIu64 ",\"pages\":%" PRIu64
			",\"pages_are_all\":%s}",
			i ? "," : "", (s->end_ns / SUMMARY_WINDOWS + 1) * i, w->guest_faults,
			w->hidden_faults, w->flushes, w->pages, w->pages_rest ? "false" : "true");
	}
	fputs("]}", out);
}

void trace_summary_json(const struct trace_summary *s, const struct pn_trace_header *header,
			FILE *out)
{
	print_head(s, header, out);
	print_types(s, out);
	print_places(s, out);
	print_flushes(s, out);
	print_windows(s, out);
}
