/* SPDX-License-Identifier: MIT */
/* The shadow core's promises, one test to each; test_shadow_random.c has what these do not. */
#include "shadow_one.h"

#define MANY 4096u

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

static void warm_address_spaces_do_not_fault(void **state)
{
	gpa_t cr3[8];

	(void)state;
	for (enum shadow_strategy strategy = SHADOW_WP; strategy <= SHADOW_UNSYNC; strategy++) {
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

/* --- Large pages ---------------------------------------------------------------------------- */

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
	for (enum shadow_strategy strategy = SHADOW_WP; strategy <= SHADOW_UNSYNC; strategy++) {
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
		machine_fini(&m);
	}
}

/* A page that becomes a table is out of reach of writes by a translation that is gone from the
 * tables but not from the TLB. */
static void a_stale_tlb_writes_no_table(void **state)
{
	(void)state;
	for (enum shadow_strategy strategy = SHADOW_WP; strategy <= SHADOW_UNSYNC; strategy++) {
		machine_init(&m, strategy, &pt_format_4level, 64);
		m.has_tlb = true;
		map_many(LOW, 2, PAGE);
		machine_map(&m, LOW + (1 << 21), 2, 0, TABLE);
		reach(LOW, WALK_WRITE, WALK_SUPERVISOR);
		machine_store(&m, machine_entry(&m, LOW, 1), 0);
		machine_store(&m, DATA, (DATA + PAGE_SIZE) | PAGE);
		machine_store(&m, machine_entry(&m, LOW + (1 << 21), 2), DATA | TABLE);
		assert_int_equal(reach(LOW, WALK_WRITE, WALK_SUPERVISOR), DATA);
		reach(LOW + (1 << 21), WALK_READ, WALK_SUPERVISOR);
		expect(LOW, WALK_WRITE, WALK_SUPERVISOR, SHADOW_GUEST_FAULT);
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

/* --- Keeping in step ------------------------------------------------------------------------ */

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

/* A page of 4 MiB is two in the shadow, and one to INVLPG. */
static void both_halves_of_4_mib_go(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_2level, 64);
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
	for (n = 0; touch(pte, WALK_WRITE, WALK_SUPERVISOR) == SHADOW_TABLE_WRITE; n++)
		machine_store(&m, pte, DATA | PAGE);
	assert_in_range(n, 4, 16);
	reach(LOW, WALK_WRITE, WALK_USER);
	expect(pte, WALK_WRITE, WALK_SUPERVISOR, SHADOW_TABLE_WRITE);
	machine_store(&m, machine_entry(&m, LOW, 2), 0);
	expect(pte, WALK_WRITE, WALK_SUPERVISOR, SHADOW_FIXED);
	machine_fini(&m);
}

/* --- Bounds --------------------------------------------------------------------------------- */

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

/* --- Guests that misbehave ------------------------------------------------------------------ */

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
		cmocka_unit_test(views_grant_what_walk_grants),
		cmocka_unit_test(accessed_and_dirty_are_set_as_used),
		cmocka_unit_test(cache_attributes_are_carried_over),
		cmocka_unit_test(filling_around_saves_faults),
		cmocka_unit_test(warm_address_spaces_do_not_fault),
		cmocka_unit_test(kernel_halves_are_shared),
		cmocka_unit_test(large_pages_stay_large),
		cmocka_unit_test(large_pages_past_a_slot_are_split),
		cmocka_unit_test(large_pages_over_tables_are_split),
		cmocka_unit_test(a_stale_tlb_writes_no_table),
		cmocka_unit_test(split_pages_become_writable_together),
		cmocka_unit_test(wp_follows_each_store),
		cmocka_unit_test(unsync_lets_a_leaf_table_go),
		cmocka_unit_test(vtlb_is_a_tlb),
		cmocka_unit_test(both_halves_of_4_mib_go),
		cmocka_unit_test(data_is_not_tracked_for_long),
		cmocka_unit_test(a_small_pool_serves_any_guest),
		cmocka_unit_test(a_small_pool_holds_an_instruction),
		cmocka_unit_test(the_oldest_root_goes_first),
		cmocka_unit_test(mail_that_does_not_fit_follows),
		cmocka_unit_test(hostile_tables_get_nothing),
		cmocka_unit_test(a_table_may_map_itself),
		cmocka_unit_test(paging_may_be_off),
		cmocka_unit_test(slots_may_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
