/* SPDX-License-Identifier: MIT */
/*
 * The workloads of penumbra bench. Counts are exact and the same on every host and in every run; times
 * are only there.
 */
#include "bench/lab.h"
#include "fixture.h"
#include "groups.h"

#define PAGING "build/guest/paging.elf"

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
		if (!w->by_default || w->ram > UINT64_C(64) << 20 ||
		    !(repeats(1, 0) || strcmp(w->name, "mixed") == 0 ||
		      strcmp(w->name, "fork-cow") == 0))
			continue;
		lab(&r, w->name);
		for (unsigned c = 0; c < LAB_COLUMNS; c++) {
			CHECK_NUMBER(w->name, "rounds", r.cell[c].ns.count, 1);
			CHECK_TRUE(w->name,
				   r.cell[c].ns.value[0] > 0 && r.cell[c].ticks.value[0] > 0);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_operation_has_its_counts),
	cmocka_unit_test(every_workload_runs_in_all_modes),
};

GROUP_OF(bench_lab, tests);
