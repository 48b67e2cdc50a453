/* SPDX-License-Identifier: MIT */
/*
 * Random guests against walk(): tables that point anywhere, edited through the guest's own mappings
 * or by the emulator, flushed or not, used in every view, under each strategy, format and size of
 * pool. Each access must end as walk() says; where a strategy may lag behind, as it said at some
 * time since the flush that would have covered it, and not otherwise. Audit after each step.
 */
#include "shadow_steps.h"

#include <stdlib.h>

/* A guest's format, and the real tables under it. */
struct how {
	const struct pt_format *format;
	unsigned levels;
	bool pdptrs;
};

static unsigned run(enum shadow_strategy strategy, const struct how *how, unsigned frames,
		    unsigned steps, uint64_t seed)
{
	struct random_guest *g = calloc(1, sizeof(*g));
	unsigned reached;

	assert_non_null(g);
	g->state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	machine_init_on(&g->m, how->levels, strategy, how->format, frames);
	g->m.has_tlb = seed % 2;
	step_windows(g);
	g->m.regs.pdptrs_valid = how->pdptrs;
	step_load(g);
	for (unsigned n = 0; n < 400; n++)
		step_store(g);
	for (unsigned n = 0; n < steps; n++) {
		step_any(g);
		machine_audit(&g->m);
	}
	reached = g->reached;
	if (getenv("SHADOW_TEST_STATS"))
		print_message(
			"%s %s on %u, %u frames, seed %llu: %u reached, %u stale, %u refused, "
			"reclaimed %llu, splits %llu, unsyncs %llu\n",
			shadow_strategy_name(strategy), how->format->name, how->levels, frames,
			(unsigned long long)seed, g->reached, g->stale, g->refused,
			(unsigned long long)shadow_stats(g->m.shadow).reclaimed,
			(unsigned long long)shadow_stats(g->m.shadow).splits,
			(unsigned long long)shadow_stats(g->m.shadow).unsyncs);
	machine_fini(&g->m);
	free(g);
	return reached;
}

static void differential(enum shadow_strategy strategy)
{
	static const struct how how[] = {
		{&pt_format_4level, 4, false}, {&pt_format_2level, 4, false},
		{&pt_format_pae, 4, false},    {&pt_format_pae, 4, true},
		{&pt_format_5level, 5, false}, {&pt_format_4level, 5, false},
		{&pt_format_pae, 5, true},     {&pt_format_2level, 5, false},
	};
	const char *more = getenv("SHADOW_TEST_SEEDS");
	unsigned seeds = more ? (unsigned)atoi(more) : 3;

	for (unsigned seed = 1; seed <= seeds; seed++)
		for (unsigned i = 0; i < COUNT(how); i++) {
			run(strategy, &how[i], 32, 3000, seed);
			assert_true(run(strategy, &how[i], 120, 1500, seed));
		}
}

static void vtlb_agrees_with_walk(void **state)
{
	(void)state;
	differential(SHADOW_VTLB);
}

static void wp_agrees_with_walk(void **state)
{
	(void)state;
	differential(SHADOW_WP);
}

static void unsync_agrees_with_walk(void **state)
{
	(void)state;
	differential(SHADOW_UNSYNC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vtlb_agrees_with_walk),
		cmocka_unit_test(wp_agrees_with_walk),
		cmocka_unit_test(unsync_agrees_with_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
