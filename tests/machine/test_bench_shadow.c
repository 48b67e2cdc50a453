/* SPDX-License-Identifier: MIT */
/*
 * What shadow mode may cost, in exits: never in time. The counts are exact and the same on every
 * host, but for CLI and STI; only KVM's own depend on it.
 */
#include "bench/counts.h"
#include "fixture.h"
#include "groups.h"

#define PAGING "build/guest/paging.elf"

enum { UNSYNC, WP, VTLB, STRATEGIES };

static const struct pn_config configs[STRATEGIES] = {
	[UNSYNC] = {.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_UNSYNC},
	[WP] = {.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_WP},
	[VTLB] = {.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_VTLB},
};

static const struct pn_config hw = {.mode = PN_MODE_HW};

static const struct sandbox_options sandboxed;

static const struct count_operation *operation(const char *name)
{
	for (const struct count_operation *op = count_operations; op->name; op++)
		if (strcmp(op->name, name) == 0)
			return op;
	fail_msg("no operation %s", name);
	return NULL;
}

static struct counts_result measure(const char *name, const struct pn_config *config)
{
	struct counts_result r;
	struct pn_error err;

	if (counts_run(&r, operation(name), config, PAGING, &sandboxed, &err))
		fail_msg("%s: %s", name, err.text);
	return r;
}

static double figure(const char *name, unsigned strategy, enum count c)
{
	const struct counts_result r = measure(name, &configs[strategy]);

	return counts_figure(&r, operation(name), c);
}

/* Exits and hidden faults of one operation, in steady state, times 72: all are whole then. */
struct price {
	const char *name;
	struct {
		unsigned exits, hidden;
	} of[STRATEGIES];
};

#define TIMES 72
#define P(exits, hidden)                         \
	{                                        \
		(exits) * TIMES, (hidden)*TIMES, \
	}

static const struct price prices[] = {
	/*                unsync   wp       vtlb */
	{"syscall", {P(2, 0), P(2, 0), P(2, 0)}},
	{"iretq", {P(1, 0), P(1, 0), P(1, 0)}},
	{"cr2", {P(0, 0), P(0, 0), P(0, 0)}},
	{"invlpg", {P(1, 0), P(1, 0), P(1, 0)}},
	{"invlpg-touch", {P(1, 0), P(1, 0), P(2, 1)}},
	/* wp: of 9 stores 8 are emulated, then the table is given up for data, and found again. */
	{"store", {P(0, 0), {80, 16}, P(0, 0)}},
	{"remap", {P(1, 0), {152, 16}, P(2, 1)}},
	{"hidden", {P(1, 1), P(1, 1), P(1, 1)}},
	{"clean", {P(1, 1), P(1, 1), P(1, 1)}},
};

static void check_price(const struct price *p, unsigned strategy)
{
	const struct counts_result r = measure(p->name, &configs[strategy]);
	const struct count_operation *op = operation(p->name);
	char name[64];

	snprintf(name, sizeof(name), "%s, strategy %u", p->name, strategy);
	CHECK_NUMBER(name, "exits of 72", counts_figure(&r, op, COUNT_EXITS) * TIMES + 0.5,
		     p->of[strategy].exits);
	CHECK_NUMBER(name, "hidden faults of 72", counts_figure(&r, op, COUNT_HIDDEN) * TIMES + 0.5,
		     p->of[strategy].hidden);
}

static void each_operation_has_its_price(void **state)
{
	(void)state;
	skip_without(PAGING);
	for (size_t i = 0; i < COUNT(prices); i++)
		for (unsigned s = 0; s < STRATEGIES; s++)
			check_price(&prices[i], s);
}

/* Where ring 3 has IOPL = 3 they trap no more than in ring 0; kvm_pvm has none (docs/hosts.md). */
static void cli_and_sti_take_no_exit_where_the_host_has_iopl(void **state)
{
	struct subject *subject = *state;
	unsigned exits;

	skip_without(PAGING);
	subject_make(subject, NULL);
	exits = pn_host_paging(subject->m) == PN_PAGING_SHADOW_PVM ? 2 : 0;
	for (unsigned s = 0; s < STRATEGIES; s++)
		CHECK_NUMBER("cli", "exits", figure("cli", s, COUNT_EXITS), exits);
}

/* Delivery and IRETQ, whether the handler reads CR2 or not; wp adds the store to the leaf table. */
static void a_demand_zero_fault_takes_two_exits(void **state)
{
	static const unsigned exits[STRATEGIES] = {[UNSYNC] = 2, [WP] = 3, [VTLB] = 2};

	(void)state;
	skip_without(PAGING);
	for (unsigned s = 0; s < STRATEGIES; s++) {
		const struct count_operation *op = operation("demand");
		const struct counts_result r = measure("demand", &configs[s]);

		CHECK_NUMBER("demand", "exits", counts_figure(&r, op, COUNT_EXITS), exits[s]);
		CHECK_NUMBER("demand", "guest faults", counts_figure(&r, op, COUNT_GUEST_FAULTS),
			     1);
		CHECK_NUMBER("demand", "hidden faults", counts_figure(&r, op, COUNT_HIDDEN), 0);
		CHECK_NUMBER("demand", "table writes", counts_figure(&r, op, COUNT_TABLE_WRITES),
			     s == WP);
		CHECK_NUMBER("demand-cr2", "exits", figure("demand-cr2", s, COUNT_EXITS), exits[s]);
	}
}

/* The first round too: the shadow is empty there but for the kernel. */
static void accessed_pages_are_filled_in_around_a_fault(void **state)
{
	(void)state;
	skip_without(PAGING);
	for (unsigned s = 0; s < STRATEGIES; s++) {
		const struct count_operation *op = operation("fill");
		const struct counts_result r = measure("fill", &configs[s]);

		for (unsigned round = 0; round < COUNT_ROUNDS; round++) {
			unsigned pages = op->n * 512 * (round == 2 ? 2 : 1);

			assert_in_range(counts_exits(&r, round), 1, pages / 64 + 8);
		}
		CHECK_NUMBER("512 pages", "exits", counts_figure(&r, op, COUNT_EXITS), 1);
	}
}

/* And not under vtlb, which keeps no root: the test would pass a shadow that never drops any. */
static void eight_warm_spaces_take_one_exit_a_cr3_write(void **state)
{
	static const unsigned kept[] = {UNSYNC, WP};

	(void)state;
	skip_without(PAGING);
	for (size_t i = 0; i < COUNT(kept); i++) {
		CHECK_NUMBER("cr3", "exits", figure("cr3", kept[i], COUNT_EXITS), 1);
		CHECK_NUMBER("cr3", "hidden faults", figure("cr3", kept[i], COUNT_HIDDEN), 0);
		CHECK_NUMBER("switch", "exits", figure("switch", kept[i], COUNT_EXITS), 3);
		CHECK_NUMBER("switch", "hidden faults", figure("switch", kept[i], COUNT_HIDDEN), 0);
	}
	assert_true(figure("cr3", VTLB, COUNT_HIDDEN) >= 1);
}

static void rewriting_a_leaf_table_takes_at_most_four_exits(void **state)
{
	static const char *const names[] = {"rewrite", "rewrite-touch"};

	(void)state;
	skip_without(PAGING);
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct counts_result r = measure(names[i], &configs[UNSYNC]);
		const struct count_operation *op = operation(names[i]);

		/* Four would do; it is the first store and the flush. */
		CHECK_NUMBER(names[i], "exits", counts_figure(&r, op, COUNT_EXITS), 2);
		CHECK_NUMBER(names[i], "table writes", counts_figure(&r, op, COUNT_TABLE_WRITES),
			     0);
		/* wp emulates a few stores, and then takes the table for data. */
		assert_true(figure(names[i], WP, COUNT_EXITS) <= 12);
	}
}

/* A child copies each page, the parent opens each again: two faults a page, with an INVLPG each. */
static void a_fork_costs_six_exits_a_page(void **state)
{
	static const unsigned exits[STRATEGIES] = {[UNSYNC] = 6, [WP] = 8, [VTLB] = 6};

	(void)state;
	skip_without(PAGING);
	for (unsigned s = 0; s < STRATEGIES; s++) {
		CHECK_NUMBER("fork", "exits a page", figure("fork-page", s, COUNT_EXITS), exits[s]);
		assert_in_range(figure("fork", s, COUNT_EXITS), 4, 40);
	}
}

/* What hw mode costs the host's kernel: nothing where hardware walks both dimensions. */
static void hw_mode_has_no_exits_but_the_marks(void **state)
{
	struct subject *subject = *state;
	enum pn_paging paging;
	struct counts_result r;
	double kvm;

	skip_without(PAGING);
	subject_make(subject, NULL);
	paging = pn_host_paging(subject->m);
	r = measure("hidden", &hw);
	for (unsigned round = 0; round < COUNT_ROUNDS; round++)
		assert_int_equal(counts_exits(&r, round), 0);
	kvm = counts_figure(&r, operation("hidden"), COUNT_KVM);
	if (paging == PN_PAGING_EPT || paging == PN_PAGING_NPT)
		assert_true(kvm < 0.5);
	else
		assert_true(kvm > 0.5);
}

static void two_runs_count_the_same(void **state)
{
	static const char *const names[] = {"fork", "rewrite-touch", "switch"};
	struct counts_result r;
	struct pn_error err;

	(void)state;
	skip_without(PAGING);
	for (size_t i = 0; i < COUNT(names); i++)
		for (unsigned s = 0; s < repeats(STRATEGIES, 1); s++)
			if (counts_run_quiet(&r, 2, operation(names[i]), &configs[s], PAGING,
					     &sandboxed, &err))
				fail_msg("%s", err.text);
}

static void a_guest_that_ends_badly_is_an_error(void **state)
{
	static const struct count_operation none = {"none", "", "none", 1, ROW_EACH};
	struct counts_result r;
	struct pn_error err;

	(void)state;
	skip_without(PAGING);
	CHECK_CODE("none", counts_run(&r, &none, &configs[UNSYNC], PAGING, &sandboxed, &err),
		   PN_ERR_STATE);
	CHECK_CONTAINS("none", err.text, "status 2");
	CHECK_CONTAINS("none", err.text, "0 of 6 marks");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(each_operation_has_its_price),
	SUBJECT_TEST(cli_and_sti_take_no_exit_where_the_host_has_iopl),
	SUBJECT_TEST(a_demand_zero_fault_takes_two_exits),
	SUBJECT_TEST(accessed_pages_are_filled_in_around_a_fault),
	SUBJECT_TEST(eight_warm_spaces_take_one_exit_a_cr3_write),
	SUBJECT_TEST(rewriting_a_leaf_table_takes_at_most_four_exits),
	SUBJECT_TEST(a_fork_costs_six_exits_a_page),
	SUBJECT_TEST(hw_mode_has_no_exits_but_the_marks),
	SUBJECT_TEST(two_runs_count_the_same),
	SUBJECT_TEST(a_guest_that_ends_badly_is_an_error),
};

GROUP_OF(bench_shadow, tests);
