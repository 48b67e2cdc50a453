/* SPDX-License-Identifier: MIT */
/* Guests that take away what their own exceptions need, fault for ever, or scribble over RAM. */
#include "hostile_check.h"
#include "machine/groups.h"
#include "machine/process.h"

#define UD	6
#define DF	8
#define PF	14
#define WILD	"8000000000000008" /* not canonical */
#define HANDLER HOSTILE_PAGE(33)

static struct process process, *const p = &process;

static const char *const modes[][2] = {
	{"--mmu=shadow", "--shadow-strategy=vtlb"},
	{"--mmu=shadow", "--shadow-strategy=wp"},
	{"--mmu=shadow", "--shadow-strategy=unsync"},
	{"--mmu=hw", "--shadow-strategy=unsync"},
};

static const char *const for_ever[] = {"fault-for-ever", "mend-for-ever"};

static void a_fault_without_end_ends_by_the_time_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(modes) * COUNT(for_ever); i++) {
		const char *const *mode = modes[i / COUNT(for_ever)];

		RUN(p, "run", repeats(1, 0) ? "--timeout=0.3" : "--timeout=0.1", mode[0], mode[1],
		    HOSTILE, "--", for_ever[i % COUNT(for_ever)]);
		expect_failure(p, mode[1], 124, "time");
	}
}

static void a_fault_without_end_ends_by_the_limit_of_exits(void **state)
{
	(void)state;
	for (size_t i = 0; i < (COUNT(modes) - 1) * COUNT(for_ever); i++) {
		const char *const *mode = modes[i / COUNT(for_ever)];

		RUN(p, "run", "--timeout=60", "--max-exits=500", mode[0], mode[1], HOSTILE, "--",
		    for_ever[i % COUNT(for_ever)]);
		expect_failure(p, mode[1], 124, "500 exits");
	}
}

/* Which end it is, the host's TLB decides: the tables are gone, but perhaps not from there. */
static void a_guest_that_scribbles_over_itself_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		RUN(p, "run", "--timeout=1", "--mem=8M", modes[i][0], modes[i][1], HOSTILE, "--",
		    "scribble-all");
		if (p->status != 127 && p->status != 124)
			fail_msg("%s %s: status %d: %s%s", modes[i][0], modes[i][1], p->status,
				 p->out, p->err);
	}
}

/* The summary tells the host's own counts; the report page's are the guest's word. */
static void the_summary_of_a_scribbled_guest_is_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		RUN(p, "run", "--timeout=60", "--mem=8M", "--stats", modes[i][0], modes[i][1],
		    HOSTILE, "--", "scribble");
		CHECK_NUMBER(modes[i][1], "status", p->status, 7);
		CHECK_CONTAINS(modes[i][1], p->err, modes[i][0] + strlen("--mmu="));
		CHECK_CONTAINS(modes[i][1], p->err, "faults 9223372036854775807");
	}
}

static const struct CMUnitTest tests[] = {
	HOSTILE_TEST(without_its_idt_an_exception_is_a_triple_fault, .words = "no-idt",
		     .end = PN_END_DIED, .says = "triple fault"),
	HOSTILE_TEST(without_its_gdt_an_exception_is_a_triple_fault, .words = "no-gdt",
		     .end = PN_END_DIED, .says = "triple fault"),
	HOSTILE_TEST(without_its_tss_the_kernel_still_has_its_exceptions, .words = "no-tss 0",
		     .trap = {{UD, 0, 0}}, .traps = 1),
	HOSTILE_TEST(without_its_tss_the_user_s_exception_is_a_triple_fault, .words = "no-tss 1",
		     .end = PN_END_DIED, .says = "triple fault", .trap = {{UD, 0, 0}}, .traps = 1),
	HOSTILE_TEST(a_handler_that_is_not_mapped_is_a_page_fault_there, .words = "no-handler",
		     .trap = {{PF, 0x10, HANDLER}}, .traps = 1),
	HOSTILE_TEST(without_a_page_fault_handler_the_double_fault_s_comes,
		     .words = "no-page-fault-handler 0", .trap = {{DF, 0, 0}}, .traps = 1),
	HOSTILE_TEST(without_that_one_it_is_a_triple_fault, .words = "no-page-fault-handler 1",
		     .end = PN_END_DIED, .says = "triple fault"),
	HOSTILE_TEST(without_a_stack_the_double_fault_has_its_own, .words = "no-stack 0",
		     .trap = {{DF, 0, 0}}, .traps = 1),
	HOSTILE_TEST(without_a_stack_or_one_of_its_own_it_is_a_triple_fault, .words = "no-stack 1",
		     .end = PN_END_DIED, .says = "triple fault"),
	HOSTILE_TEST(without_both_stacks_it_is_a_triple_fault, .words = "no-stack 2",
		     .end = PN_END_DIED, .says = "triple fault"),
	HOSTILE_TEST(an_exception_s_frame_in_no_memory_slot_ends_the_run,
		     .words = "no-stack 0 0 d0000003", .end = PN_END_DIED,
		     .says = "guest wrote GPA 0xd00007", .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_stack_that_is_not_canonical_is_a_double_fault, .words = "no-stack 0 " WILD,
		     .trap = {{DF, 0, 0}}, .traps = 1),
	HOSTILE_TEST(a_stack_that_is_not_canonical_and_no_other_is_a_triple_fault,
		     .words = "no-stack 1 " WILD, .end = PN_END_DIED, .says = "triple fault"),
	HOSTILE_TEST(without_the_tss_s_stack_the_user_s_exception_is_a_double_fault,
		     .words = "no-rsp0", .trap = {{DF, 0, 0}}, .traps = 1),
	HOSTILE_TEST(a_tss_s_stack_that_is_not_canonical_is_a_double_fault,
		     .words = "no-rsp0 " WILD, .trap = {{DF, 0, 0}}, .traps = 1),
	HOSTILE_TEST(patched_text_runs_as_patched, .words = "patch-text", .value = {32},
		     .values = 1),
	HOSTILE_TEST(a_guest_may_scribble_over_all_but_itself, .words = "scribble", .ram = MIB(8),
		     .status = 7, .value = {MIB(8)}, .values = 1),
	cmocka_unit_test(a_fault_without_end_ends_by_the_time_limit),
	cmocka_unit_test(a_fault_without_end_ends_by_the_limit_of_exits),
	cmocka_unit_test(a_guest_that_scribbles_over_itself_ends),
	cmocka_unit_test(the_summary_of_a_scribbled_guest_is_right),
};

GROUP_OF(hostile_self, tests);
