/* SPDX-License-Identifier: MIT */
/* Keeping in step: what each strategy makes of stores to tables and of flushes. */
#include "shadow_one.h"

static void wp_follows_each_store(void **state)
{
	gpa_t pte;

	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	machine_map(&m, 0, 2, PAGE | PTE_PS, TABLE);
	map_many(LOW, 8, PAGE);
	reach(LOW, WALK_WRITE, WALK_USER);
	pte = machine_entry(&m, LOW, 1);
	expect(pte, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	m.faults = 0;
	machine_store(&m, pte, (DATA + PAGE_SIZE) | PAGE);
	assert_int_equal(reach(LOW, WALK_WRITE, WALK_USER), DATA + PAGE_SIZE);
	assert_int_equal(shadow_stats(m.shadow).table_writes, 1);
	machine_store(&m, pte, DATA | (PAGE & ~PTE_WRITE));
	expect(LOW, WALK_WRITE, WALK_USER, SHADOW_GUEST_FAULT);
	machine_store(&m, machine_entry(&m, LOW, 3), 0);
	expect(LOW, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
	assert_int_equal(m.faults, 0);
	machine_fini(&m);
}

/* The number: 512 entries rewritten and a flush: at most 4 exits. */
static void unsync_lets_a_leaf_table_go(void **state)
{
	gpa_t pte;

	(void)state;
	machine_init(&m, SHADOW_UNSYNC, &pt_format_4level, 64);
	machine_map(&m, 0, 2, PAGE | PTE_PS, TABLE);
	map_many(LOW, 512, PAGE);
	reach(LOW, WALK_WRITE, WALK_USER);
	pte = machine_entry(&m, LOW, 1);
	reach(4 << 12, WALK_READ, WALK_SUPERVISOR);
	m.faults = 0;
	for (unsigned i = 0; i < 512; i++) {
		uint64_t entry = (DATA + (1 << 21) + i * PAGE_SIZE) | PAGE;
		gpa_t to = reach(pte + 8 * i, WALK_WRITE, WALK_SUPERVISOR);

		memcpy(m.ram + to, &entry, 8);
	}
	assert_int_equal(m.faults, 1);
	assert_int_equal(shadow_stats(m.shadow).unsyncs, 1);
	/* Not flushed: the old page may still be used, and is. */
	assert_int_equal(reach(LOW, WALK_READ, WALK_USER), DATA);
	machine_invlpg(&m, LOW);
	assert_int_equal(reach(LOW, WALK_READ, WALK_USER), DATA + (1 << 21));
	assert_int_equal(reach(LOW + PAGE_SIZE, WALK_READ, WALK_USER), DATA + PAGE_SIZE);
	machine_load(&m);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(reach(LOW + i * PAGE_SIZE, WALK_WRITE, WALK_USER),
				 DATA + (1 << 21) + i * PAGE_SIZE);
	assert_int_equal(m.faults, 1);
	/* In step, so write-protected, again. */
	reach(pte, WALK_WRITE, WALK_SUPERVISOR);
	assert_int_equal(m.faults, 2);
	/* Upper tables are never let go. */
	expect(machine_entry(&m, LOW, 2), WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	machine_fini(&m);
}

static void vtlb_is_a_tlb(void **state)
{
	gpa_t first, second, pte;

	(void)state;
	machine_init(&m, SHADOW_VTLB, &pt_format_4level, 64);
	machine_map(&m, LOW, 1, DATA | PAGE | PTE_GLOBAL, TABLE);
	map_many(LOW + PAGE_SIZE, 3, PAGE);
	first = m.regs.cr3;
	pte = machine_entry(&m, LOW, 1);
	reach(LOW, WALK_WRITE, WALK_USER);
	reach(LOW, WALK_WRITE, WALK_SUPERVISOR);
	/* No table is looked after. */
	machine_store(&m, pte + 8, 0);
	machine_store(&m, pte + 16, 0);
	reach(LOW + PAGE_SIZE, WALK_WRITE, WALK_USER);
	machine_invlpg(&m, LOW + PAGE_SIZE);
	expect(LOW + PAGE_SIZE, WALK_WRITE, WALK_USER, SHADOW_GUEST_FAULT);
	expect(LOW + PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_GUEST_FAULT);
	reach(LOW + 2 * PAGE_SIZE, WALK_WRITE, WALK_USER);
	/* A CR3 write leaves global pages alone, in every view. */
	second = m.regs.cr3 = machine_table(&m);
	machine_load(&m);
	assert_int_not_equal(first, second);
	expect(LOW + 2 * PAGE_SIZE, WALK_WRITE, WALK_USER, SHADOW_GUEST_FAULT);
	assert_int_equal(reach(LOW, WALK_WRITE, WALK_USER), DATA);
	assert_int_equal(reach(LOW, WALK_WRITE, WALK_SUPERVISOR), DATA);
	machine_flush_all(&m);
	expect(LOW, WALK_WRITE, WALK_USER, SHADOW_GUEST_FAULT);
	machine_fini(&m);
}

/* A page that becomes a table is out of reach of writes by a translation that is gone from the
 * tables but not from the TLB. */
static void a_stale_tlb_writes_no_table(void **state)
{
	/* What the guest leaves of the entry without a flush. */
	static const uint64_t left[] = {0, DATA | (PAGE & ~PTE_WRITE)};

	(void)state;
	for (size_t i = 0; i < COUNT(left); i++)
		FOR_EACH_TRACKING_STRATEGY(strategy)
		{
			machine_init(&m, strategy, &pt_format_4level, 64);
			m.has_tlb = true;
			map_many(LOW, 2, PAGE);
			machine_map(&m, LOW + (1 << 21), 2, 0, TABLE);
			reach(LOW, WALK_WRITE, WALK_SUPERVISOR);
			machine_store(&m, machine_entry(&m, LOW, 1), left[i]);
			machine_store(&m, DATA, (DATA + PAGE_SIZE) | PAGE);
			machine_store(&m, machine_entry(&m, LOW + (1 << 21), 2), DATA | TABLE);
			assert_int_equal(reach(LOW, WALK_WRITE, WALK_SUPERVISOR), DATA);
			reach(LOW + (1 << 21), WALK_READ, WALK_SUPERVISOR);
			expect(LOW, WALK_WRITE, WALK_SUPERVISOR, SHADOW_GUEST_FAULT);
			machine_fini(&m);
		}
}

/*
 * A store takes a page away, or moves it, and no flush follows. The first the TLB may not know; but
 * from a page fault for the page on it goes by the tables.
 */
static void a_page_fault_reaches_the_tlb(void **state)
{
	static const uint64_t left[] = {0, (DATA + 9 * PAGE_SIZE) | (PAGE & ~PTE_ACCESSED)};

	(void)state;
	for (size_t i = 0; i < COUNT(left); i++)
		FOR_EACH_STRATEGY(strategy)
		{
			machine_init(&m, strategy, &pt_format_4level, 64);
			m.has_tlb = true;
			map_many(LOW, 2, PAGE & ~PTE_WRITE);
			reach(LOW, WALK_READ, WALK_SUPERVISOR);
			machine_store(&m, machine_entry(&m, LOW, 1), left[i]);
			assert_int_equal(reach(LOW, WALK_READ, WALK_SUPERVISOR), DATA);
			machine_page_fault(&m, LOW);
			if (left[i])
				assert_int_equal(reach(LOW, WALK_READ, WALK_SUPERVISOR),
						 left[i] & ~(PAGE_SIZE - 1) & ~PTE_NX);
			else
				expect(LOW, WALK_READ, WALK_SUPERVISOR, SHADOW_GUEST_FAULT);
			machine_fini(&m);
		}
}

/* INVLPG, and a load of the CR3 that is there already: both reach the TLB. */
static void flushes_reach_the_tlb(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		m.has_tlb = true;
		map_many(LOW, 2, PAGE);
		for (unsigned way = 0; way < 3; way++) {
			gpa_t to = DATA + (5 + way) * PAGE_SIZE;
			gpa_t was = reach(LOW, WALK_WRITE, WALK_USER);

			machine_store(&m, machine_entry(&m, LOW, 1), to | PAGE);
			assert_int_equal(reach(LOW, WALK_WRITE, WALK_USER), was);
			switch (way) {
			case 0: machine_invlpg(&m, LOW); break;
			case 1: machine_load(&m); break;
			default: machine_flush_all(&m); break;
			}
			assert_int_equal(reach(LOW, WALK_WRITE, WALK_USER), to);
		}
		machine_fini(&m);
	}
}

/* Nothing is tagged with a PCID: another address space is another, flush or no flush. Whether it is
 * by CR3 or by PDPTEs alone. */
static void another_address_space_keeps_nothing(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		m.has_tlb = true;
		map_many(LOW, 1, PAGE);
		reach(LOW, WALK_WRITE, WALK_USER);
		m.regs.cr3 = machine_table(&m);
		machine_load_keeping(&m);
		expect(LOW, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		machine_fini(&m);

		machine_init(&m, strategy, &pt_format_pae, 64);
		m.has_tlb = true;
		map_many(LOW, 1, PAGE);
		m.regs.pdptrs_valid = true;
		m.regs.pdptr[1] = machine_read(&m, m.regs.cr3 + 8);
		machine_load(&m);
		reach(LOW, WALK_WRITE, WALK_USER);
		m.regs.pdptr[1] = 0;
		machine_load_keeping(&m);
		expect(LOW, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		machine_fini(&m);
	}
}

/* A load that flushes nothing leaves a table out of step, and a page in the TLB. */
static void a_load_without_a_flush_is_none(void **state)
{
	uint64_t flushes;

	(void)state;
	machine_init(&m, SHADOW_UNSYNC, &pt_format_4level, 64);
	machine_map(&m, 0, 2, PAGE | PTE_PS, TABLE);
	map_many(LOW, 1, PAGE);
	reach(LOW, WALK_WRITE, WALK_USER);
	reach(machine_entry(&m, LOW, 1), WALK_WRITE, WALK_SUPERVISOR);
	flushes = shadow_stats(m.shadow).mail_flushes;
	m.faults = 0;
	machine_load_keeping(&m);
	reach(machine_entry(&m, LOW, 1), WALK_WRITE, WALK_SUPERVISOR);
	assert_int_equal(m.faults, 0);
	assert_int_equal(shadow_stats(m.shadow).mail_flushes, flushes);
	machine_fini(&m);
}

/* A table that is written like data, or used no more, is data. */
static void data_is_not_tracked_for_long(void **state)
{
	gpa_t pte;
	unsigned n;

	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	machine_map(&m, 0, 2, PAGE | PTE_PS, TABLE);
	map_many(LOW, 8, PAGE);
	reach(LOW, WALK_WRITE, WALK_USER);
	pte = machine_entry(&m, LOW, 1);
	for (n = 0; n < 100 && touch(pte, WALK_WRITE, WALK_SUPERVISOR) == SHADOW_TABLE_WRITE; n++)
		machine_store(&m, pte, DATA | PAGE);
	assert_in_range(n, 4, 16);
	reach(LOW, WALK_WRITE, WALK_USER);
	expect(pte, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	machine_store(&m, machine_entry(&m, LOW, 2), 0);
	expect(pte, WALK_WRITE, WALK_SUPERVISOR, SHADOW_FIXED);
	machine_fini(&m);
}

/* However often it is written, as long as it is used in between. */
static void a_table_in_use_is_tracked_for_ever(void **state)
{
	gpa_t pte;

	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	machine_map(&m, 0, 2, PAGE | PTE_PS, TABLE);
	map_many(LOW, 8, PAGE);
	pte = machine_entry(&m, LOW, 1);
	for (unsigned n = 0; n < 40; n++) {
		/* Without A, so that the use takes a fault. */
		machine_store(&m, pte, DATA | (PAGE & ~PTE_ACCESSED));
		machine_store(&m, pte + 8, DATA | PAGE);
		reach(LOW, WALK_READ, WALK_USER);
		expect(pte, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	}
	machine_fini(&m);
}

/* However many translations a page has that becomes a table: the TLB keeps none of them. */
static void a_page_of_many_names_becomes_a_table(void **state)
{
	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	m.has_tlb = true;
	for (unsigned i = 0; i < 20; i++)
		machine_map(&m, LOW + i * PAGE_SIZE, 1, DATA | PAGE, TABLE);
	machine_map(&m, LOW + (1 << 21), 2, DATA | TABLE, TABLE);
	for (unsigned i = 0; i < 20; i++)
		reach(LOW + i * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR);
	machine_store(&m, DATA, (DATA + PAGE_SIZE) | PAGE);
	reach(LOW + (1 << 21), WALK_READ, WALK_SUPERVISOR);
	for (unsigned i = 0; i < 20; i++)
		expect(LOW + i * PAGE_SIZE, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	machine_fini(&m);
}

/* Two address spaces share a leaf table, at the same GVA; one may not write through it. */
static void shared_tables_grant_what_each_way_grants(void **state)
{
	(void)state;
	FOR_EACH_TRACKING_STRATEGY(strategy)
	{
		gpa_t leaf;

		machine_init(&m, strategy, &pt_format_4level, 64);
		map_many(LOW, 1, PAGE);
		reach(LOW, WALK_WRITE, WALK_USER);
		leaf = machine_entry(&m, LOW, 1) & ~(PAGE_SIZE - 1);
		m.regs.cr3 = machine_table(&m);
		machine_map(&m, LOW, 2, leaf | (TABLE & ~PTE_WRITE), TABLE);
		machine_load(&m);
		reach(LOW, WALK_READ, WALK_USER);
		expect(LOW, WALK_WRITE, WALK_USER, SHADOW_GUEST_FAULT);
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wp_follows_each_store),
		cmocka_unit_test(unsync_lets_a_leaf_table_go),
		cmocka_unit_test(vtlb_is_a_tlb),
		cmocka_unit_test(a_stale_tlb_writes_no_table),
		cmocka_unit_test(a_page_fault_reaches_the_tlb),
		cmocka_unit_test(flushes_reach_the_tlb),
		cmocka_unit_test(another_address_space_keeps_nothing),
		cmocka_unit_test(a_load_without_a_flush_is_none),
		cmocka_unit_test(a_table_in_use_is_tracked_for_ever),
		cmocka_unit_test(a_page_of_many_names_becomes_a_table),
		cmocka_unit_test(shared_tables_grant_what_each_way_grants),
		cmocka_unit_test(data_is_not_tracked_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
