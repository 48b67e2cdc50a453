/* SPDX-License-Identifier: MIT */
/* Guests with five paging levels in shadow mode: its tables have five then, the monitor's slot too. */
#include "fixture.h"
#include "groups.h"
#include "machine.h"
#include "process.h"
#include "x86.h"

#define PAGELAB	     "build/guest/pagelab.elf"
#define PAGELAB_HIGH "build/guest/pagelab-high.elf"

static struct process process, *const p = &process;

static const char *const strategies[] = {"vtlb", "wp", "unsync"};

/* One line tells where the host has four, in both modes. */
static void skip_without_la57(void)
{
	RUN(p, "run", "--levels=5", SCRIPT, "--", "exit", "3");
	if (p->status == 3)
		return;
	expect_failure(p, "--levels=5", 126, "five paging levels");
	RUN(p, "run", "--levels=5", "--mmu=shadow", SCRIPT, "--", "exit", "3");
	expect_failure(p, "--levels=5 --mmu=shadow", 126, "five paging levels");
	print_message("skipped: this host has four paging levels\n");
	skip();
}

static void check_pagelab(const char *guest, const char *mmu, const char *strategy,
			  const char *toggle)
{
	char with[64];

	snprintf(with, sizeof(with), "--shadow-strategy=%s", strategy);
	RUN(p, "run", "--timeout=100", "--levels=5", mmu, with, toggle, guest, "--", "all");
	if (p->status != 0)
		fail_msg("%s %s %s %s: status %d: %s%s", guest, mmu, strategy, toggle, p->status,
			 p->out, p->err);
	CHECK_CONTAINS(strategy, p->out, "all      ok  workloads=10 failed=0");
}

static void every_workload_passes_on_five_levels(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	skip_without_la57();
	for (size_t i = 0; i < COUNT(strategies); i++) {
		check_pagelab(PAGELAB, "--mmu=shadow", strategies[i], "--audit=8");
		check_pagelab(PAGELAB_HIGH, "--mmu=shadow", strategies[i], "--audit=8");
	}
}

static void a_guest_of_five_levels_changes_modes(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	skip_without_la57();
	for (size_t i = 0; i < COUNT(strategies); i++) {
		check_pagelab(PAGELAB, "--mmu=hw", strategies[i], "--toggle-every=1");
		check_pagelab(PAGELAB, "--mmu=shadow", strategies[i], "--toggle-every=3");
	}
}

/* Addresses that only five levels have, in neither's tables: the same exceptions in both modes. */
static void the_real_tables_have_five_levels(void **state)
{
	static const struct {
		const char *script;
		uint64_t trap;
	} reads[] = {
		{"r8 ff00000000000000", 14}, /* the monitor's */
		{"r8 00ffffffffffff00", 14}, {"r8 0001000000000000", 14},
		{"r8 ffff800000000000", 14}, {"r8 0100000000000000", 13},
		{"r8 feffffffffffff00", 13},
	};
	static const enum pn_mode modes[] = {PN_MODE_HW, PN_MODE_SHADOW};
	struct subject *s = *state;

	skip_without_la57();
	for (size_t i = 0; i < COUNT(modes) * COUNT(reads); i++) {
		const struct pn_config config = {.mode = modes[i % 2], .levels = 5};
		struct script_result r;

		subject_pass(s, &config, reads[i / 2].script);
		subject_results(s, &r, 1);
		CHECK_NUMBER(reads[i / 2].script, "trap", r.trap, reads[i / 2].trap);
		assert_true(vcpu_sregs(&s->m->vcpu)->cr4 & CR4_LA57);
		if (config.mode == PN_MODE_SHADOW)
			assert_int_equal(s->m->vcpu.deprivileged->area.base,
					 UINT64_C(0xff00000000000000));
		subject_unmake(s);
	}
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(every_workload_passes_on_five_levels),
	SUBJECT_TEST(a_guest_of_five_levels_changes_modes),
	SUBJECT_TEST(the_real_tables_have_five_levels),
};

GROUP_OF(levels, tests);
