/* SPDX-License-Identifier: MIT */
/* The boot tables against what <penumbra/guest.h> promises, asked of walk(). */
#include "check.h"

#include "memory/boot_tables.h"
#include "memory/walk.h"
#include "x86.h"

#include <penumbra/guest.h>
#include <stdlib.h>

#define MIB(n) (UINT64_C(n) << 20)
#define GIB(n) (UINT64_C(n) << 30)

struct guest {
	struct gmem mem;
	uint8_t *ram;
	struct walk_context ctx;
};

static void make(struct guest *g, unsigned levels)
{
	struct walk_regs regs = {
		.cr0 = CR0_PE | CR0_WP | CR0_PG,
		.cr4 = CR4_PAE | CR4_PGE | (levels == 5 ? CR4_LA57 : 0),
		.efer = EFER_LME | EFER_LMA | EFER_NXE,
		.maxphyaddr = 40,
	};

	g->ram = aligned_alloc(PAGE_SIZE, PN_BOOT_AREA_END);
	assert_non_null(g->ram);
	memset(g->ram, 0xff, PN_BOOT_AREA_END);
	gmem_init(&g->mem, 4, 40);
	assert_int_equal(gmem_add(&g->mem, 0, g->ram, PN_BOOT_AREA_END, false, NULL), 0);
	assert_int_equal(boot_tables_build(&g->mem, levels), PN_OK);
	regs.cr3 = boot_tables_root(levels);
	walk_context_init(&g->ctx, &regs);
}

static void take_apart(struct guest *g)
{
	gmem_fini(&g->mem);
	free(g->ram);
}

static enum walk_outcome ask(const struct guest *g, gva_t gva, enum walk_access access,
			     enum walk_privilege who, struct walk_result *r)
{
	struct walk_query q = {.gva = gva, .access = access, .privilege = who};

	return walk(&g->mem, &g->ctx, &q, r, NULL);
}

static void expect_at(const struct guest *g, gva_t gva, gpa_t gpa)
{
	struct walk_result r;
	char name[32];

	snprintf(name, sizeof(name), "GVA 0x%llx", (unsigned long long)gva);
	CHECK_NUMBER(name, "outcome", ask(g, gva, WALK_READ, WALK_SUPERVISOR, &r), WALK_OK);
	CHECK_NUMBER(name, "GPA", r.gpa, gpa);
	CHECK_TRUE(name, r.writable && !r.nx && !r.user && !r.global);
	CHECK_NUMBER(name, "write", ask(g, gva, WALK_WRITE, WALK_SUPERVISOR, &r), WALK_OK);
	CHECK_NUMBER(name, "fetch", ask(g, gva, WALK_FETCH, WALK_SUPERVISOR, &r), WALK_OK);
	CHECK_NUMBER(name, "a user's read", ask(g, gva, WALK_READ, WALK_USER, &r), WALK_FAULT);
	CHECK_NUMBER(name, "its cause", r.cause, WALK_CAUSE_SUPERVISOR_PAGE);
}

static void expect_absent(const struct guest *g, gva_t gva)
{
	struct walk_result r;
	char name[32];

	snprintf(name, sizeof(name), "GVA 0x%llx", (unsigned long long)gva);
	CHECK_NUMBER(name, "outcome", ask(g, gva, WALK_READ, WALK_SUPERVISOR, &r), WALK_FAULT);
	CHECK_NUMBER(name, "cause", r.cause, WALK_CAUSE_NOT_PRESENT);
}

static void for_both(void (*test)(const struct guest *g, unsigned levels))
{
	for (unsigned levels = 4; levels <= 5; levels++) {
		struct guest g;

		make(&g, levels);
		assert_int_equal(g.ctx.format->levels, levels);
		test(&g, levels);
		take_apart(&g);
	}
}

static void check_identity(const struct guest *g, unsigned levels)
{
	(void)levels;
	for (gva_t gva = PAGE_SIZE; gva < MIB(4); gva += PAGE_SIZE)
		expect_at(g, gva, gva);
	for (gva_t gva = MIB(2); gva < GIB(4); gva += MIB(2)) {
		expect_at(g, gva, gva);
		expect_at(g, gva + MIB(2) - 1, gva + MIB(2) - 1);
	}
}

static void the_first_4_gib_are_mapped_to_themselves(void **state)
{
	(void)state;
	for_both(check_identity);
}

static void check_high(const struct guest *g, unsigned levels)
{
	(void)levels;
	for (gpa_t gpa = PAGE_SIZE; gpa < MIB(4); gpa += PAGE_SIZE)
		expect_at(g, PN_HIGH_BASE + gpa, gpa);
	for (gpa_t gpa = MIB(2); gpa < GIB(2); gpa += MIB(2))
		expect_at(g, PN_HIGH_BASE + gpa, gpa);
	expect_at(g, UINT64_MAX, GIB(2) - 1);
}

static void the_first_2_gib_are_mapped_again_at_the_high_base(void **state)
{
	(void)state;
	for_both(check_high);
}

static void check_absent(const struct guest *g, unsigned levels)
{
	expect_absent(g, 0);
	expect_absent(g, PAGE_SIZE - 1);
	expect_absent(g, PN_HIGH_BASE);
	expect_absent(g, PN_HIGH_BASE + PAGE_SIZE - 1);
	expect_absent(g, PN_HIGH_BASE - 1);
	expect_absent(g, GIB(4));
	/* Every gigabyte up to the end of its entry, then an address behind each upper entry. */
	for (gva_t gva = GIB(5); gva < GIB(512); gva += GIB(1))
		expect_absent(g, gva);
	for (unsigned i = 1; i < 256; i++)
		expect_absent(g, i * GIB(512));
	for (gva_t gva = UINT64_C(0xffff800000000000); gva < UINT64_C(0xffffff8000000000);
	     gva += GIB(512))
		expect_absent(g, gva);
	for (unsigned i = 1; levels == 5 && i < 255; i++)
		expect_absent(g, (gva_t)i << 48);
}

static void page_0_and_all_else_are_unmapped(void **state)
{
	(void)state;
	for_both(check_absent);
}

static void check_bounds(const struct guest *g, unsigned levels)
{
	(void)levels;
	for (size_t i = 0; i < PN_BOOT_AREA_END; i++) {
		if (i >= PN_BOOT_TABLES_GPA && i < PN_BOOT_STACK_TOP - PN_BOOT_STACK_SIZE)
			continue;
		if (g->ram[i] != 0xff)
			fail_msg("byte 0x%zx outside the tables has changed", i);
	}
}

static void nothing_outside_their_place_is_written(void **state)
{
	(void)state;
	for_both(check_bounds);
}

static void check_one_set(const struct guest *g, unsigned levels)
{
	struct walk_result r;

	(void)levels;
	assert_int_equal(ask(g, PN_BOOT_TABLES_GPA, WALK_READ, WALK_SUPERVISOR, &r), WALK_OK);
	assert_int_equal(r.shift, 12);
	assert_int_equal(ask(g, MIB(2), WALK_READ, WALK_SUPERVISOR, &r), WALK_OK);
	assert_int_equal(r.shift, 21);
	/* A and D are the processor's to set: a guest may look at them. */
	assert_false(r.dirty);
}

static void pages_are_small_below_2_mib_and_large_above(void **state)
{
	(void)state;
	for_both(check_one_set);
}

static void a_boot_area_outside_ram_is_refused(void **state)
{
	struct gmem mem;
	uint8_t *page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);

	(void)state;
	gmem_init(&mem, 4, 40);
	assert_int_equal(boot_tables_build(&mem, 4), PN_ERR_NOT_MAPPED);
	assert_int_equal(gmem_add(&mem, PN_BOOT_TABLES_GPA, page, PAGE_SIZE, false, NULL), 0);
	memset(page, 0x77, PAGE_SIZE);
	assert_int_equal(boot_tables_build(&mem, 4), PN_ERR_NOT_MAPPED);
	assert_int_equal(page[0], 0x77);
	gmem_fini(&mem);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_4_gib_are_mapped_to_themselves),
		cmocka_unit_test(the_first_2_gib_are_mapped_again_at_the_high_base),
		cmocka_unit_test(page_0_and_all_else_are_unmapped),
		cmocka_unit_test(nothing_outside_their_place_is_written),
		cmocka_unit_test(pages_are_small_below_2_mib_and_large_above),
		cmocka_unit_test(a_boot_area_outside_ram_is_refused),
	};

	return cmocka_run_group_tests_name("boot_tables", tests, NULL, NULL);
}
