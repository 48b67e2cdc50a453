/* SPDX-License-Identifier: MIT */
/*
 * Counts by key (pages, symbols) in bounded memory: an open hash of a fixed size. When it is half
 * full, or a hostile file has made keys that collide, new keys are counted together as the rest:
 * what a tally says of a key that it has is exact, and it says how much it does not know.
 */
#ifndef TRACE_TALLY_H
#define TRACE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_entry {
	uint64_t key;
	uint64_t count; /* 0: an empty place */
	uint64_t sum;
};

struct tally {
	struct tally_entry *entry;
	size_t room, used; /* places; keys */
	uint64_t rest;	   /* additions of keys that found no place */
};

/* Makes a tally for 1 << bits keys and more (bits 1 to 24). Returns false if there is no memory. */
bool tally_init(struct tally *t, unsigned bits);
void tally_fini(struct tally *t);

/* Forgets all keys. */
void tally_clear(struct tally *t);

/* Counts a key once, and adds `value` to its sum. */
void tally_add(struct tally *t, uint64_t key, uint64_t value);

/*
 * Puts the t->used keys at the front of t->entry: the greatest count first, of equal counts the least
 * key; or by key. Nothing can be added afterwards until tally_clear().
 */
void tally_sort_by_count(struct tally *t);
void tally_sort_by_key(struct tally *t);

#endif
