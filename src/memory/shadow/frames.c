/* SPDX-License-Identifier: MIT */
/*
 * Table frames: what links them, where they come from, and how they come back.
 *
 * A frame lives as long as an entry points to it; a top table as long as its root. When the pool
 * runs out, whole roots go first, the one unused for longest before the others; if the current one
 * has it all, the frames that no fault has passed for longest. What the call under way has touched
 * (stamp == now) stays, and that is at most a path and the views' top tables.
 *
 * Top tables are a set of their own, never used lower down: each holds the monitor's entry from
 * creation on. So whatever CR3 holds while the monitor works through its mail, the monitor is
 * mapped, even if the root has been dropped and is being cleared.
 */
#include "memory/shadow/private.h"

#include <stdlib.h>
#include <string.h>

static void free_push(struct shadow *s, uint32_t f, bool top)
{
	uint32_t *list = top ? &s->free_tops : &s->free_frames;

	s->frame[f].kind = FRAME_FREE;
	s->frame[f].next = *list;
	*list = f;
	s->free_count += !top;
}

bool frames_init(struct shadow *s)
{
	uint32_t n = s->config.pool_frames, entries = n * ENTRIES;

	s->tops = n / 8 < 4 ? 4 : n / 8 > 256 ? 256 : n / 8;
	s->hash_bits = 6;
	while (UINT32_C(1) << s->hash_bits < n)
		s->hash_bits++;
	s->want = calloc(entries, sizeof(*s->want));
	s->frame = calloc(n, sizeof(*s->frame));
	s->hash = malloc(sizeof(*s->hash) << s->hash_bits);
	if (!rmap_init(&s->rmap, entries) || !s->want || !s->frame || !s->hash)
		return false;
	memset(s->hash, 0xff, sizeof(*s->hash) << s->hash_bits);
	s->queue = s->free_frames = s->free_tops = NONE;
	for (uint32_t f = n; f-- > 0;) {
		s->frame[f].parents = s->frame[f].tracked = s->frame[f].root = NONE;
		free_push(s, f, f < s->tops);
		if (f < s->tops)
			__atomic_store_n(&s->config.pool[f * ENTRIES + s->config.monitor_slot],
					 s->config.monitor_entry, __ATOMIC_RELEASE);
	}
	return true;
}

void frames_fini(struct shadow *s)
{
	rmap_fini(&s->rmap);
	free(s->want);
	free(s->frame);
	free(s->hash);
}

/* --- Entries and the lists they are in ------------------------------------------------------ */

static uint32_t *leaf_list(const struct shadow *s, uint32_t f, uint64_t value)
{
	unsigned level = s->frame[f].level;

	return rmap_bucket(&s->rmap, leaf_gpa(value, level) >> PAGE_SHIFT, level);
}

void entry_clear(struct shadow *s, uint32_t f, unsigned i)
{
	uint64_t old = want(s, f, i);
	uint32_t e = f * ENTRIES + i, child;

	if (!old)
		return;
	s->stats.dropped++;
	mail_set(s, f, i, 0);
	if (is_leaf(old, s->frame[f].level)) {
		s->tlb_stale |= !!(old & PTE_WRITE);
		rmap_remove(&s->rmap, leaf_list(s, f, old), e);
		return;
	}
	s->shape++;
	child = frame_of(s, old);
	rmap_remove(&s->rmap, &s->frame[child].parents, e);
	if (s->frame[child].parents == NONE)
		frame_drop(s, child);
}

void entry_leaf(struct shadow *s, uint32_t f, unsigned i, uint64_t value)
{
	uint64_t old = want(s, f, i);
	unsigned level = s->frame[f].level;

	if (is_leaf(old, level) && leaf_gpa(old, level) == leaf_gpa(value, level)) {
		s->tlb_stale |= old & ~value & PTE_WRITE ? true : false;
		mail_set(s, f, i, value);
		return;
	}
	if (old)
		entry_clear(s, f, i);
	mail_set(s, f, i, value);
	rmap_add(&s->rmap, leaf_list(s, f, value), f * ENTRIES + i);
}

void entry_link(struct shadow *s, uint32_t f, unsigned i, uint32_t child)
{
	entry_clear(s, f, i);
	mail_set(s, f, i, frame_gpa(s, child) | SPTE_LINK);
	rmap_add(&s->rmap, &s->frame[child].parents, f * ENTRIES + i);
}

/* --- Frames by key -------------------------------------------------------------------------- */

static uint32_t *hash_chain(const struct shadow *s, const struct frame *f)
{
	uint64_t key = f->table ^ f->gva << 1 ^ f->level ^ (uint64_t)f->view << 3 ^
		       (uint64_t)f->mode << 5 ^ (f->rights & RIGHTS) << 7 ^ f->rights >> 52;

	return &s->hash[key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - s->hash_bits)];
}

bool same_page(const struct guest_page *a, const struct guest_page *b)
{
	return a->gpa == b->gpa && a->rights == b->rights && a->shift == b->shift &&
	       a->pkey == b->pkey && a->pat == b->pat && a->dirty == b->dirty &&
	       a->global == b->global;
}

bool frame_is(const struct frame *f, const struct frame *key)
{
	if (f->kind != key->kind || f->level != key->level || f->gva != key->gva ||
	    f->view != key->view || f->mode != key->mode)
		return false;
	switch (f->kind) {
	case FRAME_TABLE: return f->table == key->table && f->rights == key->rights;
	case FRAME_SPLIT: return same_page(&f->page, &key->page);
	default: return true;
	}
}

uint32_t frame_find(const struct shadow *s, const struct frame *key)
{
	uint32_t f = *hash_chain(s, key);

	while (f != NONE && !frame_is(&s->frame[f], key))
		f = s->frame[f].next;
	return f;
}

static bool is_hashed(const struct frame *f)
{
	return f->kind == FRAME_TABLE && f->root == NONE;
}

static void unhash(struct shadow *s, uint32_t f)
{
	uint32_t *link = hash_chain(s, &s->frame[f]);

	while (*link != f)
		link = &s->frame[*link].next;
	*link = s->frame[f].next;
}

/* --- Coming and going ----------------------------------------------------------------------- */

void frame_drop(struct shadow *s, uint32_t f)
{
	struct frame *frame = &s->frame[f];
	bool top = frame->root != NONE;

	s->shape++;
	/* The last parent's entry gone, entry_clear() comes back here: so take the list first. */
	while (frame->parents != NONE) {
		uint32_t e = frame->parents;

		rmap_remove(&s->rmap, &frame->parents, e);
		mail_set(s, e / ENTRIES, e % ENTRIES, 0);
	}
	for (unsigned i = 0; frame->used; i++)
		entry_clear(s, f, i);
	table_detach(s, f);
	if (is_hashed(frame))
		unhash(s, f);
	if (top)
		s->root[frame->root].frame[frame->view] = NONE;
	frame->root = NONE;
	/* The processor may still know the way through this frame. */
	mail_flush_all(s);
	s->stats.frames_used--;
	free_push(s, f, top);
}

/* The frame that was passed longest ago, or NONE if the call under way needs them all. A parent is
 * never older than its children, so ties go to the lowest. */
static uint32_t oldest_frame(const struct shadow *s)
{
	uint32_t best = NONE;

	for (uint32_t f = s->tops; f < s->config.pool_frames; f++) {
		const struct frame *a = &s->frame[f], *b;

		if (a->kind == FRAME_FREE || a->stamp == s->now)
			continue;
		b = best == NONE ? NULL : &s->frame[best];
		if (!b || a->stamp < b->stamp || (a->stamp == b->stamp && a->level < b->level))
			best = f;
	}
	return best;
}

/* Makes room for a while, because each time costs a flush. */
static void reclaim(struct shadow *s)
{
	uint32_t enough = 1 + s->config.pool_frames / 64, f;

	while (s->free_count < enough) {
		if (root_drop_oldest(s))
			continue;
		f = oldest_frame(s);
		if (f == NONE)
			return;
		frame_drop(s, f);
		s->stats.reclaimed++;
	}
}

static uint32_t take(struct shadow *s, bool top)
{
	uint32_t *list = top ? &s->free_tops : &s->free_frames, f;

	/* A root may have no top table yet, so that one may not be enough. */
	while (top && *list == NONE)
		root_drop_oldest(s);
	if (*list == NONE)
		reclaim(s);
	f = *list;
	*list = s->frame[f].next;
	s->free_count -= !top;
	return f;
}

uint32_t frame_get(struct shadow *s, const struct frame *key, bool top)
{
	uint32_t f = key->kind == FRAME_TABLE && !top ? frame_find(s, key) : NONE, *chain;
	struct frame *frame;

	if (f != NONE) {
		s->frame[f].stamp = s->now;
		return f;
	}
	f = take(s, top);
	frame = &s->frame[f];
	frame->kind = key->kind;
	frame->level = key->level;
	frame->view = key->view;
	frame->mode = key->mode;
	frame->root = top ? key->root : NONE;
	frame->gva = key->gva;
	frame->table = key->table;
	frame->rights = key->rights;
	frame->page = key->page;
	frame->stamp = s->now;
	frame->fresh = true;
	frame->tracked = NONE;
	if (is_hashed(frame)) {
		chain = hash_chain(s, frame);
		frame->next = *chain;
		*chain = f;
	}
	s->stats.splits += frame->kind == FRAME_SPLIT;
	if (++s->stats.frames_used > s->stats.frames_peak)
		s->stats.frames_peak = s->stats.frames_used;
	if (frame->kind == FRAME_TABLE)
		table_attach(s, f);
	return f;
}
