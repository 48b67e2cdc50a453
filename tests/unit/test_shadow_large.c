/* SPDX-License-Identifier: MIT */
/* Large pages: large where they can be, in parts where not. */
#include "shadow_one.h"

static void large_pages_stay_large(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		machine_map(&m, 0, 2, DATA | PAGE | PTE_PS, TABLE);
		machine_map(&m, LOW, 3, HUGE_GPA | PAGE | PTE_PS, TABLE);
		assert_int_equal(reach(0x1234, WALK_WRITE, WALK_USER), DATA + 0x1234);
		assert_int_equal(reach(LOW + 0x12345678, WALK_WRITE, WALK_USER),
				 HUGE_GPA + 0x12345678);
		assert_int_equal(machine_level(&m, 0, SHADOW_USER), 2);
		assert_int_equal(machine_level(&m, LOW, SHADOW_USER), 3);
		assert_true(m.faults <= 2);
		machine_fini(&m);
	}
}

static void large_pages_past_a_slot_are_split(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		/* The ROM slot is 64 KiB of this page; RAM ends 64 MiB into that one. */
		machine_map(&m, 0, 2, ROM_GPA | PAGE | PTE_PS, TABLE);
		machine_map(&m, LOW, 3, 0 | PAGE | PTE_PS, TABLE);
		assert_int_equal(reach(PAGE_SIZE, WALK_READ, WALK_USER), ROM_GPA + PAGE_SIZE);
		expect(PAGE_SIZE, WALK_WRITE, WALK_USER, SHADOW_MMIO);
		expect(ROM_SIZE, WALK_READ, WALK_USER, SHADOW_MMIO);
		reach(LOW + DATA, WALK_WRITE, WALK_USER);
		assert_int_equal(machine_level(&m, LOW + DATA, SHADOW_USER), 2);
		expect(LOW + RAM_SIZE, WALK_READ, WALK_USER, SHADOW_MMIO);
		/* Another page of the same kind takes its place. */
		machine_store(&m, machine_entry(&m, 0, 2), 0 | PAGE | PTE_PS);
		machine_invlpg(&m, 0);
		assert_int_equal(reach(PAGE_SIZE, WALK_READ, WALK_USER), PAGE_SIZE);
		/* Its parts go with it, from the TLB as well. */
		m.has_tlb = true;
		reach(LOW + DATA, WALK_WRITE, WALK_USER);
		machine_store(&m, machine_entry(&m, LOW, 3), 0);
		machine_invlpg(&m, LOW);
		expect(LOW + DATA, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		expect(LOW + DATA + (1 << 21), WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		machine_fini(&m);
	}
}

/* A large page over a table is split from the moment the table is one, and whole again after. */
static void large_pages_over_tables_are_split(void **state)
{
	const gva_t window = LOW;

	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		gpa_t table = DATA + 5 * PAGE_SIZE, pde;

		machine_init(&m, strategy, &pt_format_4level, 64);
		machine_map(&m, window, 2, DATA | PAGE | PTE_PS, TABLE);
		reach(window + 5 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR);
		assert_int_equal(machine_level(&m, window, SHADOW_KERNEL), 2);

		machine_map(&m, window + (1 << 21), 2, 0, TABLE);
		pde = machine_entry(&m, window + (1 << 21), 2);
		machine_store(&m, table, (DATA + (4 << 20)) | PAGE);
		machine_store(&m, pde, table | TABLE);
		assert_int_equal(reach(window + (1 << 21), WALK_READ, WALK_SUPERVISOR),
				 DATA + (4 << 20));
		assert_int_equal(machine_level(&m, window, SHADOW_KERNEL), 0);
		expect(window + 4 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_FIXED);
		assert_int_equal(machine_level(&m, window, SHADOW_KERNEL), 1);
		expect(window + 5 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR,
		       strategy == SHADOW_WP ? SHADOW_TABLE_WRITE : SHADOW_FIXED);
		machine_store(&m, pde, 0);
		expect(window + 5 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_FIXED);
		/* Under unsync nothing of it had to fault once more. */
		assert_int_equal(machine_level(&m, window, SHADOW_KERNEL),
				 strategy == SHADOW_WP ? 2 : 1);
		machine_fini(&m);
	}
}

/* Of 1 GiB with one table inside, all but 2 MiB stays as large as can be, and of those all but the
 * table's 4 KiB stays writable; no translation of the time before is left. */
static void a_gigabyte_is_split_around_a_table(void **state)
{
	const gva_t window = 2 * LOW;

	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		gpa_t table = HUGE_GPA + (6 << 20) + 7 * PAGE_SIZE;
		gva_t at = window + (table - HUGE_GPA);
		uint64_t leaf = DATA | PAGE;

		machine_init(&m, strategy, &pt_format_4level, 64);
		m.has_tlb = true;
		machine_map(&m, window, 3, HUGE_GPA | PAGE | PTE_PS, TABLE);
		reach(at, WALK_WRITE, WALK_SUPERVISOR);
		assert_int_equal(machine_level(&m, at, SHADOW_KERNEL), 3);
		machine_map(&m, LOW, 2, table | TABLE, TABLE);
		memcpy(m.huge + (table - HUGE_GPA), &leaf, sizeof(leaf));
		reach(LOW, WALK_READ, WALK_SUPERVISOR);
		expect(at, WALK_WRITE, WALK_SUPERVISOR,
		       strategy == SHADOW_WP ? SHADOW_TABLE_WRITE : SHADOW_FIXED);
		reach(at, WALK_READ, WALK_SUPERVISOR);
		reach(at + PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR);
		reach(window, WALK_WRITE, WALK_SUPERVISOR);
		assert_int_equal(machine_level(&m, at, SHADOW_KERNEL), 1);
		assert_int_equal(machine_level(&m, at + PAGE_SIZE, SHADOW_KERNEL), 1);
		assert_int_equal(machine_level(&m, window, SHADOW_KERNEL), 2);
		assert_int_equal(machine_level(&m, window + (8 << 20), SHADOW_KERNEL), 2);
		machine_fini(&m);
	}
}

/* A large page with D clear becomes writable in a few faults, not in 512. */
static void split_pages_become_writable_together(void **state)
{
	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	machine_map(&m, LOW, 2, TABLE | PTE_PS, TABLE); /* the tables are inside */
	for (unsigned i = 32; i < 512; i++)
		reach(LOW + i * PAGE_SIZE, WALK_READ, WALK_SUPERVISOR);
	for (unsigned i = 32; i < 512; i++)
		reach(LOW + i * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR);
	assert_true(m.faults <= 2);
	expect(LOW + PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	machine_fini(&m);
}

/* A page of 4 MiB is two in the shadow, and one to INVLPG. */
static void both_halves_of_4_mib_go(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_2level, 64);
		m.has_tlb = true;
		machine_map(&m, LOW, 2, DATA | PAGE | PTE_PS, TABLE);
		reach(LOW, WALK_WRITE, WALK_USER);
		assert_int_equal(reach(LOW + (3 << 20), WALK_WRITE, WALK_USER), DATA + (3 << 20));
		machine_store(&m, machine_entry(&m, LOW, 2), 0);
		machine_invlpg(&m, LOW);
		expect(LOW, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		expect(LOW + (3 << 20), WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_pages_stay_large),
		cmocka_unit_test(large_pages_past_a_slot_are_split),
		cmocka_unit_test(large_pages_over_tables_are_split),
		cmocka_unit_test(a_gigabyte_is_split_around_a_table),
		cmocka_unit_test(split_pages_become_writable_together),
		cmocka_unit_test(both_halves_of_4_mib_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
