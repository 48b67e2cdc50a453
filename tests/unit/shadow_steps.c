/* SPDX-License-Identifier: MIT */
#include "shadow_steps.h"

void step_access(struct random_guest *g, gva_t gva, enum walk_access access,
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

void step_windows(struct random_guest *g)
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
void step_store(struct random_guest *g)
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

void step_load(struct random_guest *g)
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

void step_mode(struct random_guest *g)
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

void step_any(struct random_guest *g)
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
		step_access(g, gva, access, g->privilege);
	} else if (what < 175) {
		step_store(g);
	} else if (what < 188) {
		machine_invlpg(m, gva);
		note(g, (struct record){.kind = RECORD_INVLPG, .gva = gva});
	} else if (what < 197) {
		step_load(g);
	} else if (what < 199) {
		step_mode(g);
	} else {
		machine_flush_all(m);
		forget(g);
	}
}
