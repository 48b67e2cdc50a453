/* SPDX-License-Identifier: MIT */
/*
 * Memory that comes, goes and changes under a guest in shadow mode: slots mapped and unmapped by
 * another thread, tables in read-only slots, entries that the host stores to.
 */
#include "hostile_check.h"
#include "machine.h"
#include "machine/groups.h"
#include "memory/boot_tables.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define P	UINT64_C(4096)
#define HOLE	UINT64_C(0xd0000000)
#define HIGH	UINT64_C(0x140000000)
#define USER	UINT64_C(0x07) /* P, R/W, U/S */
#define AD	UINT64_C(0x60)
#define PAGELAB "build/guest/pagelab.elf"

static const enum pn_strategy strategies[] = {PN_STRATEGY_VTLB, PN_STRATEGY_WP, PN_STRATEGY_UNSYNC};

/* A machine in shadow mode with the hostile guest, and two pages of the host. */
static uint64_t *make(struct subject *s, enum pn_strategy strategy, const char *words)
{
	const struct pn_config config = {.mode = PN_MODE_SHADOW,
					 .strategy = strategy,
					 .shadow_size = MIB(2),
					 .audit_every = repeats(1, 0),
					 .cmdline = words};

	subject_make(s, &config);
	if (pn_load_elf(s->m, HOSTILE, &s->err))
		fail_msg("no guest: %s", s->err.text);
	return pages_map(2 * P);
}

static gpa_t data_page(const struct subject *s, unsigned n)
{
	return subject_symbol(s, "data") + n * P;
}

/* Runs the guest until it is the host's turn. */
static void run_to_turn(struct subject *s)
{
	subject_start(s);
	assert_true(subject_await(s, subject_symbol(s, "hostile_turn"), 1));
}

static enum pn_end run_on(struct subject *s)
{
	const uint64_t two = 2;

	assert_int_equal(pn_write(s->m, subject_symbol(s, "hostile_turn"), &two, sizeof(two)),
			 PN_OK);
	return subject_wait(s);
}

static void check_values(struct subject *s, uint64_t first, uint64_t second)
{
	struct hostile_record r;

	assert_int_equal(pn_read(s->m, subject_symbol(s, "hostile_record"), &r, sizeof(r)), PN_OK);
	assert_int_equal(r.traps, 0);
	assert_int_equal(r.values, 2);
	assert_int_equal(r.value[0], first);
	assert_int_equal(r.value[1], second);
}

static void exchange(struct subject *s, uint64_t *page, enum pn_prot prot)
{
	assert_int_equal(pn_mmu_unmap(s->m, HOLE, P), PN_OK);
	assert_int_equal(pn_mmu_map(s->m, HOLE, page, P, prot), PN_OK);
}

static void a_table_whose_slot_is_exchanged_counts_after_the_flush(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(strategies); i++) {
		uint64_t *page = make(s, strategies[i], "table-exchanged d0000000");

		page[0] = data_page(s, 4) | USER;
		page[P / 8] = data_page(s, 5) | USER;
		assert_int_equal(pn_mmu_map(s->m, HOLE, page, P, PN_PROT_READ_WRITE), PN_OK);
		run_to_turn(s);
		exchange(s, page + P / 8, PN_PROT_READ_WRITE);
		assert_int_equal(run_on(s), PN_END_STATUS);
		check_values(s, 0x104, 0x105);
		subject_unmake(s);
		munmap(page, 2 * P);
	}
}

static void an_entry_that_the_host_stores_to_counts_after_the_flush(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(strategies); i++) {
		uint64_t *page = make(s, strategies[i], "entry-exchanged"), entry;

		run_to_turn(s);
		entry = data_page(s, 5) | USER;
		assert_int_equal(pn_write(s->m, subject_symbol(s, "window_pt") + 22 * 8, &entry, 8),
				 PN_OK);
		assert_int_equal(run_on(s), PN_END_STATUS);
		check_values(s, 0x104, 0x105);
		subject_unmake(s);
		munmap(page, 2 * P);
	}
}

static void a_read_only_page_that_becomes_writable_is_written(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(strategies); i++) {
		uint64_t *page = make(s, strategies[i], "page-exchanged d0000000");

		page[0] = 0x111;
		assert_int_equal(pn_mmu_map(s->m, HOLE, page, P, PN_PROT_READ), PN_OK);
		run_to_turn(s);
		exchange(s, page + P / 8, PN_PROT_READ_WRITE);
		assert_int_equal(run_on(s), PN_END_STATUS);
		check_values(s, 0x111, 0x99);
		assert_int_equal(page[0], 0x111);
		assert_int_equal(page[P / 8], 0x99);
		subject_unmake(s);
		munmap(page, 2 * P);
	}
}

/* The report shows the registers of the access, and not those of a trap before. */
static void check_report(const struct subject *s)
{
	const char *at = strstr(s->result.reason, "RIP 0x");
	char rip[32];

	assert_non_null(at);
	snprintf(rip, sizeof(rip), "rip %016llx", strtoull(at + strlen("RIP "), NULL, 16));
	CHECK_CONTAINS(s->result.reason, s->result.report, rip);
}

static void a_writable_page_that_becomes_read_only_is_not_written(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(strategies); i++) {
		uint64_t *page = make(s, strategies[i], "page-exchanged d0000000 1");

		page[0] = 0x111;
		assert_int_equal(pn_mmu_map(s->m, HOLE, page, P, PN_PROT_READ_WRITE), PN_OK);
		run_to_turn(s);
		assert_int_equal(page[0], 0x88);
		exchange(s, page, PN_PROT_READ);
		assert_int_equal(run_on(s), PN_END_DIED);
		CHECK_CONTAINS("reason", s->result.reason, "wrote");
		CHECK_CONTAINS("reason", s->result.reason, "GPA 0xd0000000");
		check_report(s);
		assert_int_equal(page[0], 0x88);
		subject_unmake(s);
		munmap(page, 2 * P);
	}
}

static void a_slot_that_goes_is_out_of_reach_when_unmap_returns(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(strategies); i++) {
		const struct pn_config config = {.mode = PN_MODE_SHADOW, .strategy = strategies[i]};
		uint64_t *page = pages_map(P);
		gpa_t count;

		subject_script(s, &config, "hammer d0000008");
		assert_int_equal(pn_mmu_map(s->m, HOLE, page, P, PN_PROT_READ_WRITE), PN_OK);
		count = subject_symbol(s, "hammered");
		subject_start(s);
		assert_true(subject_await(s, count, 10));
		assert_int_equal(pn_mmu_unmap(s->m, HOLE, P), PN_OK);
		assert_int_equal(subject_wait(s), PN_END_DIED);
		CHECK_CONTAINS("reason", s->result.reason, "0xd0000008");
		CHECK_CONTAINS("reason", s->result.reason, "outside every memory slot");
		CHECK_CONTAINS("reason", s->result.reason, "do_hammer");
		CHECK_CONTAINS("report", s->result.report, "do_hammer+0x");
		subject_unmake(s);
		munmap(page, P);
	}
}

/* Every change of slots drops the shadow; the guest must not notice. */
static void slots_may_change_under_a_busy_guest(void **state)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	struct subject *s = *state;

	skip_without(PAGELAB);
	for (size_t i = 0; i < repeats(COUNT(strategies), 1); i++) {
		const struct pn_config config = {
			.mode = PN_MODE_SHADOW, .strategy = strategies[i], .cmdline = "all"};
		void *page = pages_map(P);

		subject_make(s, &config);
		if (pn_load_elf(s->m, PAGELAB, &s->err))
			fail_msg("no guest: %s", s->err.text);
		subject_start(s);
		for (unsigned k = 0; k < repeats(100, 10); k++) {
			assert_int_equal(pn_mmu_map(s->m, HIGH, page, P,
						    k % 2 ? PN_PROT_READ : PN_PROT_READ_WRITE),
					 PN_OK);
			nanosleep(&nap, NULL);
			assert_int_equal(pn_mmu_unmap(s->m, HIGH, P), PN_OK);
		}
		assert_int_equal(subject_wait(s), PN_END_STATUS);
		assert_int_equal(s->result.status, 0);
		CHECK_CONTAINS("console", s->console, "all      ok");
		subject_unmake(s);
		munmap(page, P);
	}
}

static _Alignas(4096) uint64_t rom[512];

/* Entry 0 has neither A nor D, entry 1 has both. */
static void map_tables_in_rom(struct subject *s)
{
	memset(rom, 0, sizeof(rom));
	rom[0] = data_page(s, 4) | USER;
	rom[1] = data_page(s, 4) | USER | AD;
	assert_int_equal(pn_mmu_map(s->m, HOLE, rom, sizeof(rom), PN_PROT_READ), PN_OK);
}

static void map_root_in_rom(struct subject *s)
{
	assert_int_equal(pn_read(s->m, boot_tables_root(4), rom, sizeof(rom)), PN_OK);
	assert_int_equal(pn_mmu_map(s->m, HOLE, rom, sizeof(rom), PN_PROT_READ), PN_OK);
}

static void map_page_in_rom(struct subject *s)
{
	memset(rom, 0, sizeof(rom));
	rom[0] = 0x123;
	assert_int_equal(pn_mmu_map(s->m, HOLE, rom, sizeof(rom), PN_PROT_READ), PN_OK);
}

static void rom_is_as_it_was(struct subject *s, const char *name)
{
	(void)s;
	CHECK_NUMBER(name, "ROM", rom[0], 0x123);
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(a_table_whose_slot_is_exchanged_counts_after_the_flush),
	SUBJECT_TEST(an_entry_that_the_host_stores_to_counts_after_the_flush),
	SUBJECT_TEST(a_read_only_page_that_becomes_writable_is_written),
	SUBJECT_TEST(a_writable_page_that_becomes_read_only_is_not_written),
	SUBJECT_TEST(a_slot_that_goes_is_out_of_reach_when_unmap_returns),
	SUBJECT_TEST(slots_may_change_under_a_busy_guest),
	HOSTILE_TEST(tables_in_rom_keep_their_flags_and_work, .words = "tables-in-rom d0000000",
		     .prepare = map_tables_in_rom, .value = {0x104, 0x55, 0x66, 0x55, 0},
		     .values = 5, .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_top_table_in_rom_works, .words = "cr3 d0000000", .prepare = map_root_in_rom,
		     .value = {0x106}, .values = 1, .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_page_in_rom_is_not_written, .words = "leaf-write d0000000",
		     .prepare = map_page_in_rom, .end = PN_END_DIED, .says = "wrote",
		     .look = rom_is_as_it_was),
	HOSTILE_TEST(the_vmm_area_is_out_of_reach_in_hw_mode_too,
		     .words = "leaf-read-after-shadow AREA", .end = PN_END_DIED,
		     .says = "outside every memory slot"),
	HOSTILE_TEST(sysenter_set_up_in_hw_mode_goes_nowhere_in_shadow_mode,
		     .words = "sysenter-of-hw-mode", .trap = {{6, 0, 0}}, .traps = 1,
		     .hw = HW_NOT_RUN),
};

GROUP_OF(hostile_slots, tests);
