/* SPDX-License-Identifier: MIT */
/* Two traces of one guest: the JSON object. Of two numbers in brackets the first is A's. */
#include "trace/diff/diff.h"

#include "trace/columns.h"
#include "trace/words.h"

#include <inttypes.h>

#define TOP 100

static void print_pair(const char *name, const uint64_t *of, FILE *out)
{
	fprintf(out, ",\"%s\":[%" PRIu64 ",%" PRIu64 "]", name, of[0], of[1]);
}

static void print_side(const struct diff_side *s, const char *name, FILE *out)
{
	const struct pn_trace_header *h = &s->reader->header;

	fprintf(out, ",\n\"%s\":{\"path\":", name);
	trace_json_string(out, s->path);
	fputs(",\"arguments\":", out);
	trace_json_string(out, h->cmdline);
	fputs(",\"host\":", out);
	trace_json_string(out, h->host);
	fprintf(out,
		",\"events\":%" PRIu64 ",\"events_hw\":%" PRIu64 ",\"events_shadow\":%" PRIu64
		",\"unknown\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"length_ns\":%" PRIu64 "}",
		s->events, s->mode[0], s->mode[1], s->unknown, s->lost, s->length_ns);
}

static void print_types(const struct trace_diff *d, FILE *out)
{
	const char *between = "";

	fputs(",\n\"types\":[", out);
	for (unsigned t = 1; t < PN_TRACE_TYPES; t++) {
		const uint64_t count[2] = {d->side[0].count[t], d->side[1].count[t]};
		const uint64_t ns[2] = {d->side[0].cost_ns[t], d->side[1].cost_ns[t]};

		if (!count[0] && !count[1])
			continue;
		fprintf(out, "%s\n{\"type\":\"%s\"", between, trace_type_name(t));
		print_pair("count", count, out);
		print_pair("cost_ns", ns, out);
		fputc('}', out);
		between = ",";
	}
	fputc(']', out);
}

static void print_own(const struct trace_diff *d, FILE *out)
{
	const char *between = "";

	fputs(",\n\"own\":[", out);
	for (unsigned k = 0; k < DIFF_KINDS; k++) {
		const struct diff_own *own = &d->own[k];
		const uint64_t count[2] = {d->side[0].own[k], d->side[1].own[k]};

		if (!count[0] && !count[1])
			continue;
		fprintf(out, "%s\n{\"kind\":\"%s\",\"aligned\":%s,\"same\":%" PRIu64, between,
			diff_kind_names[k], own->both ? "true" : "false", own->same);
		print_pair("count", count, out);
		print_pair("only", own->only, out);
		print_pair("with_events", own->between, out);
		print_pair("with_cost_ns", own->cost_ns, out);
		print_pair("until_next_ns", own->elapsed_ns, out);
		fputc('}', out);
		between = ",";
	}
	fprintf(out, "],\"same\":%" PRIu64, d->same);
	print_pair("only", d->only, out);
}

static void print_event(const struct trace_diff *d, const struct diff_place *p, unsigned side,
			FILE *out)
{
	fputs(side ? ",\"b\":" : ",\"a\":", out);
	if (p->count[side])
		trace_json_record(out, &p->first[side], &d->side[side].reader->symbols);
	else
		fputs("null", out);
}

static void print_places(const struct trace_diff *d, FILE *out)
{
	fprintf(out, ",\n\"places_all\":%" PRIu64 ",\"places\":[", d->places);
	for (unsigned i = 0; i < d->places && i < DIFF_PLACES; i++) {
		const struct diff_place *p = &d->place[i];

		fprintf(out, "%s\n{\"count\":[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", p->count[0],
			p->count[1]);
		print_pair("number", p->number, out);
		print_event(d, p, 0, out);
		print_event(d, p, 1, out);
		fputc('}', out);
	}
	fputc(']', out);
}

static void print_symbols(const struct trace_diff *d, FILE *out)
{
	const struct symbols *symbols = &d->side[0].reader->symbols;
	uint64_t events[2] = {d->side[0].by_symbol.rest, d->side[1].by_symbol.rest}, ns[2] = {0};

	fputs(",\n\"symbols\":[", out);
	for (size_t i = 0; i < d->symbols; i++) {
		const struct diff_symbol *s = &d->symbol[i];

		if (i >= TOP) {
			for (unsigned k = 0; k < 2; k++) {
				events[k] += s->events[k];
				ns[k] += s->cost_ns[k];
			}
			continue;
		}
		fputs(i ? ",\n{\"symbol\":" : "\n{\"symbol\":", out);
		if (s->symbol == DIFF_NOWHERE)
			fputs("null", out);
		else
			trace_json_string(out, symbols->symbol[s->symbol].name);
		print_pair("events", s->events, out);
		print_pair("cost_ns", s->cost_ns, out);
		fputc('}', out);
	}
	fprintf(out, "],\"symbols_other\":{\"symbols\":%zu",
		d->symbols > TOP ? d->symbols - TOP : 0);
	print_pair("events", events, out);
	print_pair("cost_ns", ns, out);
	fputc('}', out);
}

void trace_diff_json(const struct trace_diff *d, FILE *out)
{
	fputs("{\"format\":\"penumbra-trace-diff\",\"version\":1,\"guest\":", out);
	trace_json_string(out, d->side[0].reader->header.guest);
	print_side(&d->side[0], "a", out);
	print_side(&d->side[1], "b", out);
	print_types(d, out);
	print_own(d, out);
	print_places(d, out);
	print_symbols(d, out);
	fputs("}\n", out);
}
