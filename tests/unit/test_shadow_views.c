/* SPDX-License-Identifier: MIT */
/* What a view grants of what the guest's tables say: rights, keys, A and D, cache attributes. */
#include "shadow_one.h"

/* Every combination of what entries and registers may say, in every view: as walk() has it. */
static void views_grant_what_walk_grants(void **state)
{
	static const enum walk_privilege who[] = {WALK_USER, WALK_SUPERVISOR};

	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	for (unsigned c = 0; c < 256; c++) {
		uint64_t leaf = DATA | PTE_PRESENT | PTE_ACCESSED | (c & 1 ? PTE_WRITE : 0) |
				(c & 2 ? PTE_USER : 0) | (c & 4 ? PTE_NX : 0);
		uint64_t upper = TABLE & ~(c & 128 ? PTE_WRITE : 0);

		m.regs.cr0 = CR0_PE | CR0_PG | (c & 8 ? CR0_WP : 0);
		m.regs.cr4 = CR4_PAE | (c & 16 ? CR4_SMEP : 0) | (c & 32 ? CR4_SMAP : 0);
		m.regs.rflags = c & 64 ? RFLAGS_AC : 0;
		machine_map(&m, LOW, 1, leaf, upper);
		machine_load(&m);
		for (unsigned w = 0; w < 2; w++)
			for (int a = WALK_READ; a <= WALK_FETCH; a++) {
				struct walk_query q = {.gva = LOW,
						       .access = (enum walk_access)a,
						       .privilege = who[w]};
				struct walk_result r;
				bool ok = walk(&m.mem, &m.ctx, &q, &r, NULL) == WALK_OK;
				enum shadow_outcome got = touch(LOW, q.access, q.privilege);

				/* Code that may be run but not read has no entry. */
				if (got == SHADOW_CANNOT && a == WALK_FETCH && who[w] && c & 32)
					continue;
				if (got != (ok ? SHADOW_FIXED : SHADOW_GUEST_FAULT))
					fail_msg("case %u, %s %s: %d", c,
						 walk_privilege_name(who[w]),
						 walk_access_name(q.access), got);
			}
		machine_store(&m, machine_entry(&m, LOW, 1), 0);
		machine_store(&m, machine_entry(&m, LOW, 4), 0);
	}
	machine_fini(&m);
}

static void accessed_and_dirty_are_set_as_used(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		machine_map(&m, LOW, 1, DATA | (TABLE & ~PTE_ACCESSED), TABLE);
		machine_map(&m, LOW + PAGE_SIZE, 1, (DATA + PAGE_SIZE) | (TABLE & ~PTE_ACCESSED),
			    TABLE);
		expect(LOW, WALK_READ, WALK_USER, SHADOW_FIXED);
		assert_true(machine_read(&m, machine_entry(&m, LOW, 1)) & PTE_ACCESSED);
		assert_false(machine_read(&m, machine_entry(&m, LOW, 1)) & PTE_DIRTY);
		assert_false(machine_read(&m, machine_entry(&m, LOW + PAGE_SIZE, 1)) &
			     PTE_ACCESSED);
		expect(LOW, WALK_WRITE, WALK_USER, SHADOW_FIXED);
		assert_true(machine_read(&m, machine_entry(&m, LOW, 1)) & PTE_DIRTY);
		assert_int_equal(m.faults, 2);
		machine_fini(&m);
	}
}

static void cache_attributes_are_carried_over(void **state)
{
	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	for (unsigned pat = 0; pat < 8; pat++) {
		uint64_t low = (pat & 1 ? PTE_PWT : 0) | (pat & 2 ? PTE_PCD : 0);

		machine_map(&m, LOW + pat * PAGE_SIZE, 1,
			    DATA | PAGE | low | (pat & 4 ? PTE_PAT : 0), TABLE);
		machine_map(&m, 2 * LOW + (pat << 21), 2,
			    HUGE_GPA | PAGE | PTE_PS | low | (pat & 4 ? PTE_PAT_LARGE : 0), TABLE);
	}
	/* The audit compares. */
	expect(LOW, WALK_READ, WALK_SUPERVISOR, SHADOW_FIXED);
	expect(2 * LOW, WALK_READ, WALK_SUPERVISOR, SHADOW_FIXED);
	assert_int_equal(machine_level(&m, 2 * LOW + (7 << 21), SHADOW_KERNEL), 2);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_grant_what_walk_grants),
		cmocka_unit_test(accessed_and_dirty_are_set_as_used),
		cmocka_unit_test(cache_attributes_are_carried_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
