/* SPDX-License-Identifier: MIT */
/* What saves faults: filling around one, and keeping and sharing what is there. */
#include "shadow_one.h"

#define MANY 4096u

/* The number: N present and accessed pages, shadow empty: at most N/64 + 8 faults. */
static void filling_around_saves_faults(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		for (int a = WALK_READ; a <= WALK_WRITE; a++) {
			machine_init(&m, strategy, &pt_format_4level, 64);
			map_many(LOW, MANY, PAGE);
			for (unsigned i = 0; i < MANY; i++)
				reach(LOW + i * PAGE_SIZE, (enum walk_access)a, WALK_USER);
			if (m.faults > MANY / 64 + 8)
				fail_msg("%u faults", m.faults);
			if (a == WALK_READ)
				print_message("%s: %u pages, %u faults\n",
					      shadow_strategy_name(strategy), MANY, m.faults);
			machine_fini(&m);
		}
	}
}

/* A frame that a flush leaves, for a global page in it, is filled whole again by the next fault. */
static void filling_starts_anew_after_a_flush(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		map_many(LOW, 512, PAGE);
		machine_map(&m, LOW, 1, DATA | PAGE | PTE_GLOBAL, TABLE);
		reach(LOW + PAGE_SIZE, WALK_WRITE, WALK_USER);
		machine_load(&m);
		m.faults = 0;
		for (unsigned i = 0; i < 512; i++)
			reach(LOW + i * PAGE_SIZE, WALK_WRITE, WALK_USER);
		assert_int_equal(m.faults, strategy == SHADOW_VTLB);
		machine_fini(&m);
	}
}

static void warm_address_spaces_do_not_fault(void **state)
{
	gpa_t cr3[8];

	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 256);
		for (unsigned round = 0; round < 3; round++) {
			unsigned faults = m.faults;

			for (unsigned i = 0; i < 8; i++) {
				if (round == 0)
					cr3[i] = machine_table(&m);
				m.regs.cr3 = cr3[i];
				if (round == 0)
					map_many(LOW, 32, PAGE);
				machine_load(&m);
				for (unsigned n = 0; n < 32; n++)
					reach(LOW + n * PAGE_SIZE, WALK_WRITE,
					      n % 2 ? WALK_USER : WALK_SUPERVISOR);
			}
			assert_true(round == 0 || m.faults == faults);
		}
		machine_fini(&m);
	}
}

/* A new address space with the kernel half of an old one has the shadow of it from the start. */
static void kernel_halves_are_shared(void **state)
{
	const gva_t kernel = UINT64_C(0xffffffff80000000);
	gpa_t top;

	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	map_many(kernel, 600, PAGE & ~PTE_USER);
	reach(kernel, WALK_WRITE, WALK_SUPERVISOR);
	reach(kernel + 512 * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR);
	top = machine_read(&m, machine_entry(&m, kernel, 4));
	m.regs.cr3 = machine_table(&m);
	machine_store(&m, machine_entry(&m, kernel, 4), top);
	machine_load(&m);
	m.faults = 0;
	for (unsigned i = 0; i < 600; i++)
		reach(kernel + i * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR);
	assert_int_equal(m.faults, 0);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filling_around_saves_faults),
		cmocka_unit_test(filling_starts_anew_after_a_flush),
		cmocka_unit_test(warm_address_spaces_do_not_fault),
		cmocka_unit_test(kernel_halves_are_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
