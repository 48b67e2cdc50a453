/* SPDX-License-Identifier: MIT */
/*
 * Guests that go where they may not: bad selectors and addresses in every transfer, the monitor's
 * memory, its port, its selectors, and more address spaces than there are shadow tables for.
 */
#include "hostile_check.h"
#include "machine.h"
#include "machine/groups.h"

#define UD	6
#define GP	13
#define PF	14
#define WILD	"8000000000000008" /* not canonical */
#define MONITOR UINT64_C(0xffff800000000000)
#define EFAULT	UINT64_C(0xfffffffe)

/* Read, write and execute, by the kernel and by the user: nothing is there. */
#define NOTHING_AT(gva)                                                                          \
	{                                                                                        \
		{PF, 0x0, gva}, {PF, 0x2, gva}, {PF, 0x10, gva}, {PF, 0x4, gva}, {PF, 0x6, gva}, \
		{                                                                                \
			PF, 0x14, gva                                                            \
		}                                                                                \
	}

#define OUT_OF_REACH(promise, where)                                       \
	HOSTILE_TEST(promise, .words = "reach " #where, .differs = ON_PVM, \
		     .trap = NOTHING_AT(0x##where), .traps = 6)

/* The pool was too small by far, and yet all went right. */
static void pool_was_reclaimed(struct subject *s, const char *name)
{
	const struct shadow_stats stats = shadow_stats(s->m->vcpu.deprivileged->shadow);

	CHECK_TRUE(name, stats.reclaimed > 0);
	CHECK_TRUE(name, stats.frames_peak <= MIB(2) / 4096);
}

/* vtlb keeps one address space only, and so never runs out by having many. */
static void roots_were_reclaimed(struct subject *s, const char *name)
{
	if (s->m->config.strategy != PN_STRATEGY_VTLB)
		pool_was_reclaimed(s, name);
}

static const struct CMUnitTest tests[] = {
	HOSTILE_TEST(iretq_to_a_rip_that_is_not_canonical_is_a_gp, .words = "iret " WILD " 8 10",
		     .differs = ON_PVM | ON_QEMU, .trap = {{GP, 0, 0}}, .traps = 1),
	HOSTILE_TEST(iretq_to_no_descriptor_is_a_gp, .words = "iret 400000 50 10",
		     .differs = ON_PVM, .trap = {{GP, 0x50, 0}}, .traps = 1),
	HOSTILE_TEST(iretq_to_a_data_segment_is_a_gp, .words = "iret 400000 10 10",
		     .differs = ON_PVM, .trap = {{GP, 0x10, 0}}, .traps = 1),
	HOSTILE_TEST(iretq_to_the_null_selector_is_a_gp, .words = "iret 400000 0 10",
		     .trap = {{GP, 0, 0}}, .traps = 1),
	HOSTILE_TEST(iretq_past_the_gdt_is_a_gp, .words = "iret 400000 fff8 10",
		     .trap = {{GP, 0xfff8, 0}}, .traps = 1),
	HOSTILE_TEST(iretq_to_the_user_with_the_kernel_s_stack_segment_is_a_gp,
		     .words = "iret 400000 43 10", .trap = {{GP, 0x10, 0}}, .traps = 1),
	HOSTILE_TEST(iretq_to_the_user_with_no_stack_segment_is_a_gp, .words = "iret 400000 43 50",
		     .differs = ON_PVM, .trap = {{GP, 0x50, 0}}, .traps = 1),
	HOSTILE_TEST(iretq_into_the_monitor_is_a_page_fault, .words = "iret ffff800000000000 8 10",
		     .trap = {{PF, 0x10, MONITOR}}, .traps = 1),
	HOSTILE_TEST(iretq_into_the_monitor_as_the_user_is_a_page_fault,
		     .words = "iret ffff800000000000 43 3b", .differs = ON_PVM,
		     .trap = {{PF, 0x14, MONITOR}}, .traps = 1),
	/* The two that do not trap (docs/guest-rules.md): nothing changes by them. */
	HOSTILE_TEST(iretq_with_the_monitor_s_selectors_stays_where_it_was,
		     .words = "iret ffff800000000000 ff3 feb", .trap = {{PF, 0x10, MONITOR}},
		     .traps = 1, .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_far_jump_with_the_monitor_s_selector_stays_where_it_was,
		     .words = "jump-far 0 ff3", .trap = {{PF, 0x10, 0}}, .traps = 1,
		     .hw = HW_NOT_RUN),
	HOSTILE_TEST(sysret_to_a_rip_that_is_not_canonical_is_a_gp, .words = "sysret " WILD,
		     .trap = {{GP, 0, 0}}, .traps = 1, .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_far_jump_to_no_descriptor_is_a_gp, .words = "jump-far 400000 50",
		     .differs = ON_PVM, .trap = {{GP, 0x50, 0}}, .traps = 1),
	HOSTILE_TEST(a_far_jump_to_the_user_s_segment_is_a_gp, .words = "jump-far 400000 43",
		     .differs = ON_PVM, .trap = {{GP, 0x40, 0}}, .traps = 1),
	HOSTILE_TEST(a_far_call_to_a_data_segment_is_a_gp, .words = "call-far 400000 10",
		     .differs = ON_PVM, .trap = {{GP, 0x10, 0}}, .traps = 1),
	HOSTILE_TEST(ltr_of_null_is_a_gp, .words = "ltr 0", .differs = ON_QEMU,
		     .trap = {{GP, 0, 0}}, .traps = 1),
	HOSTILE_TEST(ltr_of_code_is_a_gp, .words = "ltr 8", .trap = {{GP, 8, 0}}, .traps = 1),
	HOSTILE_TEST(ltr_of_a_busy_tss_is_a_gp, .words = "ltr 18", .trap = {{GP, 0x18, 0}},
		     .traps = 1),
	HOSTILE_TEST(ltr_past_the_gdt_is_a_gp, .words = "ltr fff8", .trap = {{GP, 0xfff8, 0}},
		     .traps = 1),
	HOSTILE_TEST(lldt_of_a_tss_is_a_gp, .words = "lldt 18", .trap = {{GP, 0x18, 0}},
		     .traps = 1),
	HOSTILE_TEST(lldt_of_code_is_a_gp, .words = "lldt 8", .trap = {{GP, 8, 0}}, .traps = 1),
	/* Undefined on AMD; on Intel it comes to the guest's entry, a UD2, at the guest's CPL 0. */
	HOSTILE_TEST(sysenter_goes_no_further_than_the_guest_s_entry, .words = "sysenter",
		     .trap = {{UD, 0, 0}}, .traps = 1, .hw = HW_NOT_RUN),

	OUT_OF_REACH(the_monitor_s_code_is_out_of_reach, ffff800000000000),
	OUT_OF_REACH(the_monitor_s_mail_is_out_of_reach, ffff800000004000),
	OUT_OF_REACH(the_monitor_s_gdt_is_out_of_reach, ffff800000008000),
	OUT_OF_REACH(the_monitor_s_stack_is_out_of_reach, ffff80000000bfc8),
	OUT_OF_REACH(the_shadow_tables_are_out_of_reach, ffff800000200000),
	HOSTILE_TEST(a_jump_to_where_syscall_arrives_is_no_syscall, .words = "reach ENTRY " WILD,
		     .differs = ON_PVM, .trap = NOTHING_AT(0), .traps = 6),
	HOSTILE_TEST(an_out_to_the_monitor_s_port_is_an_out,
		     .words = "forged-trap ffff80000000bfc8", .value = {0x600d}, .values = 1),
	HOSTILE_TEST(the_same_from_the_other_stack, .words = "forged-trap ffff80000000dfc8 ffff",
		     .value = {0x600d}, .values = 1),
	HOSTILE_TEST(a_user_s_out_to_the_monitor_s_port_is_a_gp, .words = "user-ports f0 f0",
		     .trap = {{GP, 0, 0}, {GP, 0, 0}}, .traps = 2),
	HOSTILE_TEST(a_user_s_out_to_the_exit_port_is_a_gp, .words = "user-ports f4 e9",
		     .trap = {{GP, 0, 0}, {GP, 0, 0}}, .traps = 2),
	HOSTILE_TEST(a_user_s_host_call_is_a_gp, .words = "user-ports e9 504e 3",
		     .trap = {{GP, 0, 0}, {GP, 0, 0}}, .traps = 2),
	HOSTILE_TEST(the_console_shows_nothing_of_the_monitor,
		     .words = "host-call 1 ffff800000000000 10", .value = {EFAULT}, .values = 1),
	HOSTILE_TEST(the_time_is_not_stored_into_the_monitor,
		     .words = "host-call 3 ffff800000004000", .value = {EFAULT}, .values = 1),
	/* In hw mode, a kernel that shadows does not see what the host stores (docs/hosts.md). */
	HOSTILE_TEST(what_the_host_stores_over_an_entry_counts, .words = "time-over-an-entry",
		     .value = {0x105, 0}, .values = 2, .trap = {{PF, 0, HOSTILE_PAGE(21)}},
		     .traps = 1, .hw = HW_NOT_RUN),

	HOSTILE_TEST(more_address_spaces_than_the_pool_holds_run_on, .words = "spaces 12c",
		     .value = {300, 0}, .values = 2, .look = roots_were_reclaimed),
	HOSTILE_TEST(more_tables_than_the_pool_holds_run_on, .words = "sparse 2bc",
		     .value = {700, 0}, .values = 2, .look = pool_was_reclaimed),
};

GROUP_OF(hostile_reach, tests);
