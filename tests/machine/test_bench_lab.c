/* SPDX-License-Identifier: MIT */
/*
 * The workloads of penumbra bench, and bench compare. Counts are exact and the same on every host and
 * in every run; times are only there.
 */
#include "bench/figures.h"
#include "bench/lab.h"
#include "fixture.h"
#include "groups.h"
#include "json_result.h"

#include <stdlib.h>
#include <unistd.h>

#define PAGING "build/guest/paging.elf"

static struct process process, *const p = &process;

/* Exits and hidden faults of an operation in shadow mode, times 64: all are whole then. */
static const struct {
	const char *name;
	struct {
		unsigned exits, hidden;
	} of[LAB_COLUMNS];
} prices[] = {
	/* The way into ring 3 and back is made once a round. */
	{"syscall", {[LAB_UNSYNC] = {128, 0}, [LAB_WP] = {128, 0}, [LAB_VTLB] = {128, 0}}},
	{"exit", {[LAB_UNSYNC] = {64, 0}, [LAB_WP] = {64, 0}, [LAB_VTLB] = {64, 0}}},
	{"touch-cold", {[LAB_UNSYNC] = {128, 0}, [LAB_WP] = {192, 0}, [LAB_VTLB] = {128, 0}}},
	/* Tables that hold still cost nothing. */
	{"chase-4k/1M", {[LAB_UNSYNC] = {0, 0}, [LAB_WP] = {0, 0}, [LAB_VTLB] = {0, 0}}},
	{"cr3-switch/8", {[LAB_UNSYNC] = {64, 0}, [LAB_WP] = {64, 0}, [LAB_VTLB] = {192, 128}}},
};

static const struct lab_workload *workload(const char *name)
{
	for (const struct lab_workload *w = lab_workloads; w->name; w++)
		if (strcmp(w->name, name) == 0)
			return w;
	fail_msg("no workload %s", name);
	return NULL;
}

static void lab(struct lab_result *r, const char *name)
{
	static const struct sandbox_options sandboxed;
	const struct lab_request q = {.guest = PAGING,
				      .rounds = 1,
				      .long_enough = 1,
				      .columns = (1u << LAB_COLUMNS) - 1,
				      .sandbox = &sandboxed};
	struct pn_error err;

	if (lab_run(r, workload(name), &q, &err))
		fail_msg("%s: %s", name, err.text);
}

static void each_operation_has_its_counts(void **state)
{
	static struct lab_result r;

	(void)state;
	skip_without(PAGING);
	for (size_t i = 0; i < COUNT(prices); i++) {
		lab(&r, prices[i].name);
		for (unsigned c = LAB_UNSYNC; c < LAB_COLUMNS; c++) {
			const double *n = r.cell[c].count;
			char what[64];

			snprintf(what, sizeof(what), "%s, %s", prices[i].name, lab_column_names[c]);
			CHECK_NUMBER(what, "exits of 64", n[COUNT_EXITS] * 64 + 0.5,
				     prices[i].of[c].exits);
			CHECK_NUMBER(what, "hidden of 64", n[COUNT_HIDDEN] * 64 + 0.5,
				     prices[i].of[c].hidden);
			CHECK_TRUE(what, r.cell[c].shadow_peak > 0);
		}
	}
}

/* Each does what it is to in every mode, often, and ends well. */
static void every_workload_runs_in_all_modes(void **state)
{
	static struct lab_result r;

	(void)state;
	skip_without(PAGING);
	for (const struct lab_workload *w = lab_workloads; w->name; w++) {
		/* A rig has the two that do a bit of everything. */
		if (!w->by_default || !(repeats(1, 0) || strcmp(w->name, "mixed") == 0 ||
					strcmp(w->name, "fork-cow") == 0))
			continue;
		lab(&r, w->name);
		for (unsigned c = 0; c < LAB_COLUMNS; c++) {
			CHECK_NUMBER(w->name, "rounds", r.cell[c].rounds, 1);
			CHECK_TRUE(w->name, r.cell[c].ns[0] > 0 && r.cell[c].ticks[0] > 0);
		}
	}
}

/* --- The command ---------------------------------------------------------------------------- */

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
	cmocka_unit_test(each_operation_has_its_counts),
	cmocka_unit_test(every_workload_runs_in_all_modes),
	cmocka_unit_test(a_result_compares_with_another),
	cmocka_unit_test(a_result_may_be_anyone_s),
	cmocka_unit_test(wrong_usage_is_one_line),
	cmocka_unit_test(the_tables_fit_80_columns_and_the_csv_has_every_cell),
};

GROUP_OF(bench_lab, tests);
