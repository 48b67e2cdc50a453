/* SPDX-License-Identifier: MIT */
/* Guests that misbehave or are rare: hostile tables, tables that map themselves, no paging. */
#include "shadow_one.h"

static void hostile_tables_get_nothing(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		machine_map(&m, LOW, 1, POOL_GPA | PAGE, TABLE);
		machine_map(&m, LOW + PAGE_SIZE, 1, NOWHERE_GPA | PAGE, TABLE);
		machine_map(&m, LOW + 2 * PAGE_SIZE, 1, ROM_GPA | PAGE, TABLE);
		machine_map(&m, LOW + 3 * PAGE_SIZE, 1, DATA | PAGE | UINT64_C(1) << 50, TABLE);
		machine_map(&m, LOW + (1 << 21), 2, POOL_GPA | TABLE, TABLE);
		machine_map(&m, LOW + (2 << 21), 2, POOL_GPA | PAGE | PTE_PS, TABLE);
		machine_map(&m, UINT64_C(0xffff800000000000), 1, DATA | PAGE, TABLE);
		expect(LOW, WALK_READ, WALK_SUPERVISOR, SHADOW_MMIO);
		expect(LOW + PAGE_SIZE, WALK_WRITE, WALK_USER, SHADOW_MMIO);
		expect(LOW + 2 * PAGE_SIZE, WALK_READ, WALK_USER, SHADOW_FIXED);
		expect(LOW + 2 * PAGE_SIZE, WALK_WRITE, WALK_USER, SHADOW_MMIO);
		expect(LOW + 3 * PAGE_SIZE, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		expect(LOW + (1 << 21), WALK_READ, WALK_SUPERVISOR, SHADOW_BAD_TABLE);
		expect(LOW + (2 << 21), WALK_READ, WALK_SUPERVISOR, SHADOW_MMIO);
		expect(UINT64_C(0xffff800000000000), WALK_READ, WALK_SUPERVISOR, SHADOW_CANNOT);
		expect(UINT64_C(0x800000000000), WALK_READ, WALK_SUPERVISOR, SHADOW_NONCANONICAL);
		m.regs.cr3 = POOL_GPA;
		machine_load(&m);
		expect(LOW, WALK_READ, WALK_SUPERVISOR, SHADOW_BAD_TABLE);
		machine_fini(&m);
	}
}

/* A top table that is also every table below it: each level of it, and itself as data. */
static void a_table_may_map_itself(void **state)
{
	const gva_t self = UINT64_C(511) << 39 | UINT64_C(511) << 30 | UINT64_C(511) << 21 |
			   UINT64_C(511) << 12 | UINT64_C(0xffff) << 48;

	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		machine_store(&m, m.regs.cr3 + 511 * 8, m.regs.cr3 | PAGE);
		map_many(LOW, 1, PAGE);
		reach(LOW, WALK_WRITE, WALK_USER);
		assert_int_equal(reach(self, WALK_READ, WALK_SUPERVISOR), m.regs.cr3);
		/* By way of 511, 0, 0, 0 lies the table of LOW's top entry. */
		expect(self, WALK_WRITE, WALK_SUPERVISOR,
		       strategy == SHADOW_VTLB ? SHADOW_FIXED : SHADOW_TABLE_WRITE);
		machine_store(&m, m.regs.cr3 + 511 * 8, 0);
		machine_invlpg(&m, self);
		expect(self, WALK_READ, WALK_SUPERVISOR, SHADOW_GUEST_FAULT);
		reach(LOW, WALK_WRITE, WALK_USER);
		machine_fini(&m);
	}
}

static void paging_may_be_off(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, NULL, 64);
		assert_int_equal(reach(0x12345, WALK_WRITE, WALK_SUPERVISOR), 0x12345);
		assert_int_equal(reach(HUGE_GPA + 5, WALK_WRITE, WALK_SUPERVISOR), HUGE_GPA + 5);
		assert_int_equal(machine_level(&m, HUGE_GPA, SHADOW_KERNEL), 3);
		expect(NOWHERE_GPA, WALK_READ, WALK_SUPERVISOR, SHADOW_MMIO);
		expect(ROM_GPA, WALK_WRITE, WALK_SUPERVISOR, SHADOW_MMIO);
		machine_fini(&m);
	}
}

static void slots_may_come_and_go(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		machine_map(&m, LOW, 1, HUGE_GPA | PAGE, TABLE);
		reach(LOW, WALK_WRITE, WALK_USER);
		gmem_remove(&m.mem, m.mem.count - 1);
		shadow_memory_changed(m.shadow, &m.box);
		machine_load(&m);
		expect(LOW, WALK_READ, WALK_USER, SHADOW_MMIO);
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_tables_get_nothing),
		cmocka_unit_test(a_table_may_map_itself),
		cmocka_unit_test(paging_may_be_off),
		cmocka_unit_test(slots_may_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
