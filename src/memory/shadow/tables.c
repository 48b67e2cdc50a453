/* SPDX-License-Identifier: MIT */
/*
 * Which guest pages are tracked as tables. A page is, from its first shadow frame to its last;
 * in step, no shadow entry lets the guest write it, so that every change of it is seen. A large
 * shadow page must hold none of them, so their number per 2 MiB and per 1 GiB is kept too.
 */
#include "memory/shadow/private.h"

#include <stdlib.h>
#include <string.h>

#define REGION_LEVELS 2 /* a table lies in a 2 MiB and in a 1 GiB region */

static uint32_t *chain(const struct shadow *s, uint32_t *hash, uint64_t key)
{
	return &hash[key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - s->hash_bits)];
}

static uint64_t region_key(gpa_t gpa, unsigned level)
{
	return gpa >> shift_of(level) << 2 | level;
}

bool tables_init(struct shadow *s)
{
	uint32_t n = s->config.pool_frames;
	size_t hash = sizeof(uint32_t) << s->hash_bits;

	s->table = calloc(n, sizeof(*s->table));
	s->region = calloc(n, REGION_LEVELS * sizeof(*s->region));
	s->table_hash = malloc(hash);
	s->region_hash = malloc(hash);
	if (!s->table || !s->region || !s->table_hash || !s->region_hash)
		return false;
	memset(s->table_hash, 0xff, hash);
	memset(s->region_hash, 0xff, hash);
	for (uint32_t i = 0; i < n; i++)
		s->table[i].next = i + 1 < n ? i + 1 : NONE;
	for (uint32_t i = 0; i < n * REGION_LEVELS; i++)
		s->region[i].next = i + 1 < n * REGION_LEVELS ? i + 1 : NONE;
	s->out_of_step = NONE;
	return true;
}

void tables_fini(struct shadow *s)
{
	free(s->table);
	free(s->region);
	free(s->table_hash);
	free(s->region_hash);
}

static uint32_t *region_link(const struct shadow *s, uint64_t key)
{
	uint32_t *link = chain(s, s->region_hash, key);

	while (*link != NONE && s->region[*link].key != key)
		link = &s->region[*link].next;
	return link;
}

static void region_count(struct shadow *s, gpa_t gpa, unsigned level)
{
	uint64_t key = region_key(gpa, level);
	uint32_t *link = region_link(s, key), at = *link;

	if (at == NONE) {
		at = *link = s->free_regions;
		s->free_regions = s->region[at].next;
		s->region[at] = (struct region){.key = key, .next = NONE};
	}
	s->region[at].count++;
}

static void region_uncount(struct shadow *s, gpa_t gpa, unsigned level)
{
	uint32_t *link = region_link(s, region_key(gpa, level)), at = *link;

	if (--s->region[at].count)
		return;
	*link = s->region[at].next;
	s->region[at].next = s->free_regions;
	s->free_regions = at;
}

uint32_t tables_within(const struct shadow *s, gpa_t gpa, unsigned level)
{
	uint32_t at = *region_link(s, region_key(gpa, level));

	return at == NONE ? 0 : s->region[at].count;
}

uint32_t table_find(const struct shadow *s, gfn_t gfn)
{
	uint32_t t = *chain(s, s->table_hash, gfn);

	while (t != NONE && s->table[t].gfn != gfn)
		t = s->table[t].next;
	return t;
}

bool table_is_in_step(const struct shadow *s, gpa_t gpa)
{
	uint32_t t = tables_within(s, gpa, 2) ? table_find(s, gpa >> PAGE_SHIFT) : NONE;

	return t != NONE && !s->table[t].out_of_step;
}

void table_protect(struct shadow *s, gfn_t gfn)
{
	for (unsigned level = 1; level <= 3; level++) {
		gpa_t gpa = gfn << PAGE_SHIFT & UINT64_MAX << shift_of(level);
		uint32_t e = *rmap_bucket(&s->rmap, gpa >> PAGE_SHIFT, level), next;

		for (; e != NONE; e = next) {
			uint32_t f = e / ENTRIES;
			unsigned i = e % ENTRIES;
			uint64_t entry = s->want[e];

			next = s->rmap.next[e];
			if (s->frame[f].level != level || leaf_gpa(entry, level) != gpa)
				continue;
			/* A large page is given up: the next fault splits it. */
			if (level > 1)
				entry_clear(s, f, i);
			else if (entry & PTE_WRITE)
				mail_set(s, f, i, entry & ~PTE_WRITE);
			else
				continue;
			mail_invlpg(s, entry_gva(s, f, i));
		}
	}
	/* An entry that is gone may have left its translation behind. */
	if (s->tlb_stale)
		mail_flush_all(s);
}

void table_set_step(struct shadow *s, uint32_t t, bool out_of_step)
{
	struct table *table = &s->table[t];

	if (table->out_of_step == out_of_step)
		return;
	table->out_of_step = out_of_step;
	if (out_of_step) {
		table->step_prev = NONE;
		table->step_next = s->out_of_step;
		if (s->out_of_step != NONE)
			s->table[s->out_of_step].step_prev = t;
		s->out_of_step = t;
		return;
	}
	if (table->step_next != NONE)
		s->table[table->step_next].step_prev = table->step_prev;
	if (table->step_prev == NONE)
		s->out_of_step = table->step_next;
	else
		s->table[table->step_prev].step_next = table->step_next;
}

static uint32_t track(struct shadow *s, gfn_t gfn)
{
	uint32_t t = s->free_tables, *head = chain(s, s->table_hash, gfn);
	struct table *table = &s->table[t];

	s->free_tables = table->next;
	*table = (struct table){.gfn = gfn, .frames = NONE, .next = *head};
	*head = t;
	for (unsigned level = 2; level < 2 + REGION_LEVELS; level++)
		region_count(s, gfn << PAGE_SHIFT, level);
	table_protect(s, gfn);
	return t;
}

static void untrack(struct shadow *s, uint32_t t)
{
	struct table *table = &s->table[t];
	uint32_t *link = chain(s, s->table_hash, table->gfn);

	table_set_step(s, t, false);
	while (*link != t)
		link = &s->table[*link].next;
	*link = table->next;
	table->next = s->free_tables;
	s->free_tables = t;
	for (unsigned level = 2; level < 2 + REGION_LEVELS; level++)
		region_uncount(s, table->gfn << PAGE_SHIFT, level);
}

void table_attach(struct shadow *s, uint32_t f)
{
	struct frame *frame = &s->frame[f];
	uint32_t t = table_find(s, frame->table >> PAGE_SHIFT);

	if (t == NONE)
		t = track(s, frame->table >> PAGE_SHIFT);
	else if (frame->level > 1 && s->table[t].out_of_step)
		sync_table(s, t); /* only leaf tables may be out of step */
	frame->tracked = t;
	frame->sibling_prev = NONE;
	frame->sibling_next = s->table[t].frames;
	if (frame->sibling_next != NONE)
		s->frame[frame->sibling_next].sibling_prev = f;
	s->table[t].frames = f;
}

void table_detach(struct shadow *s, uint32_t f)
{
	struct frame *frame = &s->frame[f];
	uint32_t t = frame->tracked;

	if (t == NONE)
		return;
	frame->tracked = NONE;
	if (frame->sibling_next != NONE)
		s->frame[frame->sibling_next].sibling_prev = frame->sibling_prev;
	if (frame->sibling_prev == NONE)
		s->table[t].frames = frame->sibling_next;
	else
		s->frame[frame->sibling_prev].sibling_next = frame->sibling_next;
	if (s->table[t].frames == NONE)
		untrack(s, t);
}

bool table_give_up(struct shadow *s, uint32_t t)
{
	struct table *table = &s->table[t];

	for (uint32_t f = table->frames; f != NONE; f = s->frame[f].sibling_next)
		if (s->frame[f].stamp == s->now)
			return false;
	while (table->frames != NONE)
		frame_drop(s, table->frames);
	return true;
}
