/* SPDX-License-Identifier: MIT */
/* penumbra bench of workloads and bench compare, the commands: their forms, and what they refuse. */
#include "bench/lab.h"
#include "fixture.h"
#include "groups.h"
#include "json_result.h"

#include <stdlib.h>
#include <unistd.h>

#define PAGING "build/guest/paging.elf"

static struct process process, *const p = &process;
static char path[3][40];

static void write_results(void)
{
	for (unsigned i = 0; i < COUNT(path); i++) {
		int fd;

		strcpy(path[i], "/tmp/penumbra-bench.XXXXXX");
		fd = mkstemp(path[i]);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void remove_results(void)
{
	for (unsigned i = 0; i < COUNT(path); i++)
		unlink(path[i]);
}

static void save(unsigned i, json_t *o)
{
	assert_int_equal(json_dump_file(o, path[i], 0), 0);
}

/* The columns of a result's first workload. */
static json_t *columns(json_t *result)
{
	json_t *w = json_array_get(json_object_get(result, "workloads"), 0);

	return json_object_get(w, "columns");
}

/* Multiplies the times of a column. */
static void slow_down(json_t *column, double times)
{
	json_t *rounds = json_object_get(json_object_get(column, "ns"), "rounds");

	for (size_t i = 0; i < json_array_size(rounds); i++) {
		json_t *one = json_array_get(rounds, i);

		json_real_set(one, json_real_value(one) * times);
	}
}

static void a_result_compares_with_another(void **state)
{
	json_t *result, *changed, *counts;

	(void)state;
	skip_without(PAGING);
	write_results();
	RUN(p, "bench", "--json", "--rounds=5", "syscall");
	result = result_of(p, 0);
	save(0, result);
	RUN(p, "bench", "compare", path[0], path[0]);
	assert_int_equal(p->status, 0);
	assert_string_equal(p->out, "no change\n");

	/* One exit more. */
	changed = json_deep_copy(result);
	counts = json_object_get(json_object_get(columns(changed), "unsync"), "counts");
	json_object_set_new(counts, "exits", json_real(3));
	save(1, changed);
	RUN(p, "bench", "compare", path[0], path[1]);
	assert_int_equal(p->status, 1);
	CHECK_CONTAINS("exits", p->out, "exits                  2 -> 3          worse\n");
	RUN(p, "bench", "compare", path[1], path[0]);
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("exits", p->out, "better\n");
	RUN(p, "bench", "compare", "--gate=counts=60%", path[0], path[1]);
	assert_int_equal(p->status, 0);
	json_decref(changed);

	/* Ten times as slow, beyond whatever these five rounds scatter by. */
	changed = json_deep_copy(result);
	slow_down(json_object_get(columns(changed), "wp"), 1000);
	save(1, changed);
	RUN(p, "bench", "compare", path[0], path[1]);
	assert_int_equal(p->status, 1);
	CHECK_CONTAINS("time", p->out, " ns ");
	RUN(p, "bench", "compare", "--gate=time=99900%", path[0], path[1]);
	assert_int_equal(p->status, 0);
	json_decref(changed);

	/* A column less. */
	changed = json_deep_copy(result);
	json_object_del(columns(changed), "vtlb");
	save(1, changed);
	RUN(p, "bench", "compare", path[0], path[1]);
	assert_int_equal(p->status, 2);
	CHECK_CONTAINS("missing", p->out, "cannot be compared");
	json_decref(changed);

	/* Of another kind of host; no result at all. */
	json_object_set_new(result, "host_paging", json_string("abacus"));
	save(1, result);
	RUN(p, "bench", "compare", path[0], path[1]);
	expect_failure(p, "host", 125, "of two kinds of host");
	RUN(p, "bench", "compare", path[0], path[2]);
	expect_failure(p, "empty", 125, "expected");
	json_decref(result);
	remove_results();
}

static void a_result_may_be_anyone_s(void **state)
{
	static const char *const texts[] = {
		"[]",
		"{\"format\": 1, \"workloads\": [], \"host_paging\": 3}",
		"{\"format\": 2, \"workloads\": [], \"host_paging\": \"x\"}",
	};

	(void)state;
	write_results();
	for (size_t i = 0; i < COUNT(texts); i++) {
		FILE *f = fopen(path[0], "w");

		assert_non_null(f);
		fputs(texts[i], f);
		assert_int_equal(fclose(f), 0);
		RUN(p, "bench", "compare", path[0], path[0]);
		expect_failure(p, texts[i], 125, "not a result of penumbra bench");
	}
	remove_results();
}

static void wrong_usage_is_one_line(void **state)
{
	static const struct {
		const char *argument[2], *says;
	} cases[] = {
		{{"nonsense", NULL}, "no such workload"},
		{{"chase", NULL}, "no such workload"},
		{{"compare", NULL}, "which results? give two"},
		{{"compare", "--gate=5"}, "give counts=N%,time=N%"},
		{{"compare", "--gate=time=-1%"}, "give counts=N%,time=N%"},
		{{"compare", "--csv"}, "has no --csv"},
		{{"--json", "--csv"}, "give one of them"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (cases[i].argument[1])
			RUN(p, "bench", cases[i].argument[0], cases[i].argument[1]);
		else
			RUN(p, "bench", cases[i].argument[0]);
		expect_failure(p, cases[i].says, 125, cases[i].says);
	}
}

static void the_tables_fit_80_columns_and_the_csv_has_every_cell(void **state)
{
	unsigned lines = 0;

	(void)state;
	skip_without(PAGING);
	RUN(p, "bench", "--rounds=1", "exit", "pte-churn");
	assert_int_equal(p->status, 0);
	assert_true(fits_80_columns(p->out));
	CHECK_CONTAINS("text", p->out, "\npte-churn ");
	RUN(p, "bench", "--rounds=1", "--csv", "exit", "pte-churn");
	assert_int_equal(p->status, 0);
	for (const char *c = p->out; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 1 + 2 * LAB_COLUMNS);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_result_compares_with_another),
	cmocka_unit_test(a_result_may_be_anyone_s),
	cmocka_unit_test(wrong_usage_is_one_line),
	cmocka_unit_test(the_tables_fit_80_columns_and_the_csv_has_every_cell),
};

GROUP_OF(bench_compare, tests);
