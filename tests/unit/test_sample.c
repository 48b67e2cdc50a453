/* SPDX-License-Identifier: MIT */
/* Medians, deviations, and how sure a ratio is. */
#include "bench/sample.h"
#include "check.h"

static struct sample sample_of(const double *value, unsigned n)
{
	struct sample s = {.count = 0};

	for (unsigned i = 0; i < n; i++)
		sample_add(&s, value[i]);
	return s;
}

static void the_figures_are_those_of_the_book(void **state)
{
	static const double odd[] = {5, 1, 100, 3, 4}, even[] = {4, 1, 3, 2};
	struct sample s = sample_of(odd, COUNT(odd));
	struct spread f = sample_spread(&s);

	(void)state;
	/* Deviations from 4: 0, 1, 1, 3, 96. */
	assert_true(f.median == 4 && f.min == 1 && f.max == 100 && f.mad == 1);
	/* They stay in their order. */
	assert_true(s.value[0] == 5 && s.value[4] == 4);
	s = sample_of(even, COUNT(even));
	f = sample_spread(&s);
	assert_true(f.median == 2.5 && f.min == 1 && f.max == 4 && f.mad == 1);
	s = sample_of(odd, 1);
	f = sample_spread(&s);
	assert_true(f.median == 5 && f.mad == 0);
	s.count = 0;
	f = sample_spread(&s);
	assert_true(f.median == 0 && f.max == 0);
}

static void past_the_last_place_they_are_dropped(void **state)
{
	struct sample s = {.count = 0};

	(void)state;
	for (unsigned i = 0; i < SAMPLE_MAX + 9; i++)
		sample_add(&s, i);
	assert_int_equal(s.count, SAMPLE_MAX);
	assert_true(sample_spread(&s).max == SAMPLE_MAX - 1);
}

static void a_ratio_without_noise_is_sure(void **state)
{
	static const double six[] = {6, 6, 6, 6, 6}, two[] = {2, 2, 2, 2, 2};
	struct sample a = sample_of(six, COUNT(six)), b = sample_of(two, COUNT(two));
	struct interval i = sample_ratio(&a, &b);

	(void)state;
	assert_true(i.low == 3 && i.high == 3);
}

/* What drifts hits both of a pair: paired, the ratio is as sure as ever. */
static void drift_is_no_noise_to_pairs(void **state)
{
	struct sample a = {.count = 0}, b = {.count = 0};
	struct interval pairs, apart;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		sample_add(&b, 100 + 10.0 * i);
		sample_add(&a, 2 * b.value[i]);
	}
	pairs = sample_ratio(&a, &b);
	apart = sample_ratio_apart(&a, &b);
	assert_true(pairs.low == 2 && pairs.high == 2);
	assert_true(apart.low < 1.8 && apart.high > 2.2);
}

/* 95 intervals in 100 hold the true ratio; of 200, chance leaves some more or fewer out. */
static void the_interval_holds_the_truth_as_often_as_it_says(void **state)
{
	uint64_t x = 42;
	unsigned held = 0;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct sample a = {.count = 0}, b = {.count = 0};
		struct interval i;

		for (unsigned k = 0; k < 25; k++) {
			/* The sum of two dice, around 7 in both: the ratio of the medians is 3. */
			double dice[2];

			for (unsigned d = 0; d < 2; d++) {
				x = x * 6364136223846793005 + 1442695040888963407;
				dice[d] = (double)(x >> 33) / 2147483648.0;
				x = x * 6364136223846793005 + 1442695040888963407;
				dice[d] += (double)(x >> 33) / 2147483648.0;
			}
			sample_add(&a, 3 * (10 + dice[0]));
			sample_add(&b, 10 + dice[1]);
		}
		i = sample_ratio_apart(&a, &b);
		held += i.low <= 3 && i.high >= 3;
	}
	if (held < 180 || held == 200)
		fail_msg("%u of 200", held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_figures_are_those_of_the_book),
		cmocka_unit_test(past_the_last_place_they_are_dropped),
		cmocka_unit_test(a_ratio_without_noise_is_sure),
		cmocka_unit_test(drift_is_no_noise_to_pairs),
		cmocka_unit_test(the_interval_holds_the_truth_as_often_as_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
