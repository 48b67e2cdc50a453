/* SPDX-License-Identifier: MIT */
/* The figures of a row out of its rounds. */
#include "bench/counts.h"
#include "check.h"

static struct counts_result rounds(uint64_t warm, uint64_t once, uint64_t twice)
{
	struct counts_result r;

	memset(&r, 0, sizeof(r));
	for (unsigned c = 0; c < COUNTS; c++) {
		r.round[0].n[c] = warm * (c + 1);
		r.round[1].n[c] = once * (c + 1);
		r.round[2].n[c] = twice * (c + 1);
	}
	return r;
}

static void a_difference_is_taken_counter_by_counter(void **state)
{
	struct counts before, after, d;

	(void)state;
	for (unsigned c = 0; c < COUNTS; c++) {
		before.n[c] = 100 * c;
		after.n[c] = 100 * c + 7 + c;
	}
	d = counts_between(&before, &after);
	for (unsigned c = 0; c < COUNTS; c++)
		assert_int_equal(d.n[c], 7 + c);
}

/* A round that costs 5 by itself and 3 an operation. */
static void what_a_round_costs_by_itself_cancels(void **state)
{
	static const struct count_operation each = {"", "", "", 64, ROW_EACH};
	const struct counts_result r = rounds(9999, 5 + 3 * 64, 5 + 3 * 128);

	(void)state;
	for (unsigned c = 0; c < COUNTS; c++)
		assert_true(counts_figure(&r, &each, c) == 3.0 * (c + 1));
}

static void a_cost_below_one_is_not_rounded(void **state)
{
	static const struct count_operation each = {"", "", "", 64, ROW_EACH};
	const struct counts_result r = rounds(0, 10, 11);

	(void)state;
	assert_true(counts_figure(&r, &each, COUNT_EXITS) == 1.0 / 64);
}

/* KVM's own may come out below 0: the host disturbs them. */
static void a_cost_below_nothing_is_shown_as_it_is(void **state)
{
	static const struct count_operation each = {"", "", "", 2, ROW_EACH};
	const struct counts_result r = rounds(0, 11, 10);

	(void)state;
	assert_true(counts_figure(&r, &each, COUNT_EXITS) == -0.5);
}

static void a_run_s_own_cost_is_without_its_mark(void **state)
{
	static const struct count_operation per_run = {"", "", "", 64, ROW_PER_RUN};
	/* 1 for the mark, 17 for the run, 6 a page. */
	const struct counts_result r = rounds(0, 18 + 6 * 64, 18 + 6 * 128);

	(void)state;
	assert_true(counts_figure(&r, &per_run, COUNT_EXITS) == 17);
	/* The mark is an exit, and nothing else. */
	assert_true(counts_figure(&r, &per_run, COUNT_HIDDEN) == 2 * 18);
	assert_int_equal(counts_exits(&r, 1), 17 + 6 * 64);
}

static void every_operation_has_a_name_words_and_a_count(void **state)
{
	unsigned i = 0;

	(void)state;
	for (; count_operations[i].name; i++) {
		const struct count_operation *op = &count_operations[i];

		CHECK_TRUE(op->name, strlen(op->words) <= 22 && op->guest && op->n > 0);
		for (unsigned k = 0; k < i; k++)
			CHECK_TRUE(op->name, strcmp(op->name, count_operations[k].name) != 0);
	}
	assert_true(i > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_difference_is_taken_counter_by_counter),
		cmocka_unit_test(what_a_round_costs_by_itself_cancels),
		cmocka_unit_test(a_cost_below_one_is_not_rounded),
		cmocka_unit_test(a_cost_below_nothing_is_shown_as_it_is),
		cmocka_unit_test(a_run_s_own_cost_is_without_its_mark),
		cmocka_unit_test(every_operation_has_a_name_words_and_a_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
