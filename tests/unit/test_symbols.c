/* SPDX-License-Identifier: MIT */
/* The guest's symbols: the one an address belongs to, and the one of a name. */
#include "check.h"

#include "symbols.h"

#include <stdlib.h>

static void add(struct symbols *s, gva_t gva, uint64_t size, const char *name)
{
	assert_int_equal(symbols_add(s, gva, size, name), PN_OK);
}

static void an_empty_table_knows_nothing(void **state)
{
	struct symbols s = {0};
	char text[16];

	(void)state;
	symbols_sort(&s);
	assert_null(symbols_at(&s, 0));
	assert_null(symbols_at(&s, UINT64_MAX));
	assert_null(symbols_named(&s, "start"));
	assert_string_equal(symbols_format(&s, 0x1000, text, sizeof(text)), "?");
	symbols_free(&s);
}

struct at_case {
	gva_t gva;
	const char *text;
};

static const struct at_case at_cases[] = {
	{0, "?"},
	{0xfff, "?"},
	{0x1000, "start"},
	{0x1001, "start+0x1"},
	{0x100f, "start+0xf"},
	{0x1010, "?"}, /* past the known size */
	{0x1fff, "?"},
	{0x2000, "label"},
	{0x2fff, "label+0xfff"}, /* of unknown size: up to the next */
	{0x3000, "sized"},	 /* of two at one address, the one with a size */
	{0x3007, "sized+0x7"},
	{0x3008, "?"},
	{0xffffffff80000000, "high"},
	{UINT64_MAX, "high+0x7fffffff"},
};

static void an_address_belongs_to_the_symbol_around_it(void **state)
{
	struct symbols s = {0};
	char text[64], name[32];

	(void)state;
	add(&s, 0x3000, 8, "sized");
	add(&s, 0xffffffff80000000, 0, "high");
	add(&s, 0x1000, 16, "start");
	add(&s, 0x3000, 0, "unsized");
	add(&s, 0x2000, 0, "label");
	symbols_sort(&s);
	for (size_t i = 0; i < COUNT(at_cases); i++) {
		snprintf(name, sizeof(name), "0x%llx", (unsigned long long)at_cases[i].gva);
		symbols_format(&s, at_cases[i].gva, text, sizeof(text));
		if (strcmp(text, at_cases[i].text) != 0)
			fail_msg("%s is \"%s\", and not \"%s\"", name, text, at_cases[i].text);
	}
	symbols_free(&s);
}

static void an_address_of_a_large_table_is_found(void **state)
{
	struct symbols s = {0};
	char name[32], text[64];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		/* 377 and 1000 have no common factor: every address once, out of order. */
		unsigned k = i * 377 % 1000;

		snprintf(name, sizeof(name), "f%u", k);
		add(&s, 0x1000 + k * 16, 16, name);
	}
	symbols_sort(&s);
	for (unsigned k = 0; k < 1000; k++) {
		snprintf(name, sizeof(name), "f%u+0x9", k);
		assert_string_equal(symbols_format(&s, 0x1009 + k * 16, text, sizeof(text)), name);
		snprintf(name, sizeof(name), "f%u", k);
		assert_int_equal(symbols_named(&s, name)->gva, 0x1000 + k * 16);
	}
	symbols_free(&s);
}

static void names_are_copied_and_found_exactly(void **state)
{
	struct symbols s = {0};
	char name[] = "main";

	(void)state;
	add(&s, 0x1000, 4, name);
	name[0] = 'p';
	symbols_sort(&s);
	assert_non_null(symbols_named(&s, "main"));
	assert_null(symbols_named(&s, "pain"));
	assert_null(symbols_named(&s, "mai"));
	assert_null(symbols_named(&s, "main2"));
	assert_null(symbols_named(&s, ""));
	symbols_free(&s);
	assert_null(symbols_named(&s, "main"));
}

static void a_long_name_loses_its_end_and_keeps_its_offset(void **state)
{
	struct symbols s = {0};
	char text[16];

	(void)state;
	add(&s, 0x1000, 0, "a_name_too_long");
	symbols_sort(&s);
	assert_string_equal(symbols_format(&s, 0x1000, text, sizeof(text)), "a_name_too_long");
	assert_string_equal(symbols_format(&s, 0x1001, text, sizeof(text)), "a_name_t...+0x1");
	symbols_free(&s);
}

static void text_ends_inside_its_room_whatever_that_is(void **state)
{
	struct symbols s = {0};

	(void)state;
	add(&s, 0x1000, 0, "a_name_too_long");
	symbols_sort(&s);
	for (size_t size = 1; size < 32; size++) {
		char *text = malloc(size); /* for ASan to see a byte too many */

		assert_non_null(text);
		symbols_format(&s, 0x1001, text, size);
		assert_non_null(memchr(text, 0, size));
		symbols_format(&s, 0xfff, text, size);
		assert_non_null(memchr(text, 0, size));
		free(text);
	}
	symbols_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_knows_nothing),
		cmocka_unit_test(an_address_belongs_to_the_symbol_around_it),
		cmocka_unit_test(an_address_of_a_large_table_is_found),
		cmocka_unit_test(names_are_copied_and_found_exactly),
		cmocka_unit_test(a_long_name_loses_its_end_and_keeps_its_offset),
		cmocka_unit_test(text_ends_inside_its_room_whatever_that_is),
	};

	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
