/* SPDX-License-Identifier: MIT */
/* The loader with good files: every byte where it belongs, relocated, with its symbols. */
#include "elf_fixture.h"

#include <penumbra/guest.h>
#include <stdlib.h>

static void expect_bytes(const struct loader *l, gpa_t gpa, const void *bytes, size_t len)
{
	const uint8_t *at = gmem_ptr(&l->mem, gpa, len);

	assert_non_null(at);
	assert_memory_equal(at, bytes, len);
}

static void expect_zero(const struct loader *l, gpa_t from, gpa_t to)
{
	const uint8_t *at = gmem_ptr(&l->mem, from, to - from);

	assert_non_null(at);
	for (gpa_t gpa = from; gpa < to; gpa++, at++)
		if (*at)
			fail_msg("GPA 0x%llx is 0x%02x, and not zero", (unsigned long long)gpa,
				 *at);
}

static void an_executable_is_put_at_its_physical_addresses(void **state)
{
	struct loader *l = *state;

	assert_int_equal(loader_load_plan(l, &elf_good_exec), PN_OK);
	expect_good_order("executable", l, PN_OK);
	assert_int_equal(l->image.count, 2);
	assert_int_equal(l->image.entry, 0x20004);
	assert_int_equal(l->image.start, 0x20000);
	assert_int_equal(l->image.end, 0x21064);
	expect_bytes(l, 0x20000, ELF_TEXT, sizeof(ELF_TEXT));
	expect_bytes(l, 0x21000, ELF_DATA, sizeof(ELF_DATA));
	expect_zero(l, 0x21000 + sizeof(ELF_DATA), 0x21064);
}

static void its_symbols_are_known(void **state)
{
	struct loader *l = *state;
	char text[64];

	assert_int_equal(loader_load_plan(l, &elf_good_exec), PN_OK);
	assert_int_equal(l->image.symbols.count, 3);
	assert_int_equal(symbols_named(&l->image.symbols, "data")->gva, 0x21000);
	symbols_format(&l->image.symbols, 0x20006, text, sizeof(text));
	assert_string_equal(text, "start+0x2");
	symbols_format(&l->image.symbols, 0x20012, text, sizeof(text));
	assert_string_equal(text, "local+0x2");
}

static void a_static_pie_is_put_at_its_base_and_relocated(void **state)
{
	struct loader *l = *state;
	const uint64_t want[3] = {IMAGE_PIE_BASE + 4, IMAGE_PIE_BASE + 0x1000, IMAGE_PIE_BASE - 1};

	assert_int_equal(loader_load_plan(l, &elf_good_pie), PN_OK);
	expect_good_order("static-PIE", l, PN_OK);
	assert_int_equal(l->image.entry, IMAGE_PIE_BASE + 4);
	expect_bytes(l, IMAGE_PIE_BASE, ELF_TEXT, sizeof(ELF_TEXT));
	expect_bytes(l, IMAGE_PIE_BASE + 0x1000, &want[0], 8);
	expect_bytes(l, IMAGE_PIE_BASE + 0x1008, "89abcdef", 8);
	expect_bytes(l, IMAGE_PIE_BASE + 0x1010, &want[1], 8);
	expect_bytes(l, IMAGE_PIE_BASE + 0x1058, &want[2], 8);
	assert_int_equal(symbols_named(&l->image.symbols, "start")->gva, IMAGE_PIE_BASE + 4);
}

static void a_relocation_of_type_none_is_passed_over(void **state)
{
	struct loader *l = *state;
	struct elf_plan plan = elf_good_pie;

	plan.rela[0].r_info = ELF64_R_INFO(0, R_X86_64_NONE);
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	expect_bytes(l, IMAGE_PIE_BASE + 0x1000, ELF_DATA, 8);
}

/* A kernel's layout: linked high, loaded low, with or without the linker script saying where. */
static void a_high_half_guest_is_put_low_with_and_without_physical_addresses(void **state)
{
	struct loader *l = *state;

	for (int with = 0; with < 2; with++) {
		struct elf_plan plan = elf_good_exec;

		for (unsigned i = 0; i < plan.segments; i++) {
			plan.segment[i].vaddr += PN_HIGH_BASE;
			if (!with)
				plan.segment[i].paddr = plan.segment[i].vaddr;
		}
		plan.entry += PN_HIGH_BASE;
		loader_clear(l);
		assert_int_equal(loader_load_plan(l, &plan), PN_OK);
		expect_good_order("high half", l, PN_OK);
		assert_int_equal(l->image.entry, PN_HIGH_BASE + 0x20004);
		assert_int_equal(l->image.segment[1].gva, PN_HIGH_BASE + 0x21000);
		assert_int_equal(l->image.segment[1].gpa, 0x21000);
		assert_int_equal(l->image.start, 0x20000);
		expect_bytes(l, 0x21000, ELF_DATA, sizeof(ELF_DATA));
	}
}

static void segments_may_touch_and_fill_the_memory_slot(void **state)
{
	struct loader *l = *state;
	struct elf_plan plan = elf_good_exec;

	plan.segment[0].memsz = 0x1000;
	plan.segment[1].memsz = LOW_SIZE - 0x21000;
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	expect_good_order("full", l, PN_OK);
	assert_int_equal(l->image.end, LOW_SIZE);
	expect_zero(l, 0x20000 + sizeof(ELF_TEXT), 0x21000);
	expect_zero(l, 0x21000 + sizeof(ELF_DATA), LOW_SIZE);
}

static void segments_may_stand_in_any_order_and_be_empty(void **state)
{
	struct loader *l = *state;
	struct elf_plan plan = elf_good_exec;

	plan.segments = 4;
	plan.segment[2] = plan.segment[0];
	plan.segment[0] = plan.segment[1];
	plan.segment[1] = (struct elf_segment){.vaddr = 0, .paddr = 0};
	plan.segment[3] = (struct elf_segment){0x30000, 0x30000, NULL, 0, 0x123};
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	expect_good_order("any order", l, PN_OK);
	assert_int_equal(l->image.count, 3);
	assert_int_equal(l->image.start, 0x20000);
	expect_zero(l, 0x30000, 0x30123);
}

static void as_many_segments_as_allowed_are_loaded(void **state)
{
	struct loader *l = *state;
	struct elf_plan plan = elf_good_exec;

	plan.segments = IMAGE_SEGMENTS_MAX;
	for (unsigned i = 2; i < plan.segments; i++)
		plan.segment[i] =
			(struct elf_segment){0x22000 + i * 16, 0x22000 + i * 16, "x", 1, 16};
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	assert_int_equal(l->image.count, IMAGE_SEGMENTS_MAX);
}

static void a_file_without_sections_is_loaded_without_symbols(void **state)
{
	struct loader *l = *state;
	struct elf_file f = elf_build(&elf_good_exec);

	elf_header(&f)->e_shoff = 0;
	elf_header(&f)->e_shnum = 0;
	elf_header(&f)->e_shstrndx = 0;
	loader_store(l, f.bytes, f.size);
	free(f.bytes);
	assert_int_equal(loader_load(l), PN_OK);
	assert_int_equal(l->image.symbols.count, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, loader_set_up, loader_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_executable_is_put_at_its_physical_addresses),
		TEST(its_symbols_are_known),
		TEST(a_static_pie_is_put_at_its_base_and_relocated),
		TEST(a_relocation_of_type_none_is_passed_over),
		TEST(a_high_half_guest_is_put_low_with_and_without_physical_addresses),
		TEST(segments_may_touch_and_fill_the_memory_slot),
		TEST(segments_may_stand_in_any_order_and_be_empty),
		TEST(as_many_segments_as_allowed_are_loaded),
		TEST(a_file_without_sections_is_loaded_without_symbols),
	};

	return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
