/* SPDX-License-Identifier: MIT */
/* What shadow_path tells is what a processor finds that walks the pool. */
#include "shadow_one.h"

#include "memory/shadow/path.h"

static struct shadow_path path;

static enum shadow_path_end look(gva_t gva, enum shadow_view view)
{
	shadow_path(m.shadow, &m.ctx, view, gva, &path);
	return path.end;
}

/* The path agrees with the model processor, for an address that is mapped or not. */
static void agree(gva_t gva, enum walk_privilege who)
{
	enum shadow_view view = machine_view(&m, who);
	gpa_t root = machine_root(&m, view), gpa = 0;
	unsigned level = 0;
	bool mapped = machine_translate(&m, root, gva, WALK_READ, &gpa, &level);

	assert_int_equal(look(gva, view), mapped ? SHADOW_PATH_PAGE : SHADOW_PATH_ABSENT);
	assert_int_equal(path.root, root);
	for (unsigned i = 0; i < path.count; i++) {
		const struct shadow_step *s = &path.step[i];

		assert_int_equal(s->level, m.levels - i);
		assert_int_equal(s->entry, m.pool[(s->gpa - POOL_GPA) / 8]);
		assert_int_equal(s->entry, s->wanted);
	}
	if (!mapped)
		return;
	assert_int_equal(path.gpa, gpa);
	assert_int_equal(path.count, m.levels - level + 1);
	assert_int_equal(path.shift, 12 + 9 * (level - 1));
}

static void the_path_is_the_processor_s(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		for (unsigned levels = 4; levels <= 5; levels++) {
			machine_init_on(&m, levels, strategy, &pt_format_4level, 128);
			map_many(LOW, 4, PAGE);
			reach(LOW + 0x123, WALK_WRITE, WALK_USER);
			agree(LOW + 0x123, WALK_USER);
			agree(LOW + 8 * PAGE_SIZE, WALK_USER);
			agree(UINT64_C(1) << 40, WALK_USER);
			reach(LOW + PAGE_SIZE, WALK_READ, WALK_SUPERVISOR);
			agree(LOW + PAGE_SIZE, WALK_SUPERVISOR);
			machine_fini(&m);
		}
	}
}

static void large_pages_end_the_path_early(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		machine_map(&m, LOW, 2, HUGE_GPA | PAGE | PTE_PS, TABLE);
		reach(LOW + 0x12345, WALK_READ, WALK_USER);
		agree(LOW + 0x12345, WALK_USER);
		assert_int_equal(path.count, 3);
		assert_int_equal(path.gpa, HUGE_GPA + 0x12345);
		machine_fini(&m);
	}
}

static void a_view_that_nobody_looked_through_has_no_root(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		map_many(LOW, 1, PAGE);
		reach(LOW, WALK_READ, WALK_USER);
		assert_int_equal(look(LOW, SHADOW_KERNEL), SHADOW_PATH_NO_ROOT);
		assert_int_equal(path.count, 0);
		machine_fini(&m);
	}
}

static void the_monitor_s_slot_is_named(void **state)
{
	(void)state;
	machine_init(&m, SHADOW_UNSYNC, &pt_format_4level, 64);
	map_many(LOW, 1, PAGE);
	reach(LOW, WALK_READ, WALK_USER);
	assert_int_equal(look(UINT64_C(0xffff800000000000), SHADOW_USER), SHADOW_PATH_MONITOR);
	assert_int_equal(path.count, 1);
	assert_int_equal(path.step[0].entry, MONITOR_ENTRY);
	machine_fini(&m);
}

/* An entry that the monitor has yet to change is shown as it is and as it will be. */
static void mail_on_its_way_is_shown(void **state)
{
	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	map_many(LOW, 1, PAGE);
	reach(LOW, WALK_WRITE, WALK_USER);
	shadow_invalidate(m.shadow, &m.ctx, SHADOW_FLUSH_ALL, 0, &m.box);
	gmem_write(&m.mem, machine_entry(&m, LOW, 1), &(uint64_t){0}, 8);
	shadow_guest_pt_write(m.shadow, machine_entry(&m, LOW, 1), 8, &m.box);
	assert_int_equal(look(LOW, SHADOW_USER), SHADOW_PATH_PAGE);
	assert_true(path.step[path.count - 1].entry & PTE_PRESENT);
	assert_int_equal(path.step[path.count - 1].wanted, 0);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_is_the_processor_s),
		cmocka_unit_test(large_pages_end_the_path_early),
		cmocka_unit_test(a_view_that_nobody_looked_through_has_no_root),
		cmocka_unit_test(the_monitor_s_slot_is_named),
		cmocka_unit_test(mail_on_its_way_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
