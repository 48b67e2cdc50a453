/* SPDX-License-Identifier: MIT */
#include "shadow_guest.h"

/* As many bytes as the number needs. */
static uint64_t choose(struct random_guest *g, uint64_t n)
{
	uint64_t number = 0;

	for (uint64_t span = 1; span < n && g->left; span <<= 8, g->left--)
		number = number << 8 | *g->choices++;
	return number % n;
}

uint64_t roll(struct random_guest *g, uint64_t n)
{
	if (g->choices)
		return choose(g, n);
	g->state ^= g->state << 13;
	g->state ^= g->state >> 7;
	g->state ^= g->state << 17;
	return (g->state >> 11) % n;
}

unsigned pick_index(struct random_guest *g, unsigned bits)
{
	static const unsigned some[] = {0, 1, 2, 511, 0, 1, 2, 256};
	unsigned i = some[roll(g, roll(g, 8) ? 4 : COUNT(some))];

	return bits == 10 && roll(g, 2) ? i + 512 : i & ((1u << bits) - 1);
}

gva_t pick_gva(struct random_guest *g)
{
	const struct pt_format *f = g->m.format;
	gva_t gva = roll(g, PAGE_SIZE);

	if (roll(g, 3))
		return g->warm[roll(g, COUNT(g->warm))] ^ gva;
	for (unsigned l = 1; l <= f->levels; l++)
		gva |= (gva_t)pick_index(g, f->level[l].index_bits) << f->level[l].shift;
	if (f->gva_bits > 32 && roll(g, 40))
		gva = (gva_t)((int64_t)(gva << (64 - f->gva_bits)) >> (64 - f->gva_bits));
	return gva;
}

/* A PDPT of PAE is used lower down as well, too seldom to be lost to the A flags it gets. */
static gpa_t pick_target(struct random_guest *g, bool narrow)
{
	unsigned skip = g->m.format == &pt_format_pae && roll(g, 16) ? ROOTS : 0;

	switch (roll(g, 60)) {
	case 0: return ROM_GPA + roll(g, 20) * PAGE_SIZE;
	case 1: return NOWHERE_GPA + roll(g, 1 << 14) * PAGE_SIZE;
	case 2: return narrow ? NOWHERE_GPA : POOL_GPA + roll(g, 40) * PAGE_SIZE;
	case 3: return HUGE_GPA + (roll(g, 1 << 18) << PAGE_SHIFT);
	case 4: return HUGE_GPA;
	case 5: return roll(g, 32) << 21;
	case 6:
	case 7: return 0;
	default: return (FIRST + skip + roll(g, TABLES + 6 - skip)) * PAGE_SIZE;
	}
}

uint64_t pick_entry(struct random_guest *g)
{
	bool narrow = g->m.format == &pt_format_2level;
	uint64_t entry = pick_target(g, narrow) | TABLE;

	if (!roll(g, 12))
		return 0;
	if (roll(g, 3))
		entry |= PTE_DIRTY;
	if (!roll(g, 12))
		entry |= PTE_PS;
	if (!roll(g, 6))
		entry &= ~(UINT64_C(1) << roll(g, 3));
	if (!roll(g, 4))
		entry ^= PTE_ACCESSED;
	if (!roll(g, 4))
		entry |= PTE_GLOBAL;
	if (!roll(g, 8))
		entry |= roll(g, 2) ? PTE_PWT : PTE_PCD;
	if (!narrow && !roll(g, 10))
		entry |= PTE_NX;
	if (g->m.format->pkey && !roll(g, 4))
		entry |= (1 + roll(g, 3)) << PTE_PKEY_SHIFT;
	if (!narrow && !roll(g, 60))
		entry |= UINT64_C(1) << (46 + roll(g, 17));
	return narrow ? (uint32_t)entry : entry;
}

void forget(struct random_guest *g)
{
	g->records = 0;
}

void note(struct random_guest *g, struct record r)
{
	if (g->records == HISTORY) {
		machine_flush_all(&g->m);
		forget(g);
	}
	g->record[g->records++] = r;
}

void put(struct random_guest *g, gpa_t gpa, uint64_t entry)
{
	assert_int_equal(gmem_write(&g->m.mem, gpa, &entry, 1u << g->m.format->entry_shift), 0);
}

bool leads_to(const struct random_guest *g, const struct walk_regs *regs,
	      const struct walk_query *q, gpa_t gpa, bool global)
{
	struct walk_context ctx;
	struct walk_result r;

	walk_context_init(&ctx, regs);
	return walk(&g->m.mem, &ctx, q, &r, NULL) == WALK_OK && r.gpa == gpa &&
	       (q->access != WALK_WRITE || r.dirty) && (!global || r.global);
}

/* Takes changes back one by one until the access is right, or a flush covers it. */
bool was_right(struct random_guest *g, const struct walk_query *q, gpa_t gpa)
{
	struct walk_regs regs = g->m.regs;
	uint64_t saved[HISTORY];
	unsigned n = g->records, i = n;
	bool right = false, over = false, global = false;

	while (i > 0 && !right && !over) {
		struct record *r = &g->record[--i];

		switch (r->kind) {
		case RECORD_STORE:
			saved[i] = machine_read(&g->m, r->gpa);
			put(g, r->gpa, r->old);
			break;
		case RECORD_INVLPG: over = (r->gva ^ q->gva) >> PAGE_SHIFT == 0; break;
		case RECORD_CR3:
			regs.cr3 = r->old;
			memcpy(regs.pdptr, r->pdptr, sizeof(regs.pdptr));
			global = true;
			break;
		}
		right = !over && leads_to(g, &regs, q, gpa, global);
	}
	for (; i < n; i++)
		if (g->record[i].kind == RECORD_STORE)
			put(g, g->record[i].gpa, saved[i]);
	return right;
}
