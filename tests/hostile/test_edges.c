/* SPDX-License-Identifier: MIT */
/* Guests that go where nothing is, and over the edges of pages. */
#include "hostile_check.h"
#include "machine/groups.h"

#define UD     6
#define PF     14
#define SECOND HOSTILE_PAGE(51)
#define HOLE   "GPA 0xd0000"

/* One instruction after the other at a GPA where no memory is; number, and what it says it did. */
#define WILD(promise, number, did)                                                               \
	HOSTILE_TEST(promise, .words = "wild-gpa " number, .end = PN_END_DIED, .says = did HOLE, \
		     .hw = HW_END)

static const struct CMUnitTest tests[] = {
	/* 65536 ports by 0x7ff, none of them Penumbra's: five accesses each. */
	HOSTILE_TEST(a_port_where_nobody_is_reads_ones, .words = "wild-ports 7ff",
		     .value = {33 * 5}, .values = 1),
	HOSTILE_TEST(a_string_from_a_port_faults_where_its_page_ends,
		     .words = "ports-over-the-edge", .trap = {{PF, 2, SECOND}}, .traps = 1,
		     .value = {UINT64_MAX}, .values = 1),

	WILD(a_byte_read_where_no_memory_is_ends_the_run, "0", "read "),
	WILD(a_word_written_where_no_memory_is_ends_the_run, "1", "wrote "),
	WILD(a_quadword_at_a_page_s_end_ends_the_run, "2", "wrote "),
	WILD(an_exchange_where_no_memory_is_ends_the_run, "3", ""),
	WILD(a_locked_add_where_no_memory_is_ends_the_run, "4", ""),
	WILD(a_string_from_where_no_memory_is_ends_the_run, "5", "read "),
	WILD(a_string_to_where_no_memory_is_ends_the_run, "6", "wrote "),
	WILD(a_byte_extended_where_no_memory_is_ends_the_run, "7", "read "),
	WILD(a_read_half_of_memory_half_of_none_ends_the_run, "8", "read "),
	WILD(a_write_half_to_memory_half_to_none_ends_the_run, "9", "wrote "),
	WILD(a_pop_where_no_memory_is_ends_the_run, "a", "read "),
	WILD(a_test_where_no_memory_is_ends_the_run, "b", "read "),

	HOSTILE_TEST(a_gdt_where_no_memory_is_ends_the_run, .words = "wild-table 0",
		     .end = PN_END_DIED, .says = HOLE, .hw = HW_NOT_RUN),
	/* Nothing drives the bus: gates of ones, which name no descriptor. */
	HOSTILE_TEST(an_idt_where_no_memory_is_is_a_triple_fault, .words = "wild-table 1",
		     .end = PN_END_DIED, .says = "triple fault", .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_tss_where_no_memory_is_ends_the_run, .words = "wild-table 2",
		     .end = PN_END_DIED, .says = HOLE, .hw = HW_NOT_RUN),

	HOSTILE_TEST(an_exception_fits_below_the_last_byte_of_memory, .words = "last-byte 0",
		     .trap = {{UD, 0, 0}}, .traps = 1),
	HOSTILE_TEST(a_pop_over_the_last_byte_of_memory_ends_the_run, .words = "last-byte 1",
		     .end = PN_END_DIED, .says = HOLE, .hw = HW_END),
	HOSTILE_TEST(a_pop_over_the_last_byte_that_is_mapped_is_a_page_fault,
		     .words = "last-byte 2", .trap = {{PF, 0, SECOND}}, .traps = 1),
	/* The boot tables map the last 2 GiB of the address space onto the first of memory. */
	HOSTILE_TEST(an_exception_on_a_stack_at_0_goes_to_the_top_of_all,
		     .words = "stack-at-zero 0", .end = PN_END_DIED, .says = "wrote GPA 0x7fffffd8",
		     .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_call_on_a_stack_at_0_goes_to_the_top_of_all, .words = "stack-at-zero 1",
		     .end = PN_END_DIED, .says = "wrote GPA 0x7ffffff8", .hw = HW_END),

	HOSTILE_TEST(text_patched_in_its_second_page_runs_as_patched,
		     .words = "code-over-the-edge 0", .value = {32}, .values = 1),
	HOSTILE_TEST(text_whose_second_page_is_exchanged_runs_as_exchanged,
		     .words = "code-over-the-edge 1", .value = {32}, .values = 1),
	HOSTILE_TEST(the_user_s_text_over_two_pages_runs_as_patched,
		     .words = "user-code-over-the-edge",
		     .trap = {{UD, 0, 0}, {UD, 0, 0}, {UD, 0, 0}, {UD, 0, 0}}, .traps = 4,
		     .value = {4}, .values = 1),
	HOSTILE_TEST(half_an_instruction_is_a_page_fault_of_its_second_page,
		     .words = "half-an-instruction",
		     .trap = {{PF, 0x10, SECOND}, {PF, 0x14, SECOND}}, .traps = 2),
};

GROUP_OF(hostile_edges, tests);
