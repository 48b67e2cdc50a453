/* SPDX-License-Identifier: MIT */
/*
 * MOV from CR2, which in shadow mode the monitor does without an exit: to each register, and where
 * the text, the privilege, the flags or the page behind it have changed since it was last seen.
 */
#include "hostile_check.h"
#include "machine/groups.h"
#include "machine/process.h"

#include <stdlib.h>

#define DB   1
#define GP   13
#define PF   14
#define NEXT HOSTILE_PAGE(51)
#define PAE  0x20

static struct process process, *const p = &process;

/* Most kicks come while the monitor is at it: the guest does nothing else. */
static void changes_of_mode_lose_nothing_of_it(void **state)
{
	(void)state;
	RUN(p, "run", "--timeout=110", "--toggle-every=1ms", "--mmu=shadow", HOSTILE, "--",
	    "cr2-registers", getenv("PENUMBRA_RIG") ? "10" : "50");
	CHECK_NUMBER("status", "wrong registers", p->status, 0);
}

static const struct CMUnitTest tests[] = {
	HOSTILE_TEST(cr2_goes_to_each_register_and_to_no_other, .words = "cr2-registers 2",
		     .value = {0}, .values = 1),
	HOSTILE_TEST(patched_text_is_another_instruction, .words = "cr2-patched",
		     .value = {0x5000, 0x5000, 0x5000, PAE, 0x5000, 0x5000, 0x5000, PAE},
		     .values = 8),
	HOSTILE_TEST(the_user_may_not_where_the_kernel_may, .words = "cr2-both",
		     .trap = {{GP, 0, 0}, {GP, 0, 0}}, .traps = 2,
		     .value = {0x7000, 0x7000, 0x7000, 0x7000}, .values = 4),
	HOSTILE_TEST(a_step_ends_behind_it, .words = "cr2-stepped", .trap = {{DB, 0, 0}},
		     .traps = 1, .value = {0}, .values = 1),
	HOSTILE_TEST(the_page_behind_it_may_be_gone, .words = "cr2-page-end",
		     .trap = {{PF, 0x10, NEXT}, {PF, 0x10, NEXT}}, .traps = 2),
	cmocka_unit_test(changes_of_mode_lose_nothing_of_it),
};

GROUP_OF(cr2, tests);
