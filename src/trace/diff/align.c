/* SPDX-License-Identifier: MIT */
/* Alignment of two lists through a window on each. */
#include "trace/diff/align.h"

#include <stdlib.h>
#include <string.h>

/* What is in view of a list: the events from `at` up to `count`. */
struct view {
	struct align_event event[2 * ALIGN_WINDOW];
	size_t at, count;
	bool ended;
};

static size_t left(const struct view *v)
{
	return v->count - v->at;
}

static const struct align_event *first(const struct view *v)
{
	return &v->event[v->at];
}

static void fill(struct view *v, unsigned side, const struct align_handler *h)
{
	if (v->ended || left(v) >= ALIGN_WINDOW)
		return;
	memmove(v->event, first(v), left(v) * sizeof(v->event[0]));
	v->count = left(v);
	v->at = 0;
	while (v->count < 2 * ALIGN_WINDOW && !v->ended) {
		if (h->next(h->arg, side, &v->event[v->count]))
			v->count++;
		else
			v->ended = true;
	}
}

/* Whether the lists agree in `run` events from there on, or up to the end of both. */
static bool agree(const struct view *a, size_t i, const struct view *b, size_t j, size_t run)
{
	for (; run; run--, i++, j++) {
		bool a_ends = i == left(a), b_ends = j == left(b);

		if (a_ends || b_ends)
			return a_ends && b_ends;
		if (first(a)[i].key != first(b)[j].key)
			return false;
	}
	return true;
}

/*
 * The nearest place where they agree again: the fewest events left out of both. One event in common
 * may be chance, so a longer run is looked for first.
 */
static bool meet(const struct view *a, const struct view *b, size_t *i, size_t *j)
{
	static const size_t runs[] = {4, 2, 1};
	size_t in_a = left(a) < ALIGN_WINDOW ? left(a) : ALIGN_WINDOW;
	size_t in_b = left(b) < ALIGN_WINDOW ? left(b) : ALIGN_WINDOW;

	for (size_t r = 0; r < sizeof(runs) / sizeof(runs[0]); r++)
		for (size_t sum = 1; sum <= in_a + in_b; sum++)
			for (*i = sum > in_b ? sum - in_b : 0; *i <= in_a && *i <= sum; ++*i) {
				*j = sum - *i;
				if (agree(a, *i, b, *j, runs[r]))
					return true;
			}
	*i = in_a;
	*j = in_b;
	return false;
}

/* What is left out of both may have single events in common: the most of them, of a short piece. */
#define PIECE ((size_t)64)

static void match(const struct align_handler *h, const struct view *a, size_t n,
		  const struct view *b, size_t m)
{
	static const uint8_t none[PIECE + 1] = {0};
	/* How many the pieces from i and j on have in common. */
	uint8_t common[PIECE][PIECE + 1] = {{0}};
	size_t i = 0, j = 0;

	for (i = n; i-- > 0;) {
		const uint8_t *below = i + 1 < n ? common[i + 1] : none;

		for (j = m; j-- > 0;)
			common[i][j] = first(a)[i].key == first(b)[j].key
					       ? (uint8_t)(below[j + 1] + 1)
				       : below[j] > common[i][j + 1] ? below[j]
								     : common[i][j + 1];
	}
	for (i = j = 0; i < n || j < m;) {
		size_t from_i = i, from_j = j;

		/* Past what is only in one of them, to the next that is in both. */
		while (i < n && j < m && first(a)[i].key != first(b)[j].key) {
			const uint8_t *below = i + 1 < n ? common[i + 1] : none;

			if (below[j] >= common[i][j + 1])
				i++;
			else
				j++;
		}
		if (i == n || j == m) {
			i = n;
			j = m;
		}
		if (i > from_i || j > from_j)
			h->differ(h->arg, &first(a)[from_i], i - from_i, &first(b)[from_j],
				  j - from_j);
		for (; i < n && j < m && first(a)[i].key == first(b)[j].key; i++, j++)
			h->same(h->arg, &first(a)[i], &first(b)[j]);
	}
}

bool align(const struct align_handler *h)
{
	struct view *v = calloc(2, sizeof(*v)), *a, *b;

	if (!v)
		return false;
	a = &v[0];
	b = &v[1];
	for (;;) {
		size_t i, j;

		fill(a, 0, h);
		fill(b, 1, h);
		if (!left(a) && !left(b))
			break;
		if (left(a) && left(b) && first(a)->key == first(b)->key) {
			h->same(h->arg, first(a), first(b));
			a->at++;
			b->at++;
			continue;
		}
		meet(a, b, &i, &j);
		if (i <= PIECE && j <= PIECE)
			match(h, a, i, b, j);
		else
			h->differ(h->arg, first(a), i, first(b), j);
		a->at += i;
		b->at += j;
	}
	free(v);
	return true;
}
