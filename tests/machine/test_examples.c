/* SPDX-License-Identifier: MIT */
/* The examples do what their lessons say. */
#include "fixture.h"
#include "groups.h"
#include "process.h"

#include <stdlib.h>

#define HELLO	    "build/examples/hello.elf"
#define FAULT	    "build/examples/fault.elf"
#define EMBED	    "build/examples/embed"
#define EMBED_GUEST "build/examples/embed-guest.elf"

static struct process process, *const p = &process;

static void hello_prints_a_line(void **state)
{
	(void)state;
	skip_without(HELLO);
	RUN(p, "run", HELLO);
	assert_int_equal(p->status, 0);
	assert_string_equal(p->out, "Hello from ring 0.\n");
	assert_string_equal(p->err, "");
}

static void fault_sees_its_page_fault_and_goes_on(void **state)
{
	(void)state;
	skip_without(FAULT);
	RUN(p, "run", FAULT);
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("address", p->out, "GVA 0x0000000100001238");
	CHECK_CONTAINS("a supervisor's write", p->out, "error code 0x0000000000000002");
	CHECK_CONTAINS("written in the end", p->out, "the word there is 0x");
	assert_string_equal(p->err, "");
}

static void embed_passes_a_message_through_a_mapped_page(void **state)
{
	(void)state;
	skip_without(EMBED);
	skip_without(EMBED_GUEST);
	process_run_other(p, EMBED, (const char *const[]){EMBED_GUEST, NULL});
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("to the guest", p->out, "hello, guest");
	CHECK_CONTAINS("to the host", p->out, "hello, host");
	CHECK_CONTAINS("unmapped", p->out, "PN_ERR_NOT_MAPPED");
	assert_string_equal(p->err, "");
	process_run_other(p, EMBED, (const char *const[]){"/no/such/guest", NULL});
	assert_int_equal(p->status, 1);
	CHECK_CONTAINS("no guest", p->err, "/no/such/guest");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(hello_prints_a_line),
	SUBJECT_TEST(fault_sees_its_page_fault_and_goes_on),
	SUBJECT_TEST(embed_passes_a_message_through_a_mapped_page),
};

GROUP_OF(examples, tests);
