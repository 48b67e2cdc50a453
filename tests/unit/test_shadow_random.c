/* SPDX-License-Identifier: MIT */
/*
 * Random guests against walk(): tables that point anywhere, edited through the guest's own mappings
 * or by the emulator, flushed or not, used in every view, under each strategy, format and size of
 * pool. Each access must end as walk() says; where a strategy may lag behind, as it said at some
 * time since the flush that would have covered it, and not otherwise. Audit after each step.
 */
#include "shadow_fixture.h"

#include <stdlib.h>
#include <time.h>

#define TABLES	14 /* RAM pages 16 on, used at every level */
#define FIRST	16
#define ROOTS	3
#define HISTORY 64

/* What has changed since the last flush of everything, so that it can be taken back. */
struct record {
	enum { RECORD_STORE, RECORD_INVLPG, RECORD_CR3 } kind;
	gpa_t gpa;
	uint64_t old; /* entry or CR3 */
	uint64_t pdptr[4];
	gva_t gva;
};

struct random_guest {
	struct machine m;
	uint64_t state;
	struct record record[HISTORY];
	unsigned records;
	enum walk_privilege privilege;
	gva_t warm[8]; /* have been reached, so that they are likelier to be again */
	unsigned reached, stale, refused;
};

static uint64_t roll(struct random_guest *g, uint64_t n)
{
	g->state ^= g->state << 13;
	g->state ^= g->state >> 7;
	g->state ^= g->state << 17;
	return (g->state >> 11) % n;
}

static unsigned pick_index(struct random_guest *g, unsigned bits)
{
	static const unsigned some[] = {0, 1, 2, 511, 0, 1, 2, 256};
	unsigned i = some[roll(g, roll(g, 8) ? 4 : COUNT(some))];

	return bits == 10 && roll(g, 2) ? i + 512 : i & ((1u << bits) - 1);
}

static gva_t pick_gva(struct random_guest *g)
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

static uint64_t pick_entry(struct random_guest *g)
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

/* --- What was allowed ----------------------------------------------------------------------- */

static void forget(struct random_guest *g)
{
	g->records = 0;
}

static void note(struct random_guest *g, struct record r)
{
	if (g->records == HISTORY) {
		machine_flush_all(&g->m);
		forget(g);
	}
	g->record[g->records++] = r;
}

static void put(struct random_guest *g, gpa_t gpa, uint64_t entry)
{
	assert_int_equal(gmem_write(&g->m.mem, gpa, &entry, 1u << g->m.format->entry_shift), 0);
}

/* Whether the guest's tables, as they are now and under this CR3, lead the access to `gpa`. */
static bool leads_to(const struct random_guest *g, const struct walk_regs *regs,
		     const struct walk_query *q, gpa_t gpa, bool global)
{
	struct walk_context ctx;
	struct walk_result r;

	walk_context_init(&ctx, regs);
	return walk(&g->m.mem, &ctx, q, &r, NULL) == WALK_OK && r.gpa == gpa &&
	       (q->access != WALK_WRITE || r.dirty) && (!global || r.global);
}

/* Takes changes back one by one until the access is right, or a flush covers it. */
static bool was_right(struct random_guest *g, const struct walk_query *q, gpa_t gpa)
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

/* --- Steps ---------------------------------------------------------------------------------- */

static void access_step(struct random_guest *g, gva_t gva, enum walk_access access,
			enum walk_privilege privilege)
{
	struct machine *m = &g->m;
	const struct walk_query q = {.gva = gva, .access = access, .privilege = privilege};
	struct walk_result r, now;
	enum shadow_outcome outcome = machine_access(m, gva, access, privilege, &r);
	enum walk_outcome want = walk(&m->mem, &m->ctx, &q, &now, NULL);

	switch (outcome) {
	case SHADOW_FIXED:
		g->reached++;
		g->warm[roll(g, COUNT(g->warm))] = gva & ~(PAGE_SIZE - 1);
		if (leads_to(g, &m->regs, &q, r.gpa, false))
			break;
		g->stale++;
		if ((m->strategy == SHADOW_WP && !m->has_tlb) || !was_right(g, &q, r.gpa))
			fail_msg("%s %s of %#llx reaches %#llx, but: %s, %s, %#llx",
				 walk_privilege_name(privilege), walk_access_name(access),
				 (unsigned long long)gva, (unsigned long long)r.gpa,
				 walk_outcome_name(now.outcome), walk_cause_name(now.cause),
				 (unsigned long long)now.gpa);
		break;
	case SHADOW_GUEST_FAULT:
		assert_int_equal(want, WALK_FAULT);
		assert_int_equal(r.error_code, now.error_code);
		break;
	case SHADOW_NONCANONICAL: assert_int_equal(want, WALK_NONCANONICAL); break;
	case SHADOW_BAD_TABLE: assert_int_equal(want, WALK_NO_MEMORY); break;
	case SHADOW_MMIO: {
		const struct gmem_slot *slot = gmem_find(&m->mem, now.gpa);

		assert_int_equal(want, WALK_OK);
		assert_true(!slot || (slot->readonly && access == WALK_WRITE));
		break;
	}
	case SHADOW_CANNOT:
		assert_int_equal(want, WALK_OK);
		/* Code that may be run but not read has no entry. */
		assert_true((gva >> (12 + 9 * (m->levels - 1)) & 511) == MONITOR_SLOT ||
			    m->format->levels > m->levels ||
			    (access == WALK_FETCH && m->regs.cr4 & (CR4_SMAP | CR4_PKE)));
		break;
	case SHADOW_TABLE_WRITE:
		assert_int_equal(want, WALK_OK);
		assert_int_equal(r.gpa, now.gpa);
		assert_true(m->strategy != SHADOW_VTLB);
		break;
	}
	g->refused += outcome != SHADOW_FIXED;
}

/* A kernel's window on its tables, in the same place in every root, which no edit touches. */
static gva_t window(const struct random_guest *g)
{
	const struct pt_format *f = g->m.format;

	return UINT64_C(3) << f->level[f->levels].shift;
}

static void make_windows(struct random_guest *g)
{
	for (unsigned root = 0; root < ROOTS; root++)
		for (gpa_t sub = 0; sub <= (g->m.format == &pt_format_pae ? 32 : 0); sub += 32) {
			g->m.regs.cr3 = (FIRST + root) * PAGE_SIZE + sub;
			for (unsigned i = 0; i < TABLES; i++)
				machine_map(&g->m, window(g) + i * PAGE_SIZE, 1,
					    (FIRST + i) * PAGE_SIZE | (PAGE & ~PTE_USER), TABLE);
		}
	assert_true(g->m.used <= FIRST);
}

/* Now and then the emulator knows nothing of the store: then it goes through, or its way leads
 * through the table itself. */
static bool untracked_store(struct random_guest *g, gva_t gva, gpa_t gpa, uint64_t entry)
{
	struct machine *m = &g->m;
	struct walk_result r;

	if (roll(g, 8) ||
	    machine_access(m, gva, WALK_WRITE, WALK_SUPERVISOR, &r) != SHADOW_TABLE_WRITE ||
	    r.gpa >> PAGE_SHIFT != gpa >> PAGE_SHIFT || !machine_untrack(m, gpa))
		return false;
	assert_int_equal(machine_access(m, gva, WALK_WRITE, WALK_SUPERVISOR, &r), SHADOW_FIXED);
	put(g, gpa, entry);
	return true;
}

/* The guest's store to a table through some mapping of its own: by the processor if the shadow lets
 * it, else by the emulator. */
static void store_step(struct random_guest *g)
{
	struct machine *m = &g->m;
	gpa_t table = (FIRST + roll(g, TABLES)) * PAGE_SIZE;
	gpa_t index = pick_index(g, m->format->entry_shift == 2 ? 10 : 9);
	gpa_t gpa = table + (index << m->format->entry_shift);
	gva_t gva = pick_gva(g) & ~(PAGE_SIZE - 1);
	struct walk_result r;
	uint64_t entry = pick_entry(g);

	if (m->format == &pt_format_pae && gpa >> PAGE_SHIFT < FIRST + ROOTS && roll(g, 4))
		entry = (entry & PTE_BITS(45, 12)) | PTE_PRESENT;
	if (roll(g, 3))
		gva = window(g) + table - FIRST * PAGE_SIZE;

	/* If that GVA leads to a table, write there by it; else it is the emulator that stores. */
	if (machine_access(m, gva, WALK_WRITE, WALK_SUPERVISOR, &r) == SHADOW_FIXED &&
	    r.gpa >> PAGE_SHIFT >= FIRST && r.gpa >> PAGE_SHIFT < FIRST + TABLES) {
		gpa = r.gpa | (gpa & (PAGE_SIZE - 1));
		note(g, (struct record){
				.kind = RECORD_STORE, .gpa = gpa, .old = machine_read(m, gpa)});
		/* The flush that note() may have made takes the right away. */
		if (machine_access(m, gva, WALK_WRITE, WALK_SUPERVISOR, &r) == SHADOW_FIXED &&
		    r.gpa >> PAGE_SHIFT == gpa >> PAGE_SHIFT) {
			put(g, gpa, entry);
			return;
		}
	} else {
		note(g, (struct record){
				.kind = RECORD_STORE, .gpa = gpa, .old = machine_read(m, gpa)});
		if (untracked_store(g, gva, gpa, entry))
			return;
	}
	machine_store(m, gpa, entry);
}

static void load_step(struct random_guest *g)
{
	struct machine *m = &g->m;
	uint64_t cr3 = (FIRST + roll(g, ROOTS)) * PAGE_SIZE;

	struct record was = {.kind = RECORD_CR3, .old = m->regs.cr3};

	memcpy(was.pdptr, m->regs.pdptr, sizeof(was.pdptr));
	/* The same once more without a flush is nothing at all. */
	if (!roll(g, 3)) {
		machine_load_keeping(m);
		return;
	}
	note(g, was);
	m->regs.cr3 = cr3;
	if (m->format == &pt_format_pae)
		m->regs.cr3 += 32 * roll(g, 2);
	if (m->regs.pdptrs_valid)
		for (unsigned i = 0; i < 4; i++)
			m->regs.pdptr[i] = machine_read(m, m->regs.cr3 + 8 * i) & ~UINT64_C(0x1e6);
	if (cr3 != (was.old & ~(PAGE_SIZE - 1)) && !roll(g, 3))
		machine_load_keeping(m);
	else
		machine_load(m);
}

static void mode_step(struct random_guest *g)
{
	struct machine *m = &g->m;

	switch (roll(g, 7)) {
	case 0: m->regs.cr0 ^= CR0_WP; break;
	case 1: m->regs.cr4 ^= CR4_SMEP; break;
	case 2: m->regs.cr4 ^= CR4_SMAP; break;
	case 3: m->regs.efer ^= EFER_NXE; break;
	case 4: m->regs.cr4 ^= CR4_PGE; break;
	case 5: m->regs.cr4 ^= CR4_PKE; break;
	case 6: m->regs.pkru = (uint32_t)roll(g, 64) << 2; break; /* keys 1 to 3 */
	}
	machine_load(m);
	machine_flush_all(m);
	forget(g);
}

static void step(struct random_guest *g)
{
	static const enum walk_privilege who[] = {WALK_USER, WALK_SUPERVISOR, WALK_SUPERVISOR};
	struct machine *m = &g->m;
	gva_t gva = pick_gva(g);
	uint64_t what = roll(g, 200);

	if (what < 120) {
		enum walk_access access = (enum walk_access)roll(g, 3);

		/* Now and then another view: a change of CR3 empties the TLB. */
		if (!roll(g, 8)) {
			m->regs.rflags = roll(g, 2) ? RFLAGS_AC : 0;
			g->privilege = who[roll(g, COUNT(who))];
		}
		access_step(g, gva, access, g->privilege);
	} else if (what < 175) {
		store_step(g);
	} else if (what < 188) {
		machine_invlpg(m, gva);
		note(g, (struct record){.kind = RECORD_INVLPG, .gva = gva});
	} else if (what < 197) {
		load_step(g);
	} else if (what < 199) {
		mode_step(g);
	} else {
		machine_flush_all(m);
		forget(g);
	}
}

/* A guest's format, and the real tables under it. */
struct how {
	const struct pt_format *format;
	unsigned levels;
	bool pdptrs;
};

static unsigned run(enum shadow_strategy strategy, const struct how *how, unsigned frames,
		    unsigned steps, uint64_t seed)
{
	struct random_guest *g = calloc(1, sizeof(*g));
	unsigned reached;

	assert_non_null(g);
	g->state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	machine_init_on(&g->m, how->levels, strategy, how->format, frames);
	g->m.has_tlb = seed % 2;
	make_windows(g);
	g->m.regs.pdptrs_valid = how->pdptrs;
	load_step(g);
	for (unsigned n = 0; n < 400; n++)
		store_step(g);
	for (unsigned n = 0; n < steps; n++) {
		step(g);
		machine_audit(&g->m);
	}
	reached = g->reached;
	if (getenv("SHADOW_TEST_STATS"))
		print_message(
			"%s %s on %u, %u frames, seed %llu: %u reached, %u stale, %u refused, "
			"reclaimed %llu, splits %llu, unsyncs %llu\n",
			shadow_strategy_name(strategy), how->format->name, how->levels, frames,
			(unsigned long long)seed, g->reached, g->stale, g->refused,
			(unsigned long long)shadow_stats(g->m.shadow).reclaimed,
			(unsigned long long)shadow_stats(g->m.shadow).splits,
			(unsigned long long)shadow_stats(g->m.shadow).unsyncs);
	machine_fini(&g->m);
	free(g);
	return reached;
}

static void differential(enum shadow_strategy strategy)
{
	static const struct how how[] = {
		{&pt_format_4level, 4, false}, {&pt_format_2level, 4, false},
		{&pt_format_pae, 4, false},    {&pt_format_pae, 4, true},
		{&pt_format_5level, 5, false}, {&pt_format_4level, 5, false},
		{&pt_format_pae, 5, true},     {&pt_format_2level, 5, false},
	};
	const char *more = getenv("SHADOW_TEST_SEEDS");
	unsigned seeds = more ? (unsigned)atoi(more) : 4;

	for (unsigned seed = 1; seed <= seeds; seed++)
		for (unsigned i = 0; i < COUNT(how); i++) {
			run(strategy, &how[i], 32, 3000, seed);
			assert_true(run(strategy, &how[i], 120, 1500, seed));
		}
}

static void vtlb_agrees_with_walk(void **state)
{
	(void)state;
	differential(SHADOW_VTLB);
}

static void wp_agrees_with_walk(void **state)
{
	(void)state;
	differential(SHADOW_WP);
}

static void unsync_agrees_with_walk(void **state)
{
	(void)state;
	differential(SHADOW_UNSYNC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vtlb_agrees_with_walk),
		cmocka_unit_test(wp_agrees_with_walk),
		cmocka_unit_test(unsync_agrees_with_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
