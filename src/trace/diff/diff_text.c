/* SPDX-License-Identifier: MIT */
/* Two traces of one guest: the page of text. */
#include "trace/diff/diff.h"

#include "trace/cell.h"
#include "trace/words.h"

#include <inttypes.h>
#include <string.h>

#define TOP 15

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

/* b - a with its sign, of unsigned numbers of any size. */
static double difference(const uint64_t *of)
{
	return of[1] >= of[0] ? (double)(of[1] - of[0]) : -(double)(of[0] - of[1]);
}

static const char *mode_of(const struct diff_side *s)
{
	return s->mode[0] && s->mode[1] ? "both modes" : trace_mode_name(s->mode[1] ? 1 : 0);
}

static void print_head(const struct trace_diff *d, FILE *out)
{
	fprintf(out, "%-8s%.70s\n", "guest", d->side[0].reader->header.guest);
	for (unsigned i = 0; i < 2; i++) {
		const struct diff_side *s = &d->side[i];
		const struct pn_trace_header *h = &s->reader->header;

		fprintf(out, "%-8s%.70s\n", i ? "B" : "A", s->path);
		fprintf(out, "%-8s%s on %.50s\n", "", mode_of(s), h->host);
		fprintf(out, "%-8sarguments: %.58s\n", "", h->cmdline);
		fprintf(out, "%-8s%" PRIu64 " events in %.3f ms", "", s->events, ms(s->length_ns));
		if (s->lost)
			fprintf(out, ", %" PRIu64 " lost", s->lost);
		fputc('\n', out);
	}
	if (strcmp(d->side[0].reader->header.cmdline, d->side[1].reader->header.cmdline) != 0)
		fputs("The guest's arguments differ: so may all that follows.\n", out);
	if (d->side[0].lost || d->side[1].lost)
		fputs("Events were lost: what is missing counts as a difference.\n", out);
}

static void print_row(const char *name, const uint64_t *count, const uint64_t *ns, FILE *out)
{
	fprintf(out, "%-12.12s %s %s %s %s %s %s\n", name, cell((double)count[0], 9, 0, false).text,
		cell((double)count[1], 9, 0, false).text, cell(difference(count), 9, 0, true).text,
		cell(ms(ns[0]), 11, 3, false).text, cell(ms(ns[1]), 11, 3, false).text,
		cell(difference(ns) / 1e6, 11, 3, true).text);
}

static void print_types(const struct trace_diff *d, FILE *out)
{
	uint64_t events[2] = {0}, all_ns[2] = {0};

	fprintf(out, "\n%-12s %29s %35s\n", "", "count", "host's time in userspace, ms");
	fprintf(out, "%-12s %9s %9s %9s %11s %11s %11s\n", "event", "A", "B", "B - A", "A", "B",
		"B - A");
	for (unsigned t = 1; t < PN_TRACE_TYPES; t++) {
		uint64_t count[2], ns[2];

		for (unsigned i = 0; i < 2; i++) {
			count[i] = d->side[i].count[t];
			ns[i] = d->side[i].cost_ns[t];
			events[i] += count[i];
			all_ns[i] += ns[i];
		}
		if (count[0] || count[1])
			print_row(trace_type_name(t), count, ns, out);
	}
	print_row("all", events, all_ns, out);
}

static void print_own(const struct trace_diff *d, FILE *out)
{
	uint64_t all[2] = {d->same + d->only[0], d->same + d->only[1]};

	fprintf(out, "\n%-18s %10s %10s %10s %10s %10s\n", "the guest's own", "in A", "in B",
		"the same", "only in A", "only in B");
	for (unsigned k = 0; k < DIFF_KINDS; k++) {
		const struct diff_own *own = &d->own[k];
		uint64_t a = d->side[0].own[k], b = d->side[1].own[k];

		if (own->both)
			fprintf(out,
				"%-18s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
				" %10" PRIu64 "\n",
				diff_kind_names[k], a, b, own->same, own->only[0], own->only[1]);
		else if (a || b)
			fprintf(out, "%-18s %10" PRIu64 " %10" PRIu64 " %32s\n", diff_kind_names[k],
				a, b, a ? "not seen in B: left out" : "not seen in A: left out");
	}
	if (!all[0] || !all[1])
		fputs("Nothing that both have seen: there is nothing to align.\n", out);
	else
		fprintf(out,
			"%" PRIu64 " of %" PRIu64 " (A) and %" PRIu64
			" (B) are the same, in the same order.\n",
			d->same, all[0], all[1]);
}

static void print_average(const uint64_t *sum, double per, FILE *out)
{
	for (unsigned i = 0; i < 2; i++)
		fprintf(out, " %s", cell((double)sum[i] / per, 9, 2, false).text);
}

static void print_with(const struct trace_diff *d, FILE *out)
{
	if (!d->same)
		return;
	fprintf(out, "\n%-18s %19s %19s %19s\n", "with each of these,", "further events",
		"host's time, us", "time until next, us");
	fprintf(out, "%-18s %9s %9s %9s %9s %9s %9s\n", "on average", "A", "B", "A", "B", "A", "B");
	for (unsigned k = 0; k < DIFF_KINDS; k++) {
		const struct diff_own *own = &d->own[k];

		if (!own->same)
			continue;
		fprintf(out, "%-18s", diff_kind_names[k]);
		print_average(own->between, (double)own->same, out);
		print_average(own->cost_ns, (double)own->same * 1e3, out);
		print_average(own->elapsed_ns, (double)own->same * 1e3, out);
		fputc('\n', out);
	}
}

static void print_event(const struct trace_diff *d, const struct diff_place *p, unsigned side,
			FILE *out)
{
	const struct pn_trace_record *r = &p->first[side];
	char where[24], what[128];

	if (!p->count[side]) {
		fprintf(out, "  %c  nothing\n", 'A' + (char)side);
		return;
	}
	fprintf(out, "  %c  %" PRIu64 " from number %" PRIu64 " on, at %.3f ms\n", 'A' + (char)side,
		p->count[side], p->number[side], ms(r->time));
	fprintf(out, "     %-11s %-23s %.36s\n", trace_type_name(r->type),
		trace_where(r, &d->side[side].reader->symbols, where, sizeof(where)),
		trace_what(r, what, sizeof(what)));
}

static void print_places(const struct trace_diff *d, FILE *out)
{
	if (!d->places)
		return;
	fprintf(out, "\nThey differ in %" PRIu64 " place%s", d->places, d->places == 1 ? "" : "s");
	fprintf(out, d->places > DIFF_PLACES ? "; the first %d:\n" : ":\n", DIFF_PLACES);
	for (unsigned i = 0; i < d->places && i < DIFF_PLACES; i++) {
		if (i)
			fputc('\n', out);
		print_event(d, &d->place[i], 0, out);
		print_event(d, &d->place[i], 1, out);
	}
}

static void print_symbol(const char *name, const uint64_t *events, const uint64_t *ns, FILE *out)
{
	fprintf(out, "%-21.21s %s %s %s %s %s\n", name, cell((double)events[0], 9, 0, false).text,
		cell((double)events[1], 9, 0, false).text, cell(ms(ns[0]), 11, 3, false).text,
		cell(ms(ns[1]), 11, 3, false).text, cell(difference(ns) / 1e6, 11, 3, true).text);
}

static void print_symbols(const struct trace_diff *d, FILE *out)
{
	const struct symbols *symbols = &d->side[0].reader->symbols;
	uint64_t rest[2] = {d->side[0].by_symbol.rest, d->side[1].by_symbol.rest}, ns[2] = {0};

	if (!d->symbols)
		return;
	fprintf(out, "\n%-21s %19s %35s\n", "", "events", "host's time in userspace, ms");
	fprintf(out, "%-21s %9s %9s %11s %11s %11s\n", "code at", "A", "B", "A", "B", "B - A");
	for (size_t i = 0; i < d->symbols; i++) {
		const struct diff_symbol *s = &d->symbol[i];

		for (unsigned k = 0; i >= TOP && k < 2; k++) {
			rest[k] += s->events[k];
			ns[k] += s->cost_ns[k];
		}
		if (i < TOP)
			print_symbol(s->symbol == DIFF_NOWHERE ? "no symbol"
							       : symbols->symbol[s->symbol].name,
				     s->events, s->cost_ns, out);
	}
	if (rest[0] || rest[1])
		print_symbol("elsewhere", rest, ns, out);
}

void trace_diff_print(const struct trace_diff *d, FILE *out)
{
	print_head(d, out);
	print_types(d, out);
	print_own(d, out);
	print_with(d, out);
	print_places(d, out);
	print_symbols(d, out);
}
