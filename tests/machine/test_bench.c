/* SPDX-License-Identifier: MIT */
/* `penumbra bench`: what it prints, and what it refuses. What it counts: test_bench_shadow.c. */
#include "bench/counts.h"
#include "bench/fault.h"
#include "fixture.h"
#include "groups.h"
#include "process.h"

#include <jansson.h>

#define PAGING	"build/guest/paging.elf"
#define PAGELAB "build/guest/pagelab.elf"

static struct process process, *const p = &process;

static const char *const columns[] = {"hw", "unsync", "wp", "vtlb"};

static void expect_operation(const json_t *operation, const char *name)
{
	const json_t *first = json_object_get(operation, "first_round_exits");

	assert_string_equal(json_string_value(json_object_get(operation, "name")), name);
	CHECK_TRUE(name, json_is_integer(json_object_get(operation, "count")));
	assert_int_equal(json_object_size(operation), 3 + COUNT(columns));
	assert_int_equal(json_object_size(first), COUNT(columns));
	for (size_t i = 0; i < COUNT(columns); i++) {
		const json_t *column = json_object_get(operation, columns[i]);

		CHECK_TRUE(name, json_is_integer(json_object_get(first, columns[i])));
		assert_int_equal(json_object_size(column), COUNTS);
		for (unsigned c = 0; c < COUNTS; c++)
			CHECK_TRUE(count_names[c],
				   json_is_real(json_object_get(column, count_names[c])));
	}
}

static void the_json_has_the_documented_members(void **state)
{
	const json_t *operations;
	json_error_t error;
	json_t *root;

	(void)state;
	skip_without(PAGING);
	RUN(p, "bench", "shadow", "--json", "iretq", "fork-page");
	if (p->status != 0)
		fail_msg("status %d: %s", p->status, p->err);
	root = json_loads(p->out, 0, &error);
	assert_non_null(root);
	assert_int_equal(json_object_size(root), 2);
	assert_true(json_is_string(json_object_get(root, "host_paging")));
	operations = json_object_get(root, "operations");
	assert_int_equal(json_array_size(operations), 2);
	expect_operation(json_array_get(operations, 0), "iretq");
	expect_operation(json_array_get(operations, 1), "fork-page");
	json_decref(root);
}

static void the_text_fits_80_columns_and_names_its_columns(void **state)
{
	static const char *const says[] = {
		"host: ",	"hw",	  "shadow, unsync",	  "shadow, wp",
		"shadow, vtlb", "hidden", "512 PTE stores, flush"};

	(void)state;
	skip_without(PAGING);
	RUN(p, "bench", "shadow", "rewrite");
	assert_int_equal(p->status, 0);
	assert_true(fits_80_columns(p->out));
	for (size_t i = 0; i < COUNT(says); i++)
		CHECK_CONTAINS("text", p->out, says[i]);
	assert_null(strstr(p->out, "IRETQ"));
}

static void the_walker_is_measured(void **state)
{
	static const char *const pages[] = {"page_4k_ns", "page_2m_ns"};
	json_error_t error;
	json_t *root;

	(void)state;
	RUN(p, "bench", "walk", "--rounds=1");
	assert_int_equal(p->status, 0);
	assert_true(fits_80_columns(p->out));
	RUN(p, "bench", "walk", "--rounds=1", "--json");
	assert_int_equal(p->status, 0);
	root = json_loads(p->out, 0, &error);
	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(root, "mapped_bytes")), 1 << 30);
	for (size_t i = 0; i < COUNT(pages); i++)
		CHECK_TRUE(pages[i], json_real_value(json_object_get(
					     json_object_get(root, pages[i]), "min")) > 0);
	json_decref(root);
}

static void what_cannot_be_measured_is_refused_in_one_line(void **state)
{
	(void)state;
	RUN(p, "bench", "nothing");
	expect_failure(p, "bench nothing", 125, "nothing: no such workload");
	RUN(p, "bench", "shadow", "iretq", "nothing");
	expect_failure(p, "bench shadow nothing", 125, "nothing: no such operation");
	RUN(p, "bench", "walk", "iretq");
	expect_failure(p, "bench walk iretq", 125, "takes no iretq");
	RUN(p, "bench", "startup", "--counts");
	expect_failure(p, "bench startup --counts", 125, "takes no --counts");
	RUN(p, "bench", "shadow", "--rounds=0");
	expect_failure(p, "--rounds=0", 125, "--rounds=0");
}

/* Nothing is said of the times themselves: only that what was timed is what it is called. */
static void rounds_of_hidden_faults_are_nothing_else(void **state)
{
	static const struct sandbox_options sandboxed;
	static struct bench_fault fault;
	struct pn_error err;

	(void)state;
	skip_without(PAGING);
	for (int s = PN_STRATEGY_UNSYNC; s <= PN_STRATEGY_VTLB; s++) {
		if (bench_fault(&fault, 2, (enum pn_strategy)s, PAGING, &sandboxed, &err))
			fail_msg("%s", err.text);
		assert_int_equal(fault.penumbra.count, 2);
		assert_int_equal(fault.bare.count, 2);
		assert_int_equal(fault.ratio.count, 2);
		assert_true(sample_spread(&fault.bare).min > 0);
	}
}

/* That every event of every run was written, and that there are such numbers; not what they are. */
static void a_traced_run_loses_nothing(void **state)
{
	static const char *const spreads[] = {"plain_ns", "traced_ns", "ratio", "elapsed_ratio"};
	static const char *const members[] = {"ring_record_ns", "summary_ns"};
	const json_t *runs;
	json_error_t error;
	json_t *root;

	(void)state;
	skip_without(PAGELAB);
	RUN(p, "bench", "trace", "--rounds=1", "--json");
	if (p->status != 0)
		fail_msg("status %d: %s", p->status, p->err);
	root = json_loads(p->out, 0, &error);
	assert_non_null(root);
	runs = json_object_get(root, "runs");
	assert_int_equal(json_array_size(runs), 3);
	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *run = json_array_get(runs, i);
		const char *name = json_string_value(json_object_get(run, "name"));

		CHECK_NUMBER(name, "events lost",
			     json_integer_value(json_object_get(run, "dropped")), 0);
		CHECK_TRUE(name, json_integer_value(json_object_get(run, "events")) > 100);
		for (size_t k = 0; k < COUNT(spreads); k++)
			CHECK_TRUE(spreads[k],
				   json_real_value(json_object_get(json_object_get(run, spreads[k]),
								   "min")) > 0);
	}
	for (size_t k = 0; k < COUNT(members); k++)
		CHECK_TRUE(members[k], json_real_value(json_object_get(
					       json_object_get(root, members[k]), "min")) > 0);
	json_decref(root);
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(the_json_has_the_documented_members),
	SUBJECT_TEST(the_text_fits_80_columns_and_names_its_columns),
	SUBJECT_TEST(the_walker_is_measured),
	SUBJECT_TEST(what_cannot_be_measured_is_refused_in_one_line),
	SUBJECT_TEST(rounds_of_hidden_faults_are_nothing_else),
	SUBJECT_TEST(a_traced_run_loses_nothing),
};

GROUP_OF(bench, tests);
