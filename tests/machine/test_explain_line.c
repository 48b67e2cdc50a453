/* SPDX-License-Identifier: MIT */
/* The command line of `penumbra explain`: what it refuses, and its time limit. */
#include "fixture.h"
#include "groups.h"
#include "process.h"

static struct process process, *const p = &process;

struct refusal {
	const char *arguments[6];
	const char *says;
};

static const struct refusal refusals[] = {
	{{"explain"}, "which address"},
	{{"explain", SCRIPT}, "which address"},
	{{"explain", "--gva=0"}, "which guest"},
	{{"explain", "--gva=", SCRIPT}, "address or a symbol"},
	{{"explain", "--gva=nowhere", SCRIPT}, "--gva=nowhere: neither"},
	{{"explain", "--gva=0x1000000000000000000", SCRIPT}, "neither"},
	{{"explain", "--gva=0", "--at=nowhere", SCRIPT}, "--at=nowhere: neither"},
	{{"explain", "--gva=0", "--at=0x7000000000", SCRIPT}, "no code of the guest's"},
	{{"explain", "--gva=0", "--at=mark:0", SCRIPT}, "mark:N"},
	{{"explain", "--gva=0", "--at=mark:x", SCRIPT}, "mark:N"},
	{{"explain", "--gva=0", "--at=", SCRIPT}, "mark:N"},
	{{"explain", "--gva=0", "--at=exit:1", SCRIPT}, "mark:N"},
	{{"explain", "--gva=0", "--at=mark:9", SCRIPT}, "never came to the point"},
	{{"explain", "--gva=0", "--at=do_triple", SCRIPT}, "never came to the point"},
	{{"explain", "--gva=0", "--at=fault:1", SCRIPT}, "--mmu=shadow"},
	{{"explain", "--at=fault:1", "--mmu=hw", SCRIPT}, "--mmu=shadow"},
	{{"explain", "--gva=0", "--access=rw", SCRIPT}, "r, w or x"},
	{{"explain", "--gva=0", "--mmu=ept", SCRIPT}, "hw or shadow"},
	{{"explain", "--gva=0", "--json", "--svg", SCRIPT}, "one of them"},
	{{"explain", "--gva=0", "--levels=3", SCRIPT}, "4 or 5"},
	{{"explain", "--gva=0", "--mem=x", SCRIPT}, "64M"},
	{{"explain", "--gva=0", "--timeout=0", SCRIPT}, "seconds"},
	{{"explain", "--gva"}, "needs a value"},
	{{"explain", "--gva=0", "--nonsense", SCRIPT}, "no such option"},
	{{"explain", "--gva=0", SCRIPT, "--json"}, "behind --"},
	{{"explain", "--gva=0", "/no/such/guest.elf"}, "No such file"},
};

static void each_wrong_command_line_is_refused_in_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		process_run(p, refusals[i].arguments);
		expect_failure(p, refusals[i].says, 125, refusals[i].says);
		CHECK_NUMBER(refusals[i].says, "bytes on standard output", p->out_len, 0);
	}
	RUN(p, "explain", "--help");
	assert_int_equal(p->status, 0);
	assert_true(fits_80_columns(p->out));
}

static void a_time_limit_ends_it(void **state)
{
	(void)state;
	RUN(p, "explain", "--gva=0", "--timeout=0.3", SCRIPT, "--", "hammer", "100000");
	expect_failure(p, "time limit", 124, "time limit");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_wrong_command_line_is_refused_in_one_line),
	cmocka_unit_test(a_time_limit_ends_it),
};

GROUP_OF(explain_line, tests);
