/* SPDX-License-Identifier: MIT */
/* Stores to tables that cannot be emulated: shadow_untrack() lets them through, or says it cannot. */
#include "shadow_one.h"

#define WINDOW	UINT64_C(0x80000000) /* 2 MiB over DATA */
#define FORMER	(DATA + 5 * PAGE_SIZE)
#define THROUGH (LOW + (1 << 21)) /* the first page by way of FORMER */

/* FORMER is a table in use at THROUGH, and can be written at WINDOW. */
static void make(enum shadow_strategy strategy, unsigned level)
{
	machine_init(&m, strategy, &pt_format_4level, 64);
	m.has_tlb = true;
	machine_map(&m, WINDOW, 2, DATA | PAGE | PTE_PS, TABLE);
	map_many(LOW, 1, PAGE);
	machine_map(&m, THROUGH, level + 1, FORMER | TABLE, TABLE);
	machine_store(&m, FORMER, (DATA + PAGE_SIZE) | PAGE | (level > 1 ? PTE_PS : 0));
}

/* The guest stores, without anybody's knowledge. */
static void store(gpa_t gpa, uint64_t entry)
{
	memcpy(m.ram + gpa, &entry, sizeof(entry));
}

static void a_former_table_takes_stores(void **state)
{
	(void)state;
	make(SHADOW_WP, 1);
	assert_int_equal(reach(THROUGH, WALK_READ, WALK_SUPERVISOR), DATA + PAGE_SIZE);
	expect(WINDOW + 5 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	assert_true(machine_untrack(&m, FORMER + 8));
	machine_audit(&m);
	assert_int_equal(reach(WINDOW + 5 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR), FORMER);
	/* What it translated is gone from the tables and from the TLB. */
	store(FORMER, (DATA + 2 * PAGE_SIZE) | PAGE);
	assert_int_equal(reach(THROUGH, WALK_READ, WALK_SUPERVISOR), DATA + 2 * PAGE_SIZE);
	/* In use once more, it is a table once more. */
	expect(WINDOW + 5 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	machine_fini(&m);
}

/* Its shadows in each view, and those of tables below that nobody else needs. */
static void an_upper_table_goes_with_all_below(void **state)
{
	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		gpa_t leaf = FORMER + PAGE_SIZE;

		make(strategy, 2);
		machine_store(&m, FORMER, leaf | TABLE);
		machine_store(&m, leaf, (DATA + PAGE_SIZE) | PAGE);
		reach(THROUGH & UINT64_MAX << 30, WALK_READ, WALK_SUPERVISOR);
		reach(THROUGH & UINT64_MAX << 30, WALK_READ, WALK_USER);
		expect(WINDOW + 5 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
		assert_true(machine_untrack(&m, FORMER));
		machine_audit(&m);
		reach(WINDOW + 5 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR);
		reach(WINDOW + 6 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR);
		machine_fini(&m);
	}
}

/* A store that goes through the table it changes cannot be let through without being seen. */
static void a_table_on_the_way_stays(void **state)
{
	uint64_t frames;

	(void)state;
	make(SHADOW_WP, 1);
	machine_store(&m, FORMER + 8, FORMER | PAGE);
	expect(THROUGH + PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	frames = shadow_stats(m.shadow).frames_used;
	assert_false(machine_untrack(&m, FORMER));
	assert_int_equal(shadow_stats(m.shadow).frames_used, frames);
	expect(THROUGH + PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	/* It is in use, and may go, as soon as the store goes another way. */
	expect(WINDOW + 5 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	assert_true(machine_untrack(&m, FORMER));
	machine_fini(&m);
}

/* Not even a root that is in the processor. */
static void a_top_table_goes_unless_it_is_on_the_way(void **state)
{
	gpa_t old, new;

	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		make(strategy, 1);
		machine_map(&m, 0, 2, PAGE | PTE_PS, TABLE); /* the tables */
		old = m.regs.cr3;
		reach(LOW, WALK_READ, WALK_USER);
		expect(old, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
		assert_false(machine_untrack(&m, old));
		new = m.regs.cr3 = machine_table(&m);
		machine_map(&m, 0, 2, PAGE | PTE_PS, TABLE);
		machine_load(&m);
		expect(old, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
		assert_true(machine_untrack(&m, old));
		assert_int_equal(reach(old, WALK_WRITE, WALK_SUPERVISOR), old);
		assert_int_not_equal(old, new);
		machine_fini(&m);
	}
}

static void what_is_no_table_needs_nothing(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		make(strategy, 1);
		reach(LOW, WALK_WRITE, WALK_USER);
		assert_true(machine_untrack(&m, DATA));
		assert_true(machine_untrack(&m, NOWHERE_GPA));
		assert_true(machine_untrack(&m, UINT64_MAX));
		machine_audit(&m);
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_former_table_takes_stores),
		cmocka_unit_test(an_upper_table_goes_with_all_below),
		cmocka_unit_test(a_table_on_the_way_stays),
		cmocka_unit_test(a_top_table_goes_unless_it_is_on_the_way),
		cmocka_unit_test(what_is_no_table_needs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
