/* SPDX-License-Identifier: MIT */
/* Counts by key. */
#include "trace/tally.h"

#include <stdlib.h>
#include <string.h>

/* Places looked at before a key is left to the rest; a half-full table without malice needs few. */
#define TRIES 128

bool tally_init(struct tally *t, unsigned bits)
{
	*t = (struct tally){.room = (size_t)2 << bits};
	t->entry = calloc(t->room, sizeof(*t->entry));
	return t->entry != NULL;
}

void tally_fini(struct tally *t)
{
	free(t->entry);
	t->entry = NULL;
}

void tally_clear(struct tally *t)
{
	memset(t->entry, 0, t->room * sizeof(*t->entry));
	t->used = 0;
	t->rest = 0;
}

/* The key's place, or the empty one it may have; NULL if there is none. */
static struct tally_entry *place_of(struct tally *t, uint64_t key)
{
	/* The multiplier is 2^64 over the golden ratio: neighbours land far apart. */
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

	hash ^= hash >> 32;
	for (unsigned i = 0; i < TRIES; i++) {
		struct tally_entry *e = &t->entry[(hash + i) & (t->room - 1)];

		if (!e->count || e->key == key)
			return e;
	}
	return NULL;
}

void tally_add(struct tally *t, uint64_t key, uint64_t value)
{
	struct tally_entry *e = place_of(t, key);

	if (!e || (!e->count && t->used == t->room / 2)) {
		t->rest++;
		return;
	}
	t->used += !e->count;
	e->key = key;
	e->count++;
	e->sum += value;
}

static int by_key(const void *a, const void *b)
{
	const struct tally_entry *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static int by_count(const void *a, const void *b)
{
	const struct tally_entry *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : by_key(a, b);
}

static void sort(struct tally *t, int (*order)(const void *, const void *))
{
	size_t to = 0;

	for (size_t i = 0; i < t->room; i++)
		if (t->entry[i].count)
			t->entry[to++] = t->entry[i];
	memset(&t->entry[to], 0, (t->room - to) * sizeof(*t->entry));
	qsort(t->entry, to, sizeof(*t->entry), order);
}

void tally_sort_by_count(struct tally *t)
{
	sort(t, by_count);
}

void tally_sort_by_key(struct tally *t)
{
	sort(t, by_key);
}
