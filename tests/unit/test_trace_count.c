/* SPDX-License-Identifier: MIT */
/* What a summary counts with: histograms beside a sort, tallies beside an array. */
#include "check.h"

#include "trace/histogram.h"
#include "trace/tally.h"

#include <stdlib.h>

static uint64_t seed = 1;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The least value that part/of of the values do not exceed. */
static uint32_t true_percentile(const uint32_t *sorted, size_t count, unsigned part, unsigned of)
{
	size_t rank = (count * part + of - 1) / of;

	return sorted[rank ? rank - 1 : 0];
}

/* Distributions: where costs lie. */
static uint32_t small(void)
{
	return (uint32_t)(next_random() % 64);
}

static uint32_t usual(void)
{
	return (uint32_t)(900 + next_random() % 3000);
}

static uint32_t wide(void)
{
	return (uint32_t)(next_random() >> (32 + next_random() % 32));
}

static uint32_t rarely_long(void)
{
	return next_random() % 50 ? usual() : UINT32_MAX - (uint32_t)(next_random() % 5);
}

static uint32_t same(void)
{
	return 12345;
}

struct distribution {
	const char *name;
	uint32_t (*draw)(void);
	size_t count;
};

static const struct distribution distributions[] = {
	{"one", usual, 1},	     {"two", wide, 2},	     {"three", small, 3},
	{"small", small, 5000},	     {"usual", usual, 5000}, {"wide", wide, 50000},
	{"rare", rarely_long, 5000}, {"same", same, 100},
};

static const struct {
	unsigned part, of;
} percentiles[] = {{0, 100}, {1, 100}, {50, 100}, {90, 100}, {99, 100}, {999, 1000}, {1, 1}};

static void percentiles_are_a_sort_s_to_one_part_in_32(void **state)
{
	static uint32_t value[50000];

	(void)state;
	for (size_t d = 0; d < COUNT(distributions); d++) {
		const struct distribution *of = &distributions[d];
		struct histogram *h = calloc(1, sizeof(*h));
		uint64_t sum = 0;

		assert_non_null(h);
		for (size_t i = 0; i < of->count; i++) {
			value[i] = of->draw();
			sum += value[i];
			histogram_add(h, value[i]);
		}
		qsort(value, of->count, sizeof(value[0]), by_value);
		CHECK_NUMBER(of->name, "max", h->max, value[of->count - 1]);
		CHECK_NUMBER(of->name, "sum", h->sum, sum);
		CHECK_NUMBER(of->name, "count", h->count, of->count);
		for (size_t i = 0; i < COUNT(percentiles); i++) {
			uint32_t want = true_percentile(value, of->count, percentiles[i].part,
							percentiles[i].of);
			uint32_t got =
				histogram_percentile(h, percentiles[i].part, percentiles[i].of);

			if (got < want || got - want > want / 32)
				fail_msg("%s: p%u/%u is %u, and not %u", of->name,
					 percentiles[i].part, percentiles[i].of, got, want);
		}
		free(h);
	}
}

/* Every bucket: its borders are where the next begins, up to the last value there is. */
static void every_value_alone_is_its_own_percentile(void **state)
{
	static struct histogram h;

	(void)state;
	for (unsigned bit = 0; bit < 32; bit++)
		for (int64_t off = -2; off <= 2; off++) {
			uint32_t value = (uint32_t)(((int64_t)1 << bit) + off);

			memset(&h, 0, sizeof(h));
			histogram_add(&h, value);
			assert_int_equal(histogram_percentile(&h, 50, 100), value);
		}
}

static void an_empty_histogram_has_no_percentile(void **state)
{
	static const struct histogram h;

	(void)state;
	assert_int_equal(histogram_percentile(&h, 50, 100), 0);
}

/* --- Tallies --- */

#define KEYS 200

static void a_tally_counts_as_an_array_does(void **state)
{
	uint64_t count[KEYS] = {0}, sum[KEYS] = {0}, before = UINT64_MAX;
	struct tally t;

	(void)state;
	assert_true(tally_init(&t, 8));
	for (unsigned i = 0; i < 20000; i++) {
		/* Squared: some keys come much more often. */
		uint64_t r = next_random() % KEYS, k = r * r / KEYS;

		count[k]++;
		sum[k] += i;
		tally_add(&t, k << 12, i);
	}
	tally_sort_by_count(&t);
	assert_int_equal(t.rest, 0);
	for (size_t i = 0; i < t.used; i++) {
		const struct tally_entry *e = &t.entry[i];

		assert_int_equal(e->count, count[e->key >> 12]);
		assert_int_equal(e->sum, sum[e->key >> 12]);
		assert_true(e->count <= before);
		before = e->count;
		count[e->key >> 12] = 0;
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(count[i], 0);
	tally_fini(&t);
}

static void a_full_tally_keeps_what_it_has_and_counts_the_rest(void **state)
{
	struct tally t;

	(void)state;
	assert_true(tally_init(&t, 4));
	for (unsigned round = 0; round < 3; round++)
		for (uint64_t k = 0; k < 40; k++)
			tally_add(&t, k, 0);
	assert_int_equal(t.used, 16);
	assert_int_equal(t.rest, 3 * 24);
	tally_sort_by_key(&t);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(t.entry[i].key, i);
		assert_int_equal(t.entry[i].count, 3);
	}
	tally_clear(&t);
	assert_int_equal(t.used, 0);
	tally_add(&t, UINT64_MAX, 7);
	tally_add(&t, 0, 8);
	tally_sort_by_key(&t);
	assert_int_equal(t.used, 2);
	assert_int_equal(t.entry[1].key, UINT64_MAX);
	assert_int_equal(t.entry[1].sum, 7);
	tally_fini(&t);
}

/* Keys made to fall on one place cost a bounded time each, and are counted as the rest. */
static void keys_that_collide_are_counted_as_the_rest(void **state)
{
	struct tally t;
	uint64_t added = 0, found = 0;

	(void)state;
	assert_true(tally_init(&t, 12));
	/* Multiples of 2^51 leave no bit of the product below; the shift leaves few. */
	for (uint64_t k = 0; k < 4096; k++, added++)
		tally_add(&t, k << 52, 0);
	tally_sort_by_count(&t);
	for (size_t i = 0; i < t.used; i++)
		found += t.entry[i].count;
	assert_int_equal(found + t.rest, added);
	assert_true(t.rest > 0);
	tally_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_a_sort_s_to_one_part_in_32),
		cmocka_unit_test(every_value_alone_is_its_own_percentile),
		cmocka_unit_test(an_empty_histogram_has_no_percentile),
		cmocka_unit_test(a_tally_counts_as_an_array_does),
		cmocka_unit_test(a_full_tally_keeps_what_it_has_and_counts_the_rest),
		cmocka_unit_test(keys_that_collide_are_counted_as_the_rest),
	};

	return cmocka_run_group_tests_name("trace-count", tests, NULL, NULL);
}
