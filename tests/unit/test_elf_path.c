/* SPDX-License-Identifier: MIT */
/*
 * The loader with paths that are no guest, and with symbols that are no names: whatever a file
 * says of itself, what is printed of it stays one line.
 */
#include "elf_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void on_alarm(int signal)
{
	(void)signal;
}

static void expect_refused(struct loader *l, const char *path, const char *says)
{
	int code = elf_load(path, &l->mem, &l->image, &l->err);

	CHECK_CODE(path, code, PN_ERR_IMAGE);
	CHECK_ONE_LINE(path, l->err.text);
	CHECK_CONTAINS(path, l->err.text, path);
	CHECK_CONTAINS(path, l->err.text, says);
	expect_untouched(path, l);
}

static void what_is_no_regular_file_is_refused(void **state)
{
	struct loader *l = *state;

	expect_refused(l, "/", "not a regular file");
	expect_refused(l, "/dev/null", "not a regular file");
	expect_refused(l, "/no/such/file", "No such file");
	expect_refused(l, "/proc/self/fd/nothing", "No such file");
	loader_store(l, "", 0);
	expect_refused(l, l->path, "not an ELF");
	loader_store(l, "#!/bin/sh\n", 10);
	expect_refused(l, l->path, "not an ELF");
	loader_store(l, "!<arch>\n", 8);
	expect_refused(l, l->path, "not an ELF");
}

/* Nobody writes to it: an open that waits for a writer waits for ever. */
static void a_fifo_is_refused_without_waiting(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm};
	char directory[] = "/tmp/penumbra-test.XXXXXX", path[64];
	struct loader *l = *state;
	int code;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	sigaction(SIGALRM, &action, NULL);
	alarm(2);
	code = elf_load(path, &l->mem, &l->image, &l->err);
	alarm(0);
	unlink(path);
	rmdir(directory);
	CHECK_CODE("fifo", code, PN_ERR_IMAGE);
	CHECK_CONTAINS("fifo", l->err.text, "not a regular file");
}

static void the_line_stays_one_line_whatever_the_path_is(void **state)
{
	struct loader *l = *state;
	char path[600] = "/no/such/";

	assert_int_equal(elf_load("/no/such\nfile\033[31m", &l->mem, &l->image, &l->err),
			 PN_ERR_IMAGE);
	CHECK_ONE_LINE("control characters", l->err.text);
	memset(path + 9, 'x', 500);
	assert_int_equal(elf_load(path, &l->mem, &l->image, &l->err), PN_ERR_IMAGE);
	assert_true(memchr(l->err.text, 0, sizeof(l->err.text)) != NULL);
	CHECK_ONE_LINE("long path", l->err.text);
}

static void symbols_that_do_not_count_are_left_out(void **state)
{
	struct loader *l = *state;
	struct elf_plan plan = elf_good_exec;

	plan.symbols = 7;
	plan.symbol[0].index = SHN_UNDEF;
	plan.symbol[1].index = SHN_ABS;
	plan.symbol[2].info = ELF64_ST_INFO(STB_LOCAL, STT_FILE);
	plan.symbol[3] = plan.symbol[4] = plan.symbol[5] = elf_good_exec.symbol[0];
	plan.symbol[3].info = ELF64_ST_INFO(STB_LOCAL, STT_SECTION);
	plan.symbol[4].name = "";
	plan.symbol[5].name = "kept";
	plan.symbol[6] = plan.symbol[5];
	plan.symbol[6].name = "also";
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	assert_int_equal(l->image.symbols.count, 2);
	assert_non_null(symbols_named(&l->image.symbols, "kept"));
	assert_non_null(symbols_named(&l->image.symbols, "also"));
}

/* A guest may be stripped, or have a table that is nonsense: it runs, its reports say less. */
static void a_nonsensical_symbol_table_costs_names_and_nothing_else(void **state)
{
	static const struct {
		const char *name;
		size_t offset, width; /* in the section header */
		uint64_t value;
		uint32_t type; /* of the section */
	} cases[] = {
		{"string table of no section", offsetof(Elf64_Shdr, sh_link), 4, 99, SHT_SYMTAB},
		{"itself as string table", offsetof(Elf64_Shdr, sh_link), 4, 1, SHT_SYMTAB},
		{"no string table", offsetof(Elf64_Shdr, sh_link), 4, 0, SHT_SYMTAB},
		{"symbols past the end", offsetof(Elf64_Shdr, sh_offset), 8, 1 << 20, SHT_SYMTAB},
		{"symbols of a huge size", offsetof(Elf64_Shdr, sh_size), 8, UINT64_MAX - 23,
		 SHT_SYMTAB},
		{"symbols of half a size", offsetof(Elf64_Shdr, sh_entsize), 8, 12, SHT_SYMTAB},
		{"symbols of size 0", offsetof(Elf64_Shdr, sh_entsize), 8, 0, SHT_SYMTAB},
		{"strings past the end", offsetof(Elf64_Shdr, sh_offset), 8, 1 << 20, SHT_STRTAB},
		{"strings of a huge size", offsetof(Elf64_Shdr, sh_size), 8, UINT64_MAX - 23,
		 SHT_STRTAB},
		{"strings of one byte", offsetof(Elf64_Shdr, sh_size), 8, 1, SHT_STRTAB},
	};
	struct loader *l = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct elf_file f = elf_build(&elf_good_exec);

		memcpy((uint8_t *)elf_section(&f, cases[i].type) + cases[i].offset, &cases[i].value,
		       cases[i].width);
		loader_clear(l);
		loader_store(l, f.bytes, f.size);
		free(f.bytes);
		CHECK_CODE(cases[i].name, loader_load(l), PN_OK);
		expect_good_order(cases[i].name, l, PN_OK);
	}
}

static void a_name_past_its_table_is_no_name(void **state)
{
	struct loader *l = *state;
	struct elf_file f = elf_build(&elf_good_exec);
	char text[64];

	elf_sym(&f, 1)->st_name = 0x7fffffff;
	elf_sym(&f, 2)->st_name = (Elf64_Word)elf_section(&f, SHT_STRTAB)->sh_size;
	/* The last name loses its end. */
	f.bytes[elf_section(&f, SHT_STRTAB)->sh_offset + elf_section(&f, SHT_STRTAB)->sh_size - 1] =
		'!';
	loader_store(l, f.bytes, f.size);
	free(f.bytes);
	assert_int_equal(loader_load(l), PN_OK);
	symbols_format(&l->image.symbols, 0x20004, text, sizeof(text));
	assert_string_equal(text, "?");
}

/* Names end up in the one line that says why a run ended, and on a terminal. */
static void a_name_with_control_characters_cannot_break_a_line(void **state)
{
	struct loader *l = *state;
	struct elf_plan plan = elf_good_exec;
	char text[64];

	plan.symbol[0].name = "a\nb\033[2Jc\xff";
	assert_int_equal(loader_load_plan(l, &plan), PN_OK);
	symbols_format(&l->image.symbols, 0x20006, text, sizeof(text));
	CHECK_ONE_LINE("symbol", text);
	/* JSON takes no bytes that are not UTF-8: the end of a run must not be lost for that. */
	assert_string_equal(text, "a?b?[2Jc?+0x2");
}

#define BOMB_SYMBOLS  200
#define BOMB_NAME     20000
#define BOMB_SECTIONS 20

/*
 * A small file that says a lot: one table of symbols, named by many sections, each symbol with the
 * same long name. What is kept of it must be in proportion to the file.
 */
static void a_small_file_cannot_ask_for_much_memory(void **state)
{
	static struct {
		Elf64_Sym sym[BOMB_SYMBOLS];
		char name[BOMB_NAME + 1];
		Elf64_Shdr section[BOMB_SECTIONS];
	} tail;
	struct loader *l = *state;
	struct elf_file f = elf_build(&elf_good_exec);
	size_t kept = 0, size = f.size + sizeof(tail);

	for (unsigned i = 0; i < BOMB_SYMBOLS; i++)
		tail.sym[i] = (Elf64_Sym){.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
					  .st_shndx = 1,
					  .st_value = 0x20000 + i};
	memset(tail.name, 'x', BOMB_NAME);
	tail.section[1] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
				       .sh_offset = f.size + sizeof(tail.sym),
				       .sh_size = sizeof(tail.name),
				       .sh_addralign = 1};
	for (unsigned i = 2; i < BOMB_SECTIONS; i++)
		tail.section[i] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
					       .sh_offset = f.size,
					       .sh_size = sizeof(tail.sym),
					       .sh_link = 1,
					       .sh_entsize = sizeof(Elf64_Sym),
					       .sh_addralign = 8};
	elf_header(&f)->e_shoff = f.size + offsetof(__typeof__(tail), section);
	elf_header(&f)->e_shnum = BOMB_SECTIONS;
	elf_header(&f)->e_shstrndx = 1;
	f.bytes = realloc(f.bytes, size);
	assert_non_null(f.bytes);
	memcpy(f.bytes + f.size, &tail, sizeof(tail));
	loader_store(l, f.bytes, size);
	free(f.bytes);
	assert_int_equal(loader_load(l), PN_OK);
	assert_true(l->image.symbols.count > 0);
	for (size_t i = 0; i < l->image.symbols.count; i++)
		kept += sizeof(struct symbol) + strlen(l->image.symbols.symbol[i].name);
	if (kept > 32 * size)
		fail_msg("%zu bytes of symbols are kept of a file of %zu", kept, size);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, loader_set_up, loader_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_regular_file_is_refused),
		TEST(a_fifo_is_refused_without_waiting),
		TEST(the_line_stays_one_line_whatever_the_path_is),
		TEST(symbols_that_do_not_count_are_left_out),
		TEST(a_nonsensical_symbol_table_costs_names_and_nothing_else),
		TEST(a_name_past_its_table_is_no_name),
		TEST(a_name_with_control_characters_cannot_break_a_line),
		TEST(a_small_file_cannot_ask_for_much_memory),
	};

	return cmocka_run_group_tests_name("elf_path", tests, NULL, NULL);
}
