/* SPDX-License-Identifier: MIT */
/* What a guest finds at its first instruction, against every promise of <penumbra/guest.h>. */
#include "fixture.h"
#include "groups.h"

#include "x86.h"

static struct script_initial initial_of(struct subject *s)
{
	struct script_initial i;

	assert_int_equal(pn_read(s->m, subject_symbol(s, "initial"), &i, sizeof(i)), PN_OK);
	return i;
}

static struct pn_boot_info info_of(struct subject *s)
{
	struct pn_boot_info info;

	assert_int_equal(pn_read(s->m, PN_BOOT_INFO_GPA, &info, sizeof(info)), PN_OK);
	return info;
}

static uint64_t base_of(const struct script_table *t)
{
	uint64_t base;

	memcpy(&base, t->base, sizeof(base));
	return base;
}

static void registers_are_as_promised(void **state)
{
	struct subject *s = *state;
	struct script_initial i;

	subject_pass(s, NULL, "exit 0");
	i = initial_of(s);
	assert_int_equal(i.rdi, PN_BOOT_INFO_GPA);
	assert_int_equal(i.rsp, PN_BOOT_STACK_TOP);
	assert_int_equal(i.rsp % 16, 0);
	assert_int_equal(i.rflags, RFLAGS_FIXED);
	assert_int_equal(i.cr0, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG);
	assert_int_equal(i.cr4, CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT);
	assert_int_equal(i.efer, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
	assert_in_range(i.cr3, PN_BOOT_TABLES_GPA, PN_BOOT_AREA_END - 1);
}

static void segments_and_tables_are_as_promised(void **state)
{
	struct subject *s = *state;
	struct script_initial i;
	uint64_t gdt[4];

	subject_pass(s, NULL, "exit 0");
	i = initial_of(s);
	assert_int_equal(i.cs, PN_BOOT_CS);
	assert_int_equal(i.tr, PN_BOOT_TR);
	assert_int_equal(i.idt.limit, 0);
	assert_int_equal(base_of(&i.gdt), PN_BOOT_GDT_GPA);
	assert_true(i.gdt.limit >= PN_BOOT_TR + 15);
	for (const uint16_t *data = &i.ds; data <= &i.ss; data++)
		assert_int_equal(*data, PN_BOOT_DS);
	/* The descriptors: null; present code, DPL 0, long; present writable data; present TSS. */
	assert_int_equal(pn_read(s->m, PN_BOOT_GDT_GPA, gdt, sizeof(gdt)), PN_OK);
	assert_int_equal(gdt[0], 0);
	assert_int_equal(gdt[1] >> 40 & 0xfa, 0x9a);
	assert_int_equal(gdt[1] >> 52 & 0x6, 0x2);
	assert_int_equal(gdt[2] >> 40 & 0xfa, 0x92);
	assert_int_equal(gdt[3] >> 40 & 0xfd, 0x89);
}

struct memory_case {
	uint64_t size;
	struct pn_ram_range ram[2];
};

static const struct memory_case memory_cases[] = {
	{MIB(2), {{0, MIB(2)}}},
	{MIB(16), {{0, MIB(16)}}},
	{MIB(16) + 4096, {{0, MIB(16) + 4096}}},
	{GIB(3) - 4096, {{0, GIB(3) - 4096}}},
	{GIB(3), {{0, GIB(3)}}},
	{GIB(3) + 4096, {{0, GIB(3)}, {GIB(4), 4096}}},
	{GIB(4), {{0, GIB(3)}, {GIB(4), GIB(1)}}},
	{GIB(6), {{0, GIB(3)}, {GIB(4), GIB(3)}}},
};

static void check_memory(struct subject *s, const struct memory_case *c)
{
	const struct pn_config config = {.ram_size = c->size};
	struct pn_boot_info info;
	unsigned count = c->ram[1].size ? 2 : 1;
	const struct pn_ram_range *last = &c->ram[count - 1];
	char name[32], byte;

	snprintf(name, sizeof(name), "RAM of %llu bytes", (unsigned long long)c->size);
	subject_pass(s, &config, "exit 0");
	info = info_of(s);
	CHECK_NUMBER(name, "number of ranges", info.ram_count, count);
	for (unsigned i = 0; i < count; i++) {
		CHECK_NUMBER(name, "start of a range", info.ram[i].start, c->ram[i].start);
		CHECK_NUMBER(name, "size of a range", info.ram[i].size, c->ram[i].size);
	}
	CHECK_CODE(name, pn_read(s->m, last->start + last->size - 1, &byte, 1), PN_OK);
	CHECK_CODE(name, pn_read(s->m, last->start + last->size, &byte, 1), PN_ERR_NOT_MAPPED);
	subject_unmake(s);
}

static void the_ram_map_tells_the_ram_there_is(void **state)
{
	for (size_t i = 0; i < COUNT(memory_cases); i++)
		check_memory(*state, &memory_cases[i]);
}

static void boot_information_is_complete(void **state)
{
	struct subject *s = *state;
	struct pn_boot_info info;
	gva_t start = 0;

	subject_pass(s, NULL, "exit 0");
	info = info_of(s);
	assert_int_equal(info.magic, PN_BOOT_MAGIC);
	assert_int_equal(info.version, PN_ABI_VERSION);
	assert_int_equal(info.levels, 4);
	assert_int_equal(info.log, 0);
	assert_int_equal(info.image_start, 0x100000);
	assert_true(pn_symbol(s->m, "start", &start));
	assert_in_range(start, info.image_start, info.image_end - 1);
	assert_in_range(subject_symbol(s, "results"), info.image_start,
			info.image_end - sizeof(struct script_result) * SCRIPT_RESULTS);
	/* A rate no processor has had would be a wrong unit. */
	assert_true(info.tsc_hz == 0 || (info.tsc_hz > 1000000 && info.tsc_hz < 100000000000));
	for (unsigned i = info.ram_count; i < PN_BOOT_RAM_MAX; i++)
		assert_int_equal(info.ram[i].size, 0);
}

static void the_report_page_starts_as_zeroes(void **state)
{
	static uint8_t page[4096];
	struct subject *s = *state;

	subject_pass(s, NULL, "exit 0");
	assert_int_equal(pn_read(s->m, PN_REPORT_GPA, page, sizeof(page)), PN_OK);
	assert_true(page[0] == 0 && memcmp(page, page + 1, sizeof(page) - 1) == 0);
}

static void the_command_line_arrives_whole(void **state)
{
	static char longest[PN_CMDLINE_MAX] = "exit 0 ";
	struct subject *s = *state;

	memset(longest + 7, 'x', sizeof(longest) - 8);
	subject_pass(s, NULL, longest);
	assert_string_equal(info_of(s).cmdline, longest);
	subject_unmake(s);
	subject_pass(s, NULL, "");
	assert_string_equal(info_of(s).cmdline, "");
	subject_unmake(s);
	/* No command line at all is an empty one; the machine keeps its own copy of any. */
	subject_make(s, NULL);
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_OK);
	assert_string_equal(info_of(s).cmdline, "");
}

static void a_null_pointer_faults(void **state)
{
	struct subject *s = *state;
	struct script_result r[3];

	subject_pass(s, NULL, "r8 0 w1 fff 1 r1 ffffffff80000ff8");
	subject_results(s, r, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(r[i].trap, 14);
	assert_int_equal(r[0].error, 0);
	assert_int_equal(r[0].cr2, 0);
	assert_int_equal(r[1].error, PF_ERR_WRITE);
	assert_int_equal(r[1].cr2, 0xfff);
	assert_int_equal(r[2].cr2, UINT64_C(0xffffffff80000ff8));
}

static void the_boot_tables_end_where_they_should(void **state)
{
	struct subject *s = *state;
	struct script_result r[3];

	subject_pass(s, NULL, "r1 100000000 r1 ffffffff7fffffff r1 8000000000000000");
	subject_results(s, r, 3);
	assert_int_equal(r[0].trap, 14);
	assert_int_equal(r[1].trap, 14);
	assert_int_equal(r[2].trap, 13); /* not canonical */
}

static void low_and_high_addresses_are_one_memory(void **state)
{
	struct subject *s = *state;
	struct script_result r[4];

	subject_pass(s, NULL,
		     "w8 ffffffff80200008 1234 r8 200008 w8 3fffff8 5678 r8 ffffffff83fffff8");
	subject_results(s, r, 4);
	assert_int_equal(r[1].value, 0x1234);
	assert_int_equal(r[3].value, 0x5678);
	assert_int_equal(subject_read(s, 0x200008), 0x1234);
}

static void ram_above_4_gib_is_there_once_mapped(void **state)
{
	const struct pn_config config = {.ram_size = GIB(4)};
	struct subject *s = *state;
	struct script_result r[6];

	subject_pass(s, &config,
		     "map 0 100000000 w8 8000000000 111 map 1 13ffff000 w8 8000001ff8 222 "
		     "r8 8000000000 r8 8000001ff8");
	subject_results(s, r, 6);
	assert_int_equal(r[4].value, 0x111);
	assert_int_equal(r[5].value, 0x222);
	assert_int_equal(subject_read(s, GIB(4)), 0x111);
	assert_int_equal(subject_read(s, GIB(5) - 8), 0x222);
}

static void all_of_low_ram_is_reached_without_mapping(void **state)
{
	const struct pn_config config = {.ram_size = GIB(3)};
	struct subject *s = *state;
	struct script_result r[2];

	subject_pass(s, &config, "w8 bffffff8 333 r8 bffffff8");
	subject_results(s, r, 2);
	assert_int_equal(r[1].value, 0x333);
	assert_int_equal(subject_read(s, GIB(3) - 8), 0x333);
}

/* A guest linked another way does the same as the low one. */
static void run_linked_at(struct subject *s, const char *path, gva_t base)
{
	const struct pn_config config = {
		.cmdline = "say x map 0 300000 w8 8000000000 77 r8 300000 r8 0 exit 0"};
	struct script_result r[5];
	gva_t start = 0;

	subject_make(s, &config);
	CHECK_CODE(path, pn_load_elf(s->m, path, &s->err), PN_OK);
	assert_true(pn_symbol(s->m, "start", &start));
	assert_in_range(start, base, base + 0x10000);
	assert_in_range(subject_symbol(s, "start"), info_of(s).image_start,
			info_of(s).image_end - 1);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(s->result.status, 0);
	assert_string_equal(s->console, "x\n");
	subject_results(s, r, 5);
	assert_int_equal(r[3].value, 0x77);
	assert_int_equal(r[4].trap, 14);
}

static void a_static_pie_runs(void **state)
{
	run_linked_at(*state, SCRIPT_PIE, 0x200000);
}

static void a_high_half_guest_runs(void **state)
{
	run_linked_at(*state, SCRIPT_HIGH, PN_HIGH_BASE + 0x100000);
}

static void five_levels_run_where_the_host_has_them(void **state)
{
	const struct pn_config config = {.levels = 5, .cmdline = "map 0 200000 w8 8000000000 9"};
	struct subject *s = *state;
	int code;

	subject_make(s, &config);
	code = pn_load_elf(s->m, SCRIPT, &s->err);
	if (code) {
		assert_int_equal(code, PN_ERR_HOST_LACKS);
		CHECK_ONE_LINE("error", s->err.text);
		CHECK_CONTAINS("error", s->err.text, "LA57");
		/* As with every load refused, nothing is in RAM; asked again, it says the same. */
		assert_int_equal(subject_read(s, 0x100000), 0);
		assert_int_equal(subject_read(s, PN_BOOT_INFO_GPA), 0);
		assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_ERR_HOST_LACKS);
		return;
	}
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(initial_of(s).cr4,
			 CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_LA57);
	assert_int_equal(info_of(s).levels, 5);
	assert_int_equal(subject_read(s, 0x200000), 9);
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(registers_are_as_promised),
	SUBJECT_TEST(segments_and_tables_are_as_promised),
	SUBJECT_TEST(the_ram_map_tells_the_ram_there_is),
	SUBJECT_TEST(boot_information_is_complete),
	SUBJECT_TEST(the_report_page_starts_as_zeroes),
	SUBJECT_TEST(the_command_line_arrives_whole),
	SUBJECT_TEST(a_null_pointer_faults),
	SUBJECT_TEST(the_boot_tables_end_where_they_should),
	SUBJECT_TEST(low_and_high_addresses_are_one_memory),
	SUBJECT_TEST(ram_above_4_gib_is_there_once_mapped),
	SUBJECT_TEST(all_of_low_ram_is_reached_without_mapping),
	SUBJECT_TEST(a_static_pie_runs),
	SUBJECT_TEST(a_high_half_guest_runs),
	SUBJECT_TEST(five_levels_run_where_the_host_has_them),
};

GROUP_OF(boot, tests);
