/* SPDX-License-Identifier: MIT */
/* The sweep of a guest's text: what is found, where it is looked for, and what it is called. */
#include "elf_fixture.h"

#include "clock.h"
#include "vcpu/deprivileged/sweep.h"

#include <stdlib.h>

static const struct sweep_host bare = {0}, iopl = {.iopl = true}, umip = {.umip = true},
			       best = {.iopl = true, .umip = true};

/* Sweeps `size` bytes at GVA 0x1000 without symbols. */
static void sweep_bytes(struct sweep *result, const void *bytes, uint64_t size,
			const struct sweep_host *host)
{
	const struct sweep_text text = {.bytes = bytes, .size = size, .gva = 0x1000};
	const struct symbols none = {0};

	sweep(result, &text, 1, &none, host);
}

enum harmless { NEVER, WITH_IOPL, WITH_UMIP };

struct row_case {
	const char *bytes;
	unsigned size;
	const char *line; /* NULL: not in the list */
	enum harmless harmless;
};

#define CODE(text) (text), sizeof(text) - 1

static const struct row_case row_cases[] = {
	{CODE("\x9c"), "PUSHFQ at GVA 0x1000 may show IF = 1, IOPL = 0", WITH_IOPL},
	{CODE("\x66\x9c"), "PUSHF at GVA 0x1000 may show IF = 1, IOPL = 0", WITH_IOPL},
	{CODE("\x9d"), "POPFQ at GVA 0x1000 may leave IF and IOPL alone", WITH_IOPL},
	{CODE("\x66\x9d"), "POPF at GVA 0x1000 may leave IF and IOPL alone", WITH_IOPL},
	{CODE("\x0f\x01\x00"), "SGDT at GVA 0x1000 may show the monitor's GDT", WITH_UMIP},
	{CODE("\x0f\x01\x08"), "SIDT at GVA 0x1000 may show the monitor's IDT", WITH_UMIP},
	{CODE("\x0f\x00\xc0"), "SLDT at GVA 0x1000 may show no LDT, whatever was loaded",
	 WITH_UMIP},
	{CODE("\x0f\x00\xc8"), "STR at GVA 0x1000 may show the monitor's TR", WITH_UMIP},
	{CODE("\x0f\x01\xe0"), "SMSW at GVA 0x1000 may show the monitor's CR0", WITH_UMIP},
	{CODE("\x0f\x02\xc1"), "LAR at GVA 0x1000 may look into another GDT", NEVER},
	{CODE("\x0f\x03\xc1"), "LSL at GVA 0x1000 may look into another GDT", NEVER},
	{CODE("\x0f\x00\xe0"), "VERR at GVA 0x1000 may look into another GDT", NEVER},
	{CODE("\x0f\x00\xe8"), "VERW at GVA 0x1000 may look into another GDT", NEVER},
	{CODE("\x8c\xc8"), "MOV from CS at GVA 0x1000 may give another, with RPL 3", NEVER},
	{CODE("\x66\x8c\xc8"), "MOV from CS at GVA 0x1000 may give another, with RPL 3", NEVER},
	{CODE("\x8c\x10"), "MOV from SS at GVA 0x1000 may give another, with RPL 3", NEVER},
	{CODE("\x8c\xc0"), "MOV from DS/ES/FS/GS at GVA 0x1000 may not give what was loaded",
	 NEVER},
	{CODE("\x8c\xd8"), "MOV from DS/ES/FS/GS at GVA 0x1000 may not give what was loaded",
	 NEVER},
	{CODE("\x8c\xe0"), "MOV from DS/ES/FS/GS at GVA 0x1000 may not give what was loaded",
	 NEVER},
	{CODE("\x8c\xe8"), "MOV from DS/ES/FS/GS at GVA 0x1000 may not give what was loaded",
	 NEVER},
	{CODE("\x0f\xa0"), "PUSH FS/GS at GVA 0x1000 may not give what was loaded", NEVER},
	{CODE("\x0f\xa8"), "PUSH FS/GS at GVA 0x1000 may not give what was loaded", NEVER},
	/* Loads of segment registers trap, or load null and are right. */
	{CODE("\x8e\xd8"), NULL, NEVER},
	{CODE("\x8e\xd0"), NULL, NEVER},
	{CODE("\x0f\xa1"), NULL, NEVER},
	/* Other forms of MOV and PUSH; a load of CR0; CLI, STI, IRETQ, HLT, which trap. */
	{CODE("\x89\xc8"), NULL, NEVER},
	{CODE("\x50"), NULL, NEVER},
	{CODE("\xff\x30"), NULL, NEVER},
	{CODE("\x0f\x22\xc0"), NULL, NEVER},
	{CODE("\xfa\xfb\x48\xcf\xf4"), NULL, NEVER},
	/* Their neighbours: LLDT, LTR, LGDT, LIDT, LMSW, INVLPG. */
	{CODE("\x0f\x00\xd0\x0f\x00\xd8\x0f\x01\x10\x0f\x01\x18\x0f\x01\xf0\x0f\x01\x38"), NULL,
	 NEVER},
	/* The same bytes inside other instructions: in an immediate, in a displacement. */
	{CODE("\xb8\x9c\x9d\x0f\x02"), NULL, NEVER},
	{CODE("\x48\x8b\x80\x9c\x0f\x01\x00"), NULL, NEVER},
};

static void expect_line(const struct row_case *c, const char *host_name,
			const struct sweep_host *host, bool found)
{
	char name[64];
	struct sweep s;

	snprintf(name, sizeof(name), "row %zu, %s", (size_t)(c - row_cases), host_name);
	sweep_bytes(&s, c->bytes, c->size, host);
	CHECK_NUMBER(name, "lines", s.count, found);
	if (found && strcmp(s.line[0], c->line) != 0)
		fail_msg("%s: \"%s\", and not \"%s\"", name, s.line[0], c->line);
}

static void each_instruction_is_found_where_it_does_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(row_cases); i++) {
		const struct row_case *c = &row_cases[i];

		expect_line(c, "nothing helps", &bare, c->line);
		expect_line(c, "IOPL", &iopl, c->line && c->harmless != WITH_IOPL);
		expect_line(c, "UMIP", &umip, c->line && c->harmless != WITH_UMIP);
		expect_line(c, "both", &best, c->line && c->harmless == NEVER);
	}
}

struct resync_case {
	const char *bytes;
	unsigned size, lines;
};

static const struct resync_case resync_cases[] = {
	{CODE("\x06\x07\x0e\x9c"), 1}, /* not in 64-bit code */
	/* 0F 0A is nothing; 0A 0F is an OR and eats the start of LAR: a price of reading on. */
	{CODE("\x0f\x0a\x0f\x02\xc1"), 0},
	{CODE("\x0f\x0a\x06\x9c"), 1},
	{CODE("\xff\xff\xff\xff\x9c\x90"), 1}, /* FF /7 */
	{CODE("\x9c\x0f"), 1},		       /* the end cuts an instruction off */
	{CODE("\x0f\x02"), 0},		       /* ... one of the list */
	{CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x9c"), 1},
	{CODE(""), 0},
};

static void garbage_costs_a_byte_and_no_more(void **state)
{
	struct sweep s;

	(void)state;
	for (size_t i = 0; i < COUNT(resync_cases); i++) {
		const struct resync_case *c = &resync_cases[i];
		char name[32];
		/* A copy of the exact size, for ASan to see a byte too many. */
		char *bytes = malloc(c->size ? c->size : 1);

		assert_non_null(bytes);
		memcpy(bytes, c->bytes, c->size);
		snprintf(name, sizeof(name), "garbage %zu", i);
		sweep_bytes(&s, bytes, c->size, &bare);
		CHECK_NUMBER(name, "lines", s.count, c->lines);
		free(bytes);
	}
}

static void add(struct symbols *s, gva_t gva, uint64_t size, const char *name)
{
	assert_int_equal(symbols_add(s, gva, size, name), PN_OK);
}

static void findings_of_one_symbol_are_one_line(void **state)
{
	static const uint8_t code[] = {0x9c, 0x9c, 0x9d, 0x9c, 0x90, 0x9c, 0x9c, 0x9c};
	const struct sweep_text text[] = {{code, 5, 0x1000}, {code + 5, 3, 0x1005}};
	static const char *const want[] = {
		"PUSHFQ at first (3 times) may show IF = 1, IOPL = 0",
		"POPFQ at first+0x2 may leave IF and IOPL alone",
		"PUSHFQ at second+0x1 may show IF = 1, IOPL = 0",
		"PUSHFQ at GVA 0x1006 (2 times) may show IF = 1, IOPL = 0",
	};
	struct symbols symbols = {0};
	struct sweep s;

	(void)state;
	add(&symbols, 0x1000, 4, "first");
	add(&symbols, 0x1004, 2, "second");
	symbols_sort(&symbols);
	sweep(&s, text, COUNT(text), &symbols, &bare);
	assert_int_equal(s.count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++)
		assert_string_equal(s.line[i], want[i]);
	symbols_free(&symbols);
}

static void what_is_past_the_sixteenth_line_is_counted(void **state)
{
	uint8_t code[SWEEP_LINES + 4];
	const struct sweep_text text = {code, sizeof(code), 0x1000};
	struct symbols symbols = {0};
	struct sweep s;
	char name[300];

	(void)state;
	memset(code, 0x9c, sizeof(code));
	for (unsigned i = 0; i < SWEEP_LINES + 2; i++) {
		memset(name, 'x', sizeof(name));
		snprintf(name + SYMBOL_NAME_MAX - 8, 8, "%u", i);
		add(&symbols, 0x1000 + i, 1, i ? name : "short");
	}
	symbols_sort(&symbols);
	sweep(&s, &text, 1, &symbols, &bare);
	assert_int_equal(s.count, SWEEP_LINES + 1);
	assert_string_equal(s.line[0], "PUSHFQ at short may show IF = 1, IOPL = 0");
	/* The last two bytes are in no symbol: one line more. */
	assert_string_equal(s.line[SWEEP_LINES], "and 3 more like these");
	for (unsigned i = 0; i < s.count; i++) {
		CHECK_ONE_LINE("line", s.line[i]);
		assert_true(strlen(s.line[i]) < 100);
	}
	/* As many as fit: nothing to add. */
	sweep(&s, &(struct sweep_text){code, SWEEP_LINES, 0x1000}, 1, &symbols, &bare);
	assert_int_equal(s.count, SWEEP_LINES);
	symbols_free(&symbols);
}

/* Checks the pieces of code of the image: {GVA, size} up to a size of 0. */
static void expect_text(const char *name, const struct image *image, const struct elf_text *want)
{
	unsigned i;

	for (i = 0; want[i].size; i++) {
		CHECK_TRUE(name, i < image->text_count);
		CHECK_NUMBER(name, "GVA", image->text[i].gva, want[i].vaddr);
		CHECK_NUMBER(name, "bytes", image->text[i].size, want[i].size);
	}
	CHECK_NUMBER(name, "pieces", image->text_count, i);
}

static const struct elf_text whole[] = {
	{0x20000, sizeof(ELF_TEXT)}, {0x21000, sizeof(ELF_DATA)}, {0}};

static void code_is_where_the_sections_say(void **state)
{
	struct elf_plan plan = elf_good_exec;
	struct loader *l = *state;

	plan.texts = 2;
	plan.text[0] = (struct elf_text){0x20004, 8};
	plan.text[1] = (struct elf_text){0x2000c, sizeof(ELF_TEXT) - 12};
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	expect_text("two sections", &l->image,
		    (const struct elf_text[]){plan.text[0], plan.text[1], {0}});
	assert_int_equal(l->image.text[0].gpa, 0x20004);
	plan = elf_good_pie;
	plan.texts = 1;
	plan.text[0] = (struct elf_text){4, 8};
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	expect_text("static-PIE", &l->image,
		    (const struct elf_text[]){{IMAGE_PIE_BASE + 4, 8}, {0}});
}

struct distrust_case {
	const char *name;
	unsigned texts;
	struct elf_text text[2];
};

static const struct distrust_case distrust_cases[] = {
	{"no section of code", 0, {{0}}},
	{"two that overlap", 2, {{0x20000, 8}, {0x20007, 2}}},
	{"past the segment's bytes", 1, {{0x20000, sizeof(ELF_TEXT) + 1}}},
	{"in zeroed memory", 1, {{0x21000 + sizeof(ELF_DATA), 8}}},
	{"outside every segment", 1, {{0x30000, 8}}},
	{"around the end of memory", 1, {{0x20008, UINT64_MAX - 4}}},
};

static void else_code_is_the_executable_segments(void **state)
{
	struct loader *l = *state;
	struct elf_plan plan;
	struct elf_file f;

	for (size_t i = 0; i < COUNT(distrust_cases); i++) {
		plan = elf_good_exec;
		plan.texts = distrust_cases[i].texts;
		memcpy(plan.text, distrust_cases[i].text, sizeof(distrust_cases[i].text));
		assert_int_equal(loader_load_plan(l, &plan), PN_OK);
		expect_text(distrust_cases[i].name, &l->image, whole);
	}
	f = elf_build(&elf_good_exec);
	elf_program(&f, 1)->p_flags = PF_R | PF_W;
	loader_store(l, f.bytes, f.size);
	free(f.bytes);
	assert_int_equal(loader_load(l), PN_OK);
	expect_text("data is no code", &l->image,
		    (const struct elf_text[]){{0x20000, sizeof(ELF_TEXT)}, {0}});
}

static void sections_are_believed_up_to_a_limit(void **state)
{
	static const char code[ELF_TEXTS_MAX];
	struct elf_plan plan = elf_good_exec;
	struct loader *l = *state;

	plan.segment[0] = (struct elf_segment){0x20000, 0x20000, code, sizeof(code), sizeof(code)};
	for (unsigned i = 0; i < ELF_TEXTS_MAX; i++)
		plan.text[i] = (struct elf_text){0x20000 + i, 1};
	plan.texts = IMAGE_TEXT_MAX;
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	assert_int_equal(l->image.text_count, IMAGE_TEXT_MAX);
	plan.texts++;
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	expect_text("one too many", &l->image,
		    (const struct elf_text[]){
			    {0x20000, sizeof(code)}, {0x21000, sizeof(ELF_DATA)}, {0}});
}

/* What 16 MiB are made of. */
struct speed_case {
	const char *name;
	uint8_t byte;
	bool random;
};

static const struct speed_case speed_cases[] = {
	{"PUSHFQ in a symbol of 256 bytes", 0x9c, false},
	{"prefixes without an end", 0x66, false},
	{"anything", 0, true},
};

/* Linear, whatever the bytes. The limit is ten times what the worst took under the
 * sanitizers. */
static void sixteen_mebibytes_are_swept_in_seconds(void **state)
{
	const uint64_t size = UINT64_C(16) << 20, limit = UINT64_C(100000000000);
	uint8_t *bytes = malloc(size);
	const struct sweep_text text = {bytes, size, 0};
	struct symbols symbols = {0};
	struct sweep s;
	char name[16];

	(void)state;
	assert_non_null(bytes);
	for (unsigned i = 0; i < 65536; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		add(&symbols, i * (size / 65536), size / 65536, name);
	}
	symbols_sort(&symbols);
	for (size_t k = 0; k < COUNT(speed_cases); k++) {
		const struct speed_case *c = &speed_cases[k];
		uint64_t begin, ns;

		memset(bytes, c->byte, size);
		for (uint64_t i = 0; c->random && i < size; i++)
			bytes[i] = (uint8_t)(i * 2654435761u >> 13);
		begin = clock_ns();
		sweep(&s, &text, 1, &symbols, &bare);
		ns = clock_ns() - begin;
		print_message("16 MiB, %s: %llu ms\n", c->name, (unsigned long long)ns / 1000000);
		CHECK_TRUE(c->name, ns < limit);
		if (c->byte == 0x9c)
			assert_string_equal(s.line[SWEEP_LINES], "and 65520 more like these");
	}
	symbols_free(&symbols);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_instruction_is_found_where_it_does_harm),
		cmocka_unit_test(garbage_costs_a_byte_and_no_more),
		cmocka_unit_test(findings_of_one_symbol_are_one_line),
		cmocka_unit_test(what_is_past_the_sixteenth_line_is_counted),
		cmocka_unit_test_setup_teardown(code_is_where_the_sections_say, loader_set_up,
						loader_tear_down),
		cmocka_unit_test_setup_teardown(else_code_is_the_executable_segments, loader_set_up,
						loader_tear_down),
		cmocka_unit_test_setup_teardown(sections_are_believed_up_to_a_limit, loader_set_up,
						loader_tear_down),
		cmocka_unit_test(sixteen_mebibytes_are_swept_in_seconds),
	};

	return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
