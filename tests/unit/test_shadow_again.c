/* SPDX-License-Identifier: MIT */
/*
 * The short way of a hidden fault next to the last one (again.c): what has changed between the two
 * counts. Each fault's GPA is held against walk() by the model machine.
 */
#include "shadow_one.h"

#include <stdlib.h>

#define NEXT  (LOW + PAGE_SIZE)
#define THIRD (LOW + 2 * PAGE_SIZE)
#define OTHER (DATA + (UINT64_C(1) << 21))

/* No A: the fault next to it leaves the page out. */
#define FRESH (PAGE & ~PTE_ACCESSED)

static void start(enum shadow_strategy strategy)
{
	machine_init(&m, strategy, &pt_format_4level, 64);
	machine_map(&m, LOW, 1, DATA | PAGE, TABLE);
	machine_map(&m, NEXT, 1, (DATA + PAGE_SIZE) | FRESH, TABLE);
	reach(LOW, WALK_READ, WALK_USER);
}

/* Behind vtlb's back, which looks after no table: the same GVA by another leaf table. */
static void another_table_above_counts(void **state)
{
	(void)state;
	for (unsigned level = 2; level <= 4; level++) {
		gpa_t at, old;

		start(SHADOW_VTLB);
		at = machine_entry(&m, LOW, level);
		old = machine_read(&m, at);
		machine_store(&m, at, 0);
		machine_map(&m, NEXT, 1, OTHER | FRESH, TABLE);
		assert_true(machine_read(&m, at) != old);
		assert_int_equal(reach(NEXT, WALK_READ, WALK_USER), OTHER);
		machine_fini(&m);
	}
}

/* And the same table with fewer rights. */
static void fewer_rights_above_count(void **state)
{
	(void)state;
	for (unsigned level = 2; level <= 4; level++) {
		gpa_t at;

		start(SHADOW_VTLB);
		at = machine_entry(&m, LOW, level);
		machine_store(&m, at, machine_read(&m, at) & ~PTE_WRITE);
		expect(NEXT, WALK_WRITE, WALK_USER, SHADOW_GUEST_FAULT);
		machine_store(&m, at, machine_read(&m, at) & ~PTE_USER);
		expect(NEXT, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		machine_fini(&m);
	}
}

/* The guest's entries are as they were, but the shadow's frames have gone meanwhile. */
static void frames_that_have_gone_are_not_used(void **state)
{
	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		for (unsigned level = 2; level <= 4; level++) {
			gpa_t at;
			uint64_t entry;

			start(strategy);
			at = machine_entry(&m, LOW, level);
			entry = machine_read(&m, at);
			machine_store(&m, at, 0);
			machine_store(&m, at, entry);
			assert_int_equal(reach(NEXT, WALK_READ, WALK_USER), DATA + PAGE_SIZE);
			machine_fini(&m);
		}
	}
}

/* A leaf table in ROM: the access goes on without A. */
static void a_leaf_table_in_rom_stays_as_it_is(void **state)
{
	const uint64_t first = DATA | PAGE, next = (DATA + PAGE_SIZE) | FRESH;
	uint64_t now;

	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		machine_map(&m, LOW, 2, ROM_GPA | TABLE, TABLE);
		memcpy(m.rom, &first, sizeof(first));
		memcpy(m.rom + sizeof(first), &next, sizeof(next));
		reach(LOW, WALK_READ, WALK_USER);
		assert_int_equal(reach(NEXT, WALK_READ, WALK_USER), DATA + PAGE_SIZE);
		memcpy(&now, m.rom + sizeof(first), sizeof(now));
		assert_int_equal(now, next);
		machine_fini(&m);
	}
}

/* What the last leaf granted says nothing of one with other flags. */
static void each_leaf_has_its_own_rights(void **state)
{
	static const uint64_t flags[] = {
		FRESH & ~PTE_WRITE,	  FRESH & ~PTE_USER, FRESH | PTE_NX,
		FRESH & ~PTE_DIRTY,	  FRESH | PTE_PCD,   FRESH & ~PTE_PRESENT,
		FRESH | PTE_BITS(51, 46),
	};

	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		for (unsigned i = 0; i < COUNT(flags); i++) {
			const bool present = flags[i] & PTE_PRESENT && !(flags[i] >> 51 & 1);

			start(strategy);
			m.regs.maxphyaddr = 46;
			machine_load(&m);
			machine_map(&m, THIRD, 1, (DATA + 2 * PAGE_SIZE) | flags[i], TABLE);
			reach(NEXT, WALK_READ, WALK_USER);
			expect(THIRD, WALK_READ, WALK_USER,
			       present && flags[i] & PTE_USER ? SHADOW_FIXED : SHADOW_GUEST_FAULT);
			expect(THIRD, WALK_WRITE, WALK_USER,
			       present && flags[i] & PTE_USER && flags[i] & PTE_WRITE
				       ? SHADOW_FIXED
				       : SHADOW_GUEST_FAULT);
			machine_fini(&m);
		}
	}
}

/* A page that is a tracked table comes in without the right to write, whatever its neighbour had. */
static void a_table_among_the_pages_is_not_to_be_written(void **state)
{
	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		gpa_t table;

		start(strategy);
		table = machine_entry(&m, LOW, 2) & ~(PAGE_SIZE - 1);
		reach(NEXT, WALK_READ, WALK_USER);
		machine_map(&m, THIRD, 1, table | FRESH, TABLE);
		assert_int_equal(reach(THIRD, WALK_READ, WALK_USER), table);
		expect(THIRD, WALK_WRITE, WALK_USER, SHADOW_TABLE_WRITE);
		machine_fini(&m);
	}
}

/* The memory behind the tables is another now, and nobody has told the core. */
static void other_memory_behind_the_tables_counts(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		uint8_t *old, *ram = aligned_alloc(PAGE_SIZE, RAM_SIZE);

		assert_non_null(ram);
		start(strategy);
		old = m.ram;
		memcpy(ram, old, RAM_SIZE);
		gmem_remove(&m.mem, 0);
		assert_int_equal(gmem_add(&m.mem, 0, ram, RAM_SIZE, false, NULL), PN_OK);
		m.ram = ram;
		machine_map(&m, NEXT, 1, OTHER | FRESH, TABLE);
		assert_int_equal(reach(NEXT, WALK_READ, WALK_USER), OTHER);
		m.ram = old;
		machine_fini(&m);
		free(ram);
	}
}

/* A for a read, D too for a write. */
static void the_flags_are_set(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		gpa_t at;

		start(strategy);
		at = machine_entry(&m, NEXT, 1);
		machine_store(&m, at, machine_read(&m, at) & ~PTE_DIRTY);
		reach(NEXT, WALK_READ, WALK_USER);
		assert_int_equal(machine_read(&m, at) & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED);
		reach(NEXT, WALK_WRITE, WALK_USER);
		assert_true(machine_read(&m, at) & PTE_DIRTY);
		machine_fini(&m);
	}
}

/* However often a table is written, it is one as long as it is used in between. */
static void a_table_on_the_way_is_in_use(void **state)
{
	gpa_t pte;

	(void)state;
	start(SHADOW_WP);
	machine_map(&m, 0, 2, PAGE | PTE_PS, TABLE);
	pte = machine_entry(&m, LOW, 1);
	for (unsigned n = 0; n < 40; n++) {
		machine_store(&m, pte + n % 2 * 8, DATA | FRESH);
		reach(LOW + n % 2 * PAGE_SIZE, WALK_READ, WALK_USER);
	}
	expect(pte, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	machine_fini(&m);
}

/* A slot has been added: roots are made anew, in other frames. */
static void a_root_that_has_gone_is_not_entered(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		start(strategy);
		reach(LOW, WALK_READ, WALK_SUPERVISOR);
		shadow_memory_changed(m.shadow, &m.box);
		reach(NEXT, WALK_READ, WALK_SUPERVISOR);
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_table_above_counts),
		cmocka_unit_test(fewer_rights_above_count),
		cmocka_unit_test(frames_that_have_gone_are_not_used),
		cmocka_unit_test(a_leaf_table_in_rom_stays_as_it_is),
		cmocka_unit_test(each_leaf_has_its_own_rights),
		cmocka_unit_test(a_table_among_the_pages_is_not_to_be_written),
		cmocka_unit_test(other_memory_behind_the_tables_counts),
		cmocka_unit_test(the_flags_are_set),
		cmocka_unit_test(a_table_on_the_way_is_in_use),
		cmocka_unit_test(a_root_that_has_gone_is_not_entered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
