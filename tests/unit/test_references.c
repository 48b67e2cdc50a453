/* SPDX-License-Identifier: MIT */
/* The model of a walk's memory references, against the walk done entry by entry, and against the
 * numbers that everyone knows. */
#include "check.h"

#include "memory/references.h"

static struct reference_walk uniform(unsigned levels, unsigned page, unsigned host_levels,
				     unsigned host_page)
{
	unsigned host = references_entries(host_levels, host_page);
	struct reference_walk w = {.entries = references_entries(levels, page),
				   .reaches_page = true,
				   .host_page = (uint8_t)host};

	for (unsigned i = 0; i < w.entries; i++)
		w.host[i] = (uint8_t)host;
	return w;
}

struct known {
	const char *name;
	unsigned levels, page, host_levels, host_page;
	unsigned one, two;
};

static const struct known known[] = {
	{"4K in 4 over 4K in 4", 4, 12, 4, 12, 4, 24},
	{"4K in 5 over 4K in 5", 5, 12, 5, 12, 5, 35},
	{"4K in 5 over 4K in 4", 5, 12, 4, 12, 5, 29},
	{"4K in 4 over 4K in 5", 4, 12, 5, 12, 4, 29},
	{"2M in 4 over 4K in 4", 4, 21, 4, 12, 3, 19},
	{"4K in 4 over 2M in 4", 4, 12, 4, 21, 4, 19},
	{"2M in 4 over 2M in 4", 4, 21, 4, 21, 3, 15},
	{"1G in 4 over 4K in 4", 4, 30, 4, 12, 2, 14},
	{"1G in 4 over 1G in 4", 4, 30, 4, 30, 2, 8},
	{"1G in 5 over 1G in 5", 5, 30, 5, 30, 3, 15},
	{"2M in 5 over 4K in 5", 5, 21, 5, 12, 4, 29},
};

static void well_known_walks_cost_what_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		const struct known *k = &known[i];
		struct reference_walk w = uniform(k->levels, k->page, k->host_levels, k->host_page);

		CHECK_NUMBER(k->name, "in one dimension", references_one(&w, 0), k->one);
		CHECK_NUMBER(k->name, "in two", references_two(&w, 0), k->two);
	}
}

/* The host's walk for one GPA, the entry or the byte itself left to the caller. */
static unsigned host_walk(unsigned levels, unsigned page)
{
	unsigned n = 0;

	for (unsigned shift = 12 + 9 * (levels - 1);; shift -= 9) {
		n++;
		if (shift == page)
			return n;
	}
}

/* The whole walk, one reference at a time; the first `cached` entries are known. */
static unsigned walk_by_hand(unsigned levels, unsigned page, unsigned host_levels,
			     unsigned host_page, unsigned cached)
{
	unsigned n = 0, at = 0;

	for (unsigned shift = 12 + 9 * (levels - 1);; shift -= 9) {
		if (at++ >= cached)
			n += host_walk(host_levels, host_page) + 1;
		if (shift == page)
			return n + host_walk(host_levels, host_page);
	}
}

static void every_combination_is_as_by_hand(void **state)
{
	static const unsigned pages[] = {12, 21, 30};

	(void)state;
	for (unsigned n = 4; n <= 5; n++)
		for (unsigned m = 4; m <= 5; m++)
			for (unsigned p = 0; p < 9; p++) {
				unsigned page = pages[p % 3], host = pages[p / 3];
				struct reference_walk w = uniform(n, page, m, host);
				char name[64];

				snprintf(name, sizeof(name), "1 << %u in %u over 1 << %u in %u",
					 page, n, host, m);
				for (unsigned cached = 0; cached < w.entries; cached++) {
					CHECK_NUMBER(name, "two dimensions",
						     references_two(&w, cached),
						     walk_by_hand(n, page, m, host, cached));
					CHECK_NUMBER(name, "one", references_one(&w, cached),
						     w.entries - cached);
				}
				CHECK_NUMBER(name, "the formula",
					     references_uniform(w.entries, w.host_page),
					     references_two(&w, 0));
			}
}

static void a_walk_that_faults_looks_for_no_page(void **state)
{
	struct reference_walk w = {.entries = 2, .host = {4, 4}, .host_page = 4};

	(void)state;
	assert_int_equal(references_two(&w, 0), 10);
	assert_int_equal(references_one(&w, 0), 2);
	w = (struct reference_walk){.host_page = 4};
	assert_int_equal(references_two(&w, 0), 0);
}

static void host_pages_of_several_sizes_add_up(void **state)
{
	/* Tables on 4 KiB pages of the host, the page itself on a 1 GiB one. */
	struct reference_walk w = {
		.entries = 4, .host = {4, 4, 4, 3}, .reaches_page = true, .host_page = 2};

	(void)state;
	assert_int_equal(references_two(&w, 0), 5 + 5 + 5 + 4 + 2);
	assert_int_equal(references_two(&w, 3), 4 + 2);
	assert_int_equal(references_two(&w, 4), 2);
	assert_int_equal(references_one(&w, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_known_walks_cost_what_is_known),
		cmocka_unit_test(every_combination_is_as_by_hand),
		cmocka_unit_test(a_walk_that_faults_looks_for_no_page),
		cmocka_unit_test(host_pages_of_several_sizes_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
