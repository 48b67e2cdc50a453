/* SPDX-License-Identifier: MIT */
/* A heap of the last records. */
#include "trace/sorter.h"

#include <stdlib.h>

bool sorter_init(struct sorter *s)
{
	*s = (struct sorter){.heap = malloc(SORTER_ROOM * sizeof(*s->heap))};
	return s->heap != NULL;
}

void sorter_fini(struct sorter *s)
{
	free(s->heap);
	s->heap = NULL;
}

static bool is_before(const struct sorter_entry *a, const struct sorter_entry *b)
{
	return a->record.time != b->record.time ? a->record.time < b->record.time
						: a->order < b->order;
}

/* Puts an entry where it belongs, on the way from `i` up. */
static void rise(struct sorter *s, size_t i, struct sorter_entry e)
{
	for (; i && is_before(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = e;
}

/* The same, on the way from the top down. */
static void sink(struct sorter *s, struct sorter_entry e)
{
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < s->count; i = child) {
		if (child + 1 < s->count && is_before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!is_before(&s->heap[child], &e))
			break;
		s->heap[i] = s->heap[child];
	}
	s->heap[i] = e;
}

bool sorter_put(struct sorter *s, const struct pn_trace_record *r, struct pn_trace_record *out)
{
	struct sorter_entry e = {.order = s->next++, .record = *r};

	if (s->count < SORTER_ROOM) {
		rise(s, s->count++, e);
		return false;
	}
	if (is_before(&e, &s->heap[0])) {
		*out = *r;
		return true;
	}
	*out = s->heap[0].record;
	sink(s, e);
	return true;
}

bool sorter_take(struct sorter *s, struct pn_trace_record *out)
{
	if (!s->count)
		return false;
	*out = s->heap[0].record;
	if (--s->count)
		sink(s, s->heap[s->count]);
	return true;
}
