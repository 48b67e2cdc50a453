/* SPDX-License-Identifier: MIT */
/* Bounds: a pool that is too small, a box that is too small. */
#include "shadow_one.h"

/* 600 leaf tables, and each access still comes through, with the smallest pool. */
static void a_small_pool_serves_any_guest(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, SHADOW_FRAMES_MIN);
		for (unsigned i = 0; i < 600; i++)
			machine_map(&m, (gva_t)i << 21, 1, (DATA + i * PAGE_SIZE) | PAGE, TABLE);
		for (unsigned round = 0; round < 2; round++)
			for (unsigned i = 0; i < 600; i++)
				assert_int_equal(reach((gva_t)i << 21, WALK_WRITE, WALK_USER),
						 DATA + i * PAGE_SIZE);
		assert_true(shadow_stats(m.shadow).reclaimed > 0);
		assert_true(shadow_stats(m.shadow).frames_peak <= SHADOW_FRAMES_MIN);
		machine_fini(&m);
	}
}

/* Seven pages, as one instruction may need, are held together by the smallest pool. */
static void a_small_pool_holds_an_instruction(void **state)
{
	unsigned faults;

	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, SHADOW_FRAMES_MIN);
		for (gva_t i = 0; i < 100; i++)
			machine_map(&m, i << 39 | i << 30 | i << 21, 1, DATA | PAGE, TABLE);
		for (gva_t i = 0; i < 100; i++)
			reach(i << 39 | i << 30 | i << 21, WALK_READ, WALK_USER);
		for (gva_t i = 0; i < 7; i++)
			reach(i << 39 | i << 30 | i << 21, WALK_READ, WALK_USER);
		faults = m.faults;
		for (gva_t i = 0; i < 7; i++)
			reach(i << 39 | i << 30 | i << 21, WALK_READ, WALK_USER);
		assert_int_equal(m.faults, faults);
		machine_fini(&m);
	}
}

static void the_oldest_root_goes_first(void **state)
{
	gpa_t cr3[3];

	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, SHADOW_FRAMES_MIN);
	for (unsigned i = 0; i < 3; i++) {
		cr3[i] = m.regs.cr3 = machine_table(&m);
		map_many(LOW, 4, PAGE);
		machine_load(&m);
		reach(LOW, WALK_READ, WALK_USER);
	}
	/* The first again, so that the second is the oldest. */
	m.regs.cr3 = cr3[0];
	machine_load(&m);
	reach(LOW, WALK_READ, WALK_USER);
	m.regs.cr3 = machine_table(&m);
	for (unsigned i = 0; i < 20; i++)
		machine_map(&m, (gva_t)i << 21, 1, DATA | PAGE, TABLE);
	machine_load(&m);
	for (unsigned i = 0; i < 18; i++)
		reach((gva_t)i << 21, WALK_READ, WALK_USER);
	m.faults = 0;
	m.regs.cr3 = cr3[0];
	machine_load(&m);
	reach(LOW, WALK_READ, WALK_USER);
	assert_int_equal(m.faults, 0);
	m.regs.cr3 = cr3[1];
	machine_load(&m);
	reach(LOW, WALK_READ, WALK_USER);
	assert_int_equal(m.faults, 1);
	machine_fini(&m);
}

/* More changes than a box holds: the rest follows. */
static void mail_that_does_not_fit_follows(void **state)
{
	(void)state;
	machine_init(&m, SHADOW_UNSYNC, &pt_format_4level, 128);
	map_many(LOW, 2048, PAGE);
	for (unsigned i = 0; i < 2048; i++)
		reach(LOW + i * PAGE_SIZE, WALK_WRITE, WALK_USER);
	m.deliveries = 0;
	for (unsigned i = 0; i < 4; i++) {
		gpa_t table = machine_entry(&m, LOW + (i << 21), 1);

		for (unsigned n = 0; n < 512; n++) {
			uint64_t entry = (DATA + (n ^ 1) * PAGE_SIZE) | PAGE;

			memcpy(m.ram + table + 8 * n, &entry, 8);
		}
		shadow_guest_pt_write(m.shadow, table, 4096, &m.box);
	}
	assert_true(m.box.count == MAIL_MAX && shadow_pending(m.shadow));
	machine_flush_all(&m);
	machine_audit(&m);
	assert_true(m.deliveries > 2048 / MAIL_MAX);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_pool_serves_any_guest),
		cmocka_unit_test(a_small_pool_holds_an_instruction),
		cmocka_unit_test(the_oldest_root_goes_first),
		cmocka_unit_test(mail_that_does_not_fit_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
