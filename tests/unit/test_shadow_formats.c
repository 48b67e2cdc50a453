/* SPDX-License-Identifier: MIT */
/* Guests of every format on real tables of four and of five levels, and what is odd in each. */
#include "shadow_one.h"

static const struct {
	const struct pt_format *format;
	unsigned levels;
} cases[] = {
	{&pt_format_2level, 4}, {&pt_format_2level, 5}, {&pt_format_pae, 4},	{&pt_format_pae, 5},
	{&pt_format_4level, 4}, {&pt_format_4level, 5}, {&pt_format_5level, 5},
};

/* The highest page a guest of this format can have. */
static gva_t top_of(const struct pt_format *format)
{
	return format->gva_bits == 32 ? UINT64_C(0xfffff000) : -PAGE_SIZE;
}

static void each_format_runs_on_four_and_five_levels(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		FOR_EACH_STRATEGY(strategy)
		{
			gva_t top = top_of(cases[i].format);

			machine_init_on(&m, cases[i].levels, strategy, cases[i].format, 64);
			map_many(LOW, 4, PAGE);
			machine_map(&m, top, 1, (DATA + 5 * PAGE_SIZE) | PAGE, TABLE);
			machine_map(&m, 3 * LOW - (4 << 20), 2, DATA | PAGE | PTE_PS, TABLE);
			assert_int_equal(reach(LOW + 5, WALK_WRITE, WALK_USER), DATA + 5);
			assert_int_equal(reach(top + 5, WALK_WRITE, WALK_USER),
					 DATA + 5 * PAGE_SIZE + 5);
			reach(3 * LOW - (4 << 20), WALK_WRITE, WALK_SUPERVISOR);
			assert_int_equal(machine_level(&m, 3 * LOW - (4 << 20), SHADOW_KERNEL), 2);
			machine_store(&m, machine_entry(&m, LOW, 1), 0);
			machine_invlpg(&m, LOW);
			expect(LOW, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
			machine_fini(&m);
		}
}

/* The monitor's slot is one of the real top table: what a guest loses depends on that alone. */
static void the_monitor_takes_a_slot_of_the_real_top_table(void **state)
{
	const gva_t slot_of_4 = UINT64_C(0xffff800000000000);
	const gva_t slot_of_5 = UINT64_C(0xff00000000000000);

	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init_on(&m, 4, strategy, &pt_format_4level, 64);
		machine_map(&m, slot_of_4, 1, DATA | PAGE, TABLE);
		expect(slot_of_4, WALK_READ, WALK_SUPERVISOR, SHADOW_CANNOT);
		machine_fini(&m);

		machine_init_on(&m, 5, strategy, &pt_format_4level, 64);
		machine_map(&m, slot_of_4, 1, DATA | PAGE, TABLE);
		reach(slot_of_4, WALK_WRITE, WALK_SUPERVISOR);
		/* Canonical for the processor, but not for this guest. */
		expect(slot_of_5, WALK_READ, WALK_SUPERVISOR, SHADOW_NONCANONICAL);
		expect(UINT64_C(1) << 48, WALK_READ, WALK_SUPERVISOR, SHADOW_NONCANONICAL);
		expect(UINT64_C(1) << 47, WALK_READ, WALK_SUPERVISOR, SHADOW_NONCANONICAL);
		machine_fini(&m);

		machine_init_on(&m, 5, strategy, &pt_format_5level, 64);
		machine_map(&m, slot_of_4, 1, DATA | PAGE, TABLE);
		machine_map(&m, slot_of_5, 1, DATA | PAGE, TABLE);
		machine_map(&m, UINT64_C(1) << 47, 1, DATA | PAGE, TABLE);
		machine_map(&m, UINT64_C(1) << 55, 1, DATA | PAGE, TABLE);
		reach(slot_of_4, WALK_WRITE, WALK_SUPERVISOR);
		reach(UINT64_C(1) << 47, WALK_WRITE, WALK_USER);
		reach(UINT64_C(1) << 55, WALK_WRITE, WALK_USER);
		expect(slot_of_5, WALK_READ, WALK_SUPERVISOR, SHADOW_CANNOT);
		expect(UINT64_C(1) << 56, WALK_READ, WALK_SUPERVISOR, SHADOW_NONCANONICAL);
		machine_fini(&m);
	}
}

static void four_levels_are_too_few_for_a_guest_of_five(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init_on(&m, 4, strategy, &pt_format_5level, 64);
		map_many(LOW, 1, PAGE);
		expect(LOW, WALK_READ, WALK_USER, SHADOW_CANNOT);
		machine_fini(&m);
	}
}

static void no_paging_on_five_levels(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init_on(&m, 5, strategy, NULL, 64);
		assert_int_equal(reach(0x12345, WALK_WRITE, WALK_SUPERVISOR), 0x12345);
		assert_int_equal(reach(HUGE_GPA + 5, WALK_WRITE, WALK_SUPERVISOR), HUGE_GPA + 5);
		assert_int_equal(machine_level(&m, HUGE_GPA, SHADOW_KERNEL), 3);
		machine_fini(&m);
	}
}

/* PDPTE 1 leads to the PDPT itself, which is a page directory there: entries 0 to 3 are both. */
static void make_double(enum shadow_strategy strategy, bool in_registers)
{
	machine_init(&m, strategy, &pt_format_pae, 64);
	map_many(0, 4, PAGE & ~PTE_USER);
	machine_store(&m, m.regs.cr3 + 8, m.regs.cr3 | PTE_PRESENT);
	m.regs.pdptrs_valid = in_registers;
	for (unsigned i = 0; i < 4; i++)
		m.regs.pdptr[i] = machine_read(&m, m.regs.cr3 + 8 * i);
	machine_load(&m);
}

/* As a page directory's, an entry gets an A flag; as a PDPTE it must not have one. */
static void a_pdpte_with_an_accessed_flag_is_malformed(void **state)
{
	const gva_t as_pd = UINT64_C(1) << 30, self = as_pd | UINT64_C(1) << 21;

	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		struct walk_result r;

		make_double(strategy, false);
		reach(0, WALK_READ, WALK_SUPERVISOR);
		reach(as_pd, WALK_READ, WALK_SUPERVISOR);
		assert_int_equal(machine_access(&m, 0, WALK_READ, WALK_SUPERVISOR, &r),
				 SHADOW_GUEST_FAULT);
		assert_int_equal(r.error_code, PF_ERR_PRESENT | PF_ERR_RESERVED);
		assert_int_equal(r.reserved, PTE_ACCESSED);
		/* An entry that is on its own way. */
		expect(self, WALK_READ, WALK_SUPERVISOR, SHADOW_GUEST_FAULT);
		expect(as_pd, WALK_READ, WALK_SUPERVISOR, SHADOW_GUEST_FAULT);
		machine_fini(&m);
	}
}

/* What the processor holds in registers is as it was loaded. */
static void pdptes_in_registers_get_no_flags(void **state)
{
	const gva_t as_pd = UINT64_C(1) << 30;

	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		make_double(strategy, true);
		reach(0, WALK_READ, WALK_SUPERVISOR);
		reach(as_pd, WALK_READ, WALK_SUPERVISOR);
		assert_true(machine_read(&m, m.regs.cr3) & PTE_ACCESSED);
		reach(0, WALK_READ, WALK_SUPERVISOR);
		reach(as_pd | UINT64_C(1) << 21, WALK_READ, WALK_SUPERVISOR);
		machine_fini(&m);
	}
}

/* The same CR3 with other PDPTEs is another address space, and comes back as the first. */
static void pdptes_in_registers_are_part_of_the_root(void **state)
{
	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		uint64_t first, second;
		uint64_t roots;

		machine_init(&m, strategy, &pt_format_pae, 64);
		m.has_tlb = true;
		map_many(0, 1, PAGE);
		machine_map(&m, LOW, 1, (DATA + PAGE_SIZE) | PAGE, TABLE);
		first = machine_read(&m, m.regs.cr3);
		second = machine_read(&m, m.regs.cr3 + 8);
		m.regs.pdptrs_valid = true;
		m.regs.pdptr[0] = first;
		machine_load(&m);
		assert_int_equal(reach(0, WALK_READ, WALK_USER), DATA);
		m.regs.pdptr[0] = second;
		machine_load(&m);
		assert_int_equal(reach(0, WALK_READ, WALK_USER), DATA + PAGE_SIZE);
		roots = shadow_stats(m.shadow).roots;
		m.faults = 0;
		m.regs.pdptr[0] = first;
		machine_load(&m);
		assert_int_equal(reach(0, WALK_READ, WALK_USER), DATA);
		assert_int_equal(shadow_stats(m.shadow).roots, roots);
		assert_int_equal(m.faults, 0);
		machine_fini(&m);
	}
}

/* PDPTEs in registers that map nothing are not those in memory, under the same CR3. */
static void pdptes_in_memory_are_another_root(void **state)
{
	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_pae, 64);
		map_many(LOW, 1, PAGE);
		reach(LOW, WALK_READ, WALK_USER);
		m.regs.pdptrs_valid = true;
		machine_load(&m);
		expect(LOW, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		m.regs.pdptrs_valid = false;
		machine_load(&m);
		reach(LOW, WALK_READ, WALK_USER);
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_runs_on_four_and_five_levels),
		cmocka_unit_test(the_monitor_takes_a_slot_of_the_real_top_table),
		cmocka_unit_test(four_levels_are_too_few_for_a_guest_of_five),
		cmocka_unit_test(no_paging_on_five_levels),
		cmocka_unit_test(a_pdpte_with_an_accessed_flag_is_malformed),
		cmocka_unit_test(pdptes_in_registers_get_no_flags),
		cmocka_unit_test(pdptes_in_registers_are_part_of_the_root),
		cmocka_unit_test(pdptes_in_memory_are_another_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
