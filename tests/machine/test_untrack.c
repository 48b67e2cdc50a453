/* SPDX-License-Identifier: MIT */
/*
 * Stores to page tables by instructions that the emulator does not know: SSE. To what was a table
 * once they come through; where the table is in use for the store itself, the run ends and says so.
 */
#include "fixture.h"
#include "groups.h"

/* Free RAM: two tables, and pages that they map at WINDOW + 2 MiB and 4 MiB. */
#define A      "300000"
#define B      "301000"
#define PAGE_1 "302003"
#define PAGE_2 "303003"
#define AT_A   "8000200000"
#define AT_B   "8000400000"

static const struct pn_config tracking[] = {
	{.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_WP},
	{.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_UNSYNC},
};

/* Puts PAGE_1 and PAGE_2 behind A, so that it is a table in use. */
#define USE_A \
	"map 0 300000 w8 " A " " PAGE_1 " w8 302000 1111 w8 303000 2222 table 0 " A " r8 " AT_A " "

static void a_former_table_takes_sse_stores(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(tracking); i++) {
		struct script_result r[12];

		/* The table is still in place: what is stored counts from the flush on. */
		subject_pass(s, &tracking[i],
			     USE_A "sse " A " " PAGE_2 " r8 " A " r8 300008 table 0 " A " r8 " AT_A
				   " sse 300ff8 4444 r8 301000");
		subject_results(s, r, 12);
		CHECK_NUMBER("before", "value", r[5].value, 0x1111);
		CHECK_NUMBER("sse", "trap", r[6].trap, SCRIPT_NO_TRAP);
		CHECK_NUMBER("entry", "value", r[7].value, 0x303003);
		CHECK_NUMBER("entry", "value", r[8].value, 0x303003);
		CHECK_NUMBER("after", "value", r[10].value, 0x2222);
		CHECK_NUMBER("across", "trap", r[11].trap, SCRIPT_NO_TRAP);
		subject_unmake(s);
	}
}

/* Entry 1 of A maps A itself. */
static void a_store_by_way_of_its_own_table_ends_the_run(void **state)
{
	struct subject *s = *state;

	subject_script(s, &tracking[0], USE_A "w8 300008 300003 sse 8000201000 " PAGE_2);
	assert_int_equal(subject_run(s), PN_END_DIED);
	CHECK_CONTAINS("reason", s->result.reason, "instruction not emulated (movaps");
	CHECK_CONTAINS("reason", s->result.reason, "do_sse");
}

/* Half of the store needs A and goes to B, half needs B and goes to A. */
static void two_tables_in_each_others_way_end_the_run(void **state)
{
	struct subject *s = *state;

	subject_script(s, &tracking[0],
		       USE_A "table 1 " B " w8 300ff8 301003 w8 301000 300003 sse 80003ffff8 5555");
	assert_int_equal(subject_run(s), PN_END_DIED);
	CHECK_CONTAINS("reason", s->result.reason, "instruction not emulated (movups");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(a_former_table_takes_sse_stores),
	SUBJECT_TEST(a_store_by_way_of_its_own_table_ends_the_run),
	SUBJECT_TEST(two_tables_in_each_others_way_end_the_run),
};

GROUP_OF(untrack, tests);
