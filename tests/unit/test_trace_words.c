/* SPDX-License-Identifier: MIT */
/* The words of a trace: filters, names, error codes and lines. */
#include "trace_fixture.h"

#include "trace/tracepoints.h"
#include "trace/words.h"

struct filter {
	const char *list;
	uint32_t types; /* 0: refused */
	const char *bad;
};

#define BIT(type) (1u << PN_TRACE_##type)

static const struct filter filters[] = {
	{"flush", BIT(FLUSH) | BIT(DROP), ""},
	{"fault", BIT(GUEST_FAULT) | BIT(HIDDEN_FAULT) | BIT(DROP), ""},
	{"cr3,flush", BIT(CR3) | BIT(FLUSH) | BIT(DROP), ""},
	{"flush,flush", BIT(FLUSH) | BIT(DROP), ""},
	{"all", UINT32_MAX, ""},
	{"mark,all", UINT32_MAX, ""},
	{"", 0, ""},
	{",", 0, ""},
	{"flush,", 0, ""},
	{"Flush", 0, "Flush"},
	{"flus", 0, "flus"},
	{"flushes", 0, "flushes"},
	{"none", 0, "none"},
	{"cr3,what,flush", 0, "what"},
	{"a_word_that_is_too_long_for_its_room", 0, "a_word_that_is_"},
};

static void a_filter_is_a_list_of_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(filters); i++) {
		uint32_t types = 0;
		char bad[16] = "";
		bool ok = trace_filter_parse(filters[i].list, &types, bad, sizeof(bad));

		CHECK_NUMBER(filters[i].list, "accepted", ok, filters[i].types != 0);
		if (ok)
			CHECK_NUMBER(filters[i].list, "types", types, filters[i].types);
		else
			assert_string_equal(bad, filters[i].bad);
	}
}

static void every_type_has_a_word_and_a_filter_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++) {
		const char *name = trace_type_name(i);
		uint32_t types;
		char bad[16];

		assert_string_not_equal(name, "unknown");
		assert_true(strlen(name) <= 12);
		assert_true(trace_filter_parse(name, &types, bad, sizeof(bad)));
		CHECK_NUMBER(name, "types", types, 1u << i | BIT(DROP));
		for (unsigned k = 1; k < i; k++)
			assert_string_not_equal(name, trace_type_name(k));
	}
}

static void what_no_table_has_is_unknown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		assert_true((i < PN_TRACE_TYPES) != !strcmp(trace_type_name(i), "unknown"));
		assert_true((i < PN_FAULTS) != !strcmp(trace_fault_name(i), "unknown"));
		assert_true((i < PN_FLUSHES) != !strcmp(trace_flush_name(i), "unknown"));
		assert_true((i < PN_CAUSES) != !strcmp(trace_cause_name(i), "unknown"));
		assert_true((i < PN_SOURCES) != !strcmp(trace_source_name(i), "unknown"));
		assert_true((i < 2) != !strcmp(trace_mode_name(i), "unknown"));
		assert_true((i < PN_COUNTERS) != !strcmp(trace_counter_name(i), "unknown"));
		assert_true((i < PN_TRACEPOINTS) != !strcmp(trace_tracepoint_name(i), "unknown"));
	}
}

/* Every tracepoint has a name, and no two of its fields go into one member. */
static void a_tracepoint_has_its_fields_apart(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PN_TRACEPOINTS; i++) {
		const struct tracepoint *t = &tracepoints[i];
		uint32_t taken = 0;

		assert_non_null(t->system);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(t->name, tracepoints[k].name);
		for (unsigned k = 0; t->field[k].member; k++) {
			uint32_t bit = 1u << t->field[k].member;

			CHECK_TRUE(t->name, k < TRACEPOINT_FIELDS);
			CHECK_TRUE(t->name, !(taken & bit));
			CHECK_TRUE(t->name, tracepoint_has(i, t->field[k].member));
			taken |= bit;
		}
		CHECK_TRUE(t->name, taken);
	}
}

struct told {
	struct pn_trace_record r;
	const char *what;
};

static const struct told told[] = {
	{{.type = PN_TRACE_COUNTER, .kind = PN_COUNTER_PF_TAKEN, .value = {12, 40}},
	 "pf_taken 12 to 40"},
	{{.type = PN_TRACE_KERNEL,
	  .kind = PN_TP_KVM_MMU_GET_PAGE,
	  .address = 0x5000,
	  .value = {0x11, 1},
	  .level = 1,
	  .count = 1},
	 "kvm_mmu_get_page GPA 0x5000 role 0x11 level 0x1 roots 0x1 unsync 0x0 created 0x1"},
	{{.type = PN_TRACE_KERNEL,
	  .kind = PN_TP_KVM_EXIT,
	  .count = 48,
	  .cause = 1,
	  .value = {1, 2}},
	 "kvm_exit reason 0x30 info1 0x1 info2 0x2 error 0x0 isa 0x1"},
	{{.type = PN_TRACE_KERNEL, .kind = 200}, "unknown"},
	{{.type = PN_TRACE_SECOND_FAULT, .address = 0x6000, .error = 2}, "GPA 0x6000 write"},
	{{.type = PN_TRACE_SECOND_FAULT, .address = 0x200000, .value = {2 << 20}},
	 "GPA 0x200000 read, a page of 2048 KiB"},
};

static void what_the_host_saw_is_told_in_its_words(void **state)
{
	struct trace_file *f = *state;
	char line[256];

	for (size_t i = 0; i < COUNT(told); i++) {
		trace_line(&told[i].r, &f->symbols, line, sizeof(line));
		assert_true(strlen(line) > strlen(told[i].what));
		assert_string_equal(line + strlen(line) - strlen(told[i].what), told[i].what);
	}
}

struct error_case {
	uint32_t error;
	const char *words;
};

static const struct error_case errors[] = {
	{0, "kernel read"},
	{1, "kernel read present"},
	{2, "kernel write"},
	{7, "user write present"},
	{0x14, "user fetch"},
	{0x9, "kernel read present reserved"},
	{0x25, "user read present key"},
	{0x1b, "kernel fetch present reserved"},
};

static void an_error_code_is_told_in_words(void **state)
{
	char text[64], small[8];

	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++)
		assert_string_equal(trace_error_words(errors[i].error, text, sizeof(text)),
				    errors[i].words);
	assert_string_equal(trace_error_words(7, small, sizeof(small)), "user wr");
}

/* The widest of everything, and every byte in every member: a line ends in its room. */
static void a_line_ends_in_its_room_whatever_the_record(void **state)
{
	struct symbols symbols = {0};
	struct pn_trace_record r;
	char long_name[200], line[256];

	(void)state;
	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	assert_int_equal(symbols_add(&symbols, 0, 0, long_name), PN_OK);
	for (unsigned byte = 0; byte < 256; byte++)
		for (unsigned type = 0; type < 256; type++) {
			memset(&r, (int)byte, sizeof(r));
			r.type = (uint8_t)type;
			memset(line, 0x55, sizeof(line));
			trace_line(&r, &symbols, line, sizeof(line));
			CHECK_ONE_LINE("line", line);
			assert_true(strlen(line) < 200);
			trace_line(&r, &symbols, line, 20);
			assert_true(strlen(line) < 20);
		}
	symbols_free(&symbols);
}

/* A page, a flush, a drop: with the columns under their heads. */
static void columns_stand_under_their_heads(void **state)
{
	struct trace_file *f = *state;
	const struct pn_trace_record r = {.type = PN_TRACE_FLUSH,
					  .time = 1234567,
					  .cost = 2500,
					  .rip = 0x2004,
					  .mode = PN_MODE_SHADOW,
					  .kind = PN_FLUSH_PAGE,
					  .cause = PN_CAUSE_INVLPG,
					  .address = 0x7000,
					  .count = 3};
	char line[256];

	trace_line(&r, &f->symbols, line, sizeof(line));
	assert_string_equal(line, "       1.234567     0 shadow flush            2.50  "
				  "handler+0x4              page by INVLPG 0x7000, dropped 3");
	assert_memory_equal(strstr(line, "shadow"), "shadow", 6);
	assert_int_equal(strstr(line, "shadow") - line,
			 strstr(trace_line_head, "mode") - trace_line_head);
	assert_int_equal(strstr(line, "flush") - line,
			 strstr(trace_line_head, "event") - trace_line_head);
	assert_int_equal(strstr(line, "handler") - line,
			 strstr(trace_line_head, "where") - trace_line_head);
	assert_int_equal(strstr(line, "page") - line,
			 strstr(trace_line_head, "what") - trace_line_head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_is_a_list_of_types),
		cmocka_unit_test(every_type_has_a_word_and_a_filter_of_its_own),
		cmocka_unit_test(what_no_table_has_is_unknown),
		cmocka_unit_test(a_tracepoint_has_its_fields_apart),
		TRACE_TEST(what_the_host_saw_is_told_in_its_words),
		cmocka_unit_test(an_error_code_is_told_in_words),
		cmocka_unit_test(a_line_ends_in_its_room_whatever_the_record),
		TRACE_TEST(columns_stand_under_their_heads),
	};

	return cmocka_run_group_tests_name("trace-words", tests, NULL, NULL);
}
