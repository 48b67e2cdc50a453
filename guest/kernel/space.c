/* SPDX-License-Identifier: MIT */
/*
 * Address spaces. The tables say what the processor may do now; the areas say what a process is
 * entitled to. The difference between the two is what page faults are for.
 */
#include "space.h"

#include "flush.h"
#include "frames.h"
#include "image.h"
#include "layout.h"
#include "syscall.h"
#include "x86.h"

pte_t space_flags(unsigned prot)
{
	return PTE_PRESENT | PTE_USER | (prot & PROT_WRITE ? PTE_WRITE : 0) |
	       (prot & PROT_EXEC ? 0 : PTE_NO_EXECUTE);
}

uint32_t area_faults(const struct area *a)
{
	uint32_t sum = 0;

	for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
		sum += a->faults[kind];
	return sum;
}

static bool map_block(struct space *s, struct area *a)
{
	uint64_t size = level_size(a->level);

	if (a->end - a->start != size)
		return false;
	a->source = block_alloc(a->level);
	if (!a->source)
		return false;
	if (tables_map(s->root, a->start, a->source, size, a->level, space_flags(a->prot)))
		return true;
	block_put(a->source, a->level);
	return false;
}

struct area *space_add(struct space *s, struct area area)
{
	struct area *a = &s->area[s->count];

	if (s->count == SPACE_AREAS || area.start >= area.end || area.start < USER_BASE ||
	    area.end > USER_END || (area.start | area.end) % PAGE_SIZE != 0)
		return NULL;
	for (unsigned i = 0; i < s->count; i++)
		if (area.start < s->area[i].end && s->area[i].start < area.end)
			return NULL;
	*a = area;
	if (a->kind == AREA_BLOCK && !map_block(s, a))
		return NULL;
	s->count++;
	return a;
}

struct area *space_find(struct space *s, gva_t gva)
{
	for (unsigned i = s->count; i > 0; i--)
		if (gva >= s->area[i - 1].start && gva < s->area[i - 1].end)
			return &s->area[i - 1];
	return NULL;
}

bool space_create(struct space *s)
{
	s->count = 0;
	s->root = tables_new_root();
	if (!s->root)
		return false;
	for (unsigned i = 0; i < USER_SEGMENTS; i++) {
		const struct segment *g = &user_segments[i];

		if (g->start != g->end)
			space_add(s, (struct area){.start = g->start,
						   .end = g->end,
						   .kind = AREA_IMAGE,
						   .prot = (unsigned)g->prot,
						   .source = g->gpa});
	}
	space_add(s, (struct area){.start = USER_STACK_TOP - USER_STACK_SIZE,
				   .end = USER_STACK_TOP,
				   .kind = AREA_ZERO,
				   .prot = PROT_READ | PROT_WRITE});
	return true;
}

bool space_clone(struct space *s, struct space *from)
{
	s->count = 0;
	s->root = tables_new_root();
	if (!s->root)
		return false;
	for (unsigned i = 0; i < from->count; i++) {
		struct area *a = &s->area[s->count++];
		bool shared = from->area[i].kind == AREA_BLOCK;

		*a = (struct area){
			.start = from->area[i].start,
			.end = from->area[i].end,
			.kind = from->area[i].kind,
			.prot = from->area[i].prot,
			.level = from->area[i].level,
			.source = from->area[i].source,
		};
		if (shared)
			frame_get(a->source);
		if (!tables_clone(s->root, from->root, a->start, a->end, !shared)) {
			space_destroy(s);
			return false;
		}
	}
	return true;
}

void space_destroy(struct space *s)
{
	if (!s->root)
		return;
	if (flush_root() == s->root)
		flush_load_root(tables_kernel_root());
	for (unsigned i = 0; i < s->count; i++) {
		struct area *a = &s->area[i];

		tables_unmap(s->root, a->start, a->end, a->kind != AREA_BLOCK);
		if (a->kind == AREA_BLOCK)
			block_put(a->source, a->level);
	}
	tables_free_root(s->root);
	s->root = 0;
	s->count = 0;
}

void space_activate(const struct space *s)
{
	flush_load_root(s->root);
}

void space_protect(struct space *s, struct area *a, unsigned prot)
{
	a->prot = prot;
	tables_protect(s->root, a->start, a->end, space_flags(prot));
}
