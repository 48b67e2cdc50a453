/* SPDX-License-Identifier: MIT */
/* Two traces of one guest: counting and aligning. */
#include "trace/diff/diff.h"

#include "error.h"
#include "trace/diff/align.h"
#include "trace/sorter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEYS_BITS 16

/* --- Reading --- */

struct work {
	struct trace_diff *diff;
	diff_progress *progress;
	void *arg;
	uint64_t done; /* bytes of the passes before */
	struct pn_error *err;
	int code;
	struct stream {
		struct sorter sorter;
		int batch, at; /* records in the reader's batch, and how many are taken */
		bool read_all;
		bool pending; /* `event` waits for what comes with it */
		struct align_event event;
		uint64_t number; /* of the next of the guest's own events */
	} stream[2];
};

static void report(struct work *w)
{
	const struct diff_side *s = w->diff->side;

	if (w->progress)
		w->progress(w->arg, w->done + s[0].reader->taken + s[1].reader->taken);
}

static void count(struct diff_side *s, const struct pn_trace_record *r)
{
	const struct symbols *symbols = &s->reader->symbols;
	const struct symbol *at = symbols_at(symbols, r->rip);
	int kind = own_kind(r);

	s->events++;
	if (r->time > s->length_ns)
		s->length_ns = r->time;
	if (r->mode < 2)
		s->mode[r->mode]++;
	if (r->type == PN_TRACE_NONE || r->type >= PN_TRACE_TYPES) {
		s->unknown++;
		return;
	}
	if (r->type == PN_TRACE_DROP)
		s->lost += r->count;
	s->count[r->type]++;
	s->cost_ns[r->type] += r->cost;
	if (kind >= 0)
		own_see(&s->sources, r, kind);
	tally_add(&s->by_symbol, at ? (uint64_t)(at - symbols->symbol) : DIFF_NOWHERE, r->cost);
}

static int count_all(struct work *w, struct diff_side *s)
{
	int n;

	while ((n = trace_read(s->reader, w->err)) > 0) {
		for (int i = 0; i < n; i++)
			count(s, &s->reader->batch[i]);
		report(w);
	}
	own_choose(&s->sources);
	for (int kind = 0; kind < DIFF_KINDS; kind++)
		s->own[kind] = own_count(&s->sources, kind);
	return n;
}

/* The next record of a side in the order of time; false at the end, and after an error. */
static bool next_record(struct work *w, unsigned side, struct pn_trace_record *r)
{
	struct trace_reader *reader = w->diff->side[side].reader;
	struct stream *s = &w->stream[side];

	while (!s->read_all) {
		if (s->at < s->batch) {
			if (sorter_put(&s->sorter, &reader->batch[s->at++], r))
				return true;
			continue;
		}
		s->at = 0;
		s->batch = trace_read(reader, w->err);
		if (s->batch < 0)
			w->code = s->batch;
		s->read_all = s->batch <= 0;
		report(w);
	}
	return sorter_take(&s->sorter, r);
}

static uint64_t since(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* The next of the guest's own events, with all that came with it. */
static bool next_own(void *arg, unsigned side, struct align_event *event)
{
	struct work *w = arg;
	struct stream *s = &w->stream[side];
	struct pn_trace_record r;

	while (next_record(w, side, &r)) {
		int kind = own_kind(&r);
		bool had = s->pending;

		if (kind >= 0 && !own_is_chosen(&w->diff->side[side].sources, &r, kind))
			continue;
		if (kind < 0 || !w->diff->own[kind].both) {
			/* What the guest did, if it cannot be aligned, is not what the mode added. */
			s->event.between += kind < 0 && r.type < PN_TRACE_TYPES;
			s->event.cost_ns += r.cost;
			continue;
		}
		*event = s->event;
		event->elapsed_ns = since(s->event.record.time, r.time);
		s->event = (struct align_event){.key = own_key(&r, kind),
						.kind = (unsigned)kind,
						.record = r,
						.number = s->number++,
						.cost_ns = r.cost};
		s->pending = true;
		if (had)
			return true;
	}
	*event = s->event;
	if (!s->pending)
		return false;
	s->pending = false;
	return true;
}

/* --- Aligning --- */

static void add_same(void *arg, const struct align_event *a, const struct align_event *b)
{
	struct work *w = arg;
	struct diff_own *own = &w->diff->own[a->kind];
	const struct align_event *of[2] = {a, b};

	w->diff->same++;
	own->same++;
	for (unsigned i = 0; i < 2; i++) {
		own->between[i] += of[i]->between;
		own->cost_ns[i] += of[i]->cost_ns;
		own->elapsed_ns[i] += of[i]->elapsed_ns;
	}
}

static void add_place(void *arg, const struct align_event *a, size_t a_count,
		      const struct align_event *b, size_t b_count)
{
	struct work *w = arg;
	struct trace_diff *d = w->diff;
	const struct align_event *of[2] = {a, b};
	const size_t counts[2] = {a_count, b_count};
	struct diff_place place = {0};

	for (unsigned i = 0; i < 2; i++) {
		d->only[i] += counts[i];
		for (size_t k = 0; k < counts[i]; k++)
			d->own[of[i][k].kind].only[i]++;
		place.count[i] = counts[i];
		if (counts[i]) {
			place.number[i] = of[i]->number;
			place.first[i] = of[i]->record;
		}
	}
	if (d->places < DIFF_PLACES)
		d->place[d->places] = place;
	d->places++;
}

static int align_all(struct work *w)
{
	const struct align_handler handler = {next_own, add_same, add_place, w};
	struct stream *s = w->stream;
	bool ok = sorter_init(&s[0].sorter) && sorter_init(&s[1].sorter) && align(&handler);

	sorter_fini(&s[0].sorter);
	sorter_fini(&s[1].sorter);
	return ok ? w->code : pn_fail(w->err, PN_ERR_NOMEM, "out of memory");
}

/* --- Symbols --- */

static uint64_t most(const struct diff_symbol *s)
{
	return s->cost_ns[0] > s->cost_ns[1] ? s->cost_ns[0] : s->cost_ns[1];
}

static int by_cost(const void *a, const void *b)
{
	const struct diff_symbol *x = a, *y = b;

	if (most(x) != most(y))
		return most(x) < most(y) ? 1 : -1;
	return (x->symbol > y->symbol) - (x->symbol < y->symbol);
}

/* Both sides' tallies in one list. */
static int join_symbols(struct trace_diff *d, struct pn_error *err)
{
	struct tally *a = &d->side[0].by_symbol, *b = &d->side[1].by_symbol;
	size_t i = 0, j = 0;

	tally_sort_by_key(a);
	tally_sort_by_key(b);
	d->symbol = calloc(a->used + b->used + 1, sizeof(*d->symbol));
	if (!d->symbol)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	while (i < a->used || j < b->used) {
		struct diff_symbol *to = &d->symbol[d->symbols++];
		bool of_a = i < a->used && (j == b->used || a->entry[i].key <= b->entry[j].key);
		bool of_b = j < b->used && (i == a->used || b->entry[j].key <= a->entry[i].key);

		if (of_a) {
			*to = (struct diff_symbol){.symbol = a->entry[i].key,
						   .events = {a->entry[i].count},
						   .cost_ns = {a->entry[i].sum}};
			i++;
		}
		if (of_b) {
			to->symbol = b->entry[j].key;
			to->events[1] = b->entry[j].count;
			to->cost_ns[1] = b->entry[j].sum;
			j++;
		}
	}
	qsort(d->symbol, d->symbols, sizeof(*d->symbol), by_cost);
	return PN_OK;
}

/* --- All of it --- */

static bool same_symbols(const struct symbols *a, const struct symbols *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->symbol[i].gva != b->symbol[i].gva ||
		    strcmp(a->symbol[i].name, b->symbol[i].name) != 0)
			return false;
	return true;
}

static int open_side(struct diff_side *s, const char *path, struct pn_error *err)
{
	struct stat st;
	int code;

	s->path = path;
	s->reader = malloc(sizeof(*s->reader));
	if (!s->reader || !tally_init(&s->by_symbol, KEYS_BITS)) {
		/* Without a file that was opened there is nothing to close. */
		free(s->reader);
		s->reader = NULL;
		pn_fail(err, PN_ERR_NOMEM, "out of memory");
		return PN_ERR_NOMEM;
	}
	code = trace_open(s->reader, path, err);
	if (code) {
		free(s->reader);
		s->reader = NULL;
		return code;
	}
	if (fstat(s->reader->fd, &st))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "%s: fstat", path);
	if (!S_ISREG(st.st_mode))
		return pn_fail(err, PN_ERR_IMAGE, "%s: no plain file: a diff reads it twice", path);
	return PN_OK;
}

static int check_guests(const struct trace_diff *d, struct pn_error *err)
{
	const struct trace_reader *a = d->side[0].reader, *b = d->side[1].reader;

	if (strcmp(a->header.guest, b->header.guest) != 0)
		return pn_fail(err, PN_ERR_IMAGE,
			       "%.60s is of %.40s and %.60s of %.40s: give two traces of one guest",
			       d->side[0].path, a->header.guest, d->side[1].path, b->header.guest);
	if (!same_symbols(&a->symbols, &b->symbols))
		return pn_fail(err, PN_ERR_IMAGE,
			       "%.60s and %.60s are of two builds of %.40s: their symbols differ",
			       d->side[0].path, d->side[1].path, a->header.guest);
	return PN_OK;
}

static int compare(struct work *w)
{
	struct trace_diff *d = w->diff;
	int code = PN_OK;

	for (unsigned i = 0; i < 2 && !code; i++)
		code = count_all(w, &d->side[i]);
	w->done = d->side[0].reader->taken + d->side[1].reader->taken;
	for (unsigned i = 0; i < 2 && !code; i++)
		code = trace_rewind(d->side[i].reader, w->err);
	for (unsigned k = 0; k < DIFF_KINDS; k++)
		d->own[k].both = d->side[0].own[k] && d->side[1].own[k];
	if (!code)
		code = align_all(w);
	return code ? code : join_symbols(d, w->err);
}

int trace_diff(struct trace_diff *d, const char *a, const char *b, diff_progress *progress,
	       void *arg, struct pn_error *err)
{
	struct work *w = calloc(1, sizeof(*w));
	int code;

	memset(d, 0, sizeof(*d));
	if (!w)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	*w = (struct work){.diff = d, .progress = progress, .arg = arg, .err = err};
	code = open_side(&d->side[0], a, err);
	if (!code)
		code = open_side(&d->side[1], b, err);
	if (!code)
		code = check_guests(d, err);
	if (!code)
		code = compare(w);
	free(w);
	return code;
}

void trace_diff_free(struct trace_diff *d)
{
	for (unsigned i = 0; i < 2; i++) {
		if (d->side[i].reader)
			trace_close(d->side[i].reader);
		free(d->side[i].reader);
		tally_fini(&d->side[i].by_symbol);
	}
	free(d->symbol);
}

uint64_t trace_diff_size(const char *a, const char *b)
{
	struct stat x, y;

	if (stat(a, &x) || stat(b, &y) || !S_ISREG(x.st_mode) || !S_ISREG(y.st_mode))
		return 0;
	return 2 * ((uint64_t)x.st_size + (uint64_t)y.st_size);
}
