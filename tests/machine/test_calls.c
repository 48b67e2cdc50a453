/* SPDX-License-Identifier: MIT */
/* Host calls and ports, as the guest sees them: results, limits, bad addresses, exact bytes. */
#include "fixture.h"
#include "groups.h"

#include <stdlib.h>
#include <sys/mman.h>

#define P 4096

/* Where the guest's own command line lies, its words in it. */
#define CMDLINE (PN_BOOT_INFO_GPA + offsetof(struct pn_boot_info, cmdline))

_Static_assert(CMDLINE == 0x10b0, "the scripts below name the command line as 10b0");

static uint32_t only_result(struct subject *s, const char *script)
{
	struct script_result r;

	subject_unmake(s);
	subject_pass(s, NULL, script);
	subject_results(s, &r, 1);
	CHECK_NUMBER(script, "trap", r.trap, SCRIPT_NO_TRAP);
	return (uint32_t)r.value;
}

struct call_case {
	const char *script;
	uint32_t result;
	const char *console;
};

static const struct call_case call_cases[] = {
	{"call 1 10b0 6", 6, "call 1"},
	{"call 1 10b0 0", 0, ""},
	{"call 1 0 0", 0, ""},
	{"call 1 ffffffff800010b0 4", 4, "call"}, /* by its high address */
	{"call 100000001 10b0 4", 4, "call"},	  /* EAX counts, not RAX */

	{"call 1 10b0 1001", PN_CALL_EINVAL, ""},
	{"call 1 10b0 100000004", PN_CALL_EINVAL, ""},
	{"call 1 10b0 ffffffffffffffff", PN_CALL_EINVAL, ""},
	{"call 1 0 1", PN_CALL_EFAULT, ""},
	{"call 1 fff 2", PN_CALL_EFAULT, ""},
	{"call 1 d0000000 1", PN_CALL_EFAULT, ""},  /* mapped, but no memory there */
	{"call 1 3fffffe 4", PN_CALL_EFAULT, ""},   /* two bytes of RAM, two of nothing */
	{"call 1 100000000 1", PN_CALL_EFAULT, ""}, /* not mapped */
	{"call 1 800000000000 1", PN_CALL_EFAULT, ""},
	{"call 1 7fffffffffff 2", PN_CALL_EFAULT, ""},
	{"call 1 ffffffffffffffff 2", PN_CALL_EFAULT, ""},

	{"call 2 1 2", 0, ""},
	{"call 2 ffffffffffffffff ffffffffffffffff", 0, ""},

	{"call 3 200000 0", 0, ""},
	{"call 3 200ffc 0", 0, ""}, /* across two pages */
	{"call 3 0 0", PN_CALL_EFAULT, ""},
	{"call 3 3fffffc 0", PN_CALL_EFAULT, ""},
	{"call 3 d0000000 0", PN_CALL_EFAULT, ""},
	{"call 3 8000000000000000 0", PN_CALL_EFAULT, ""},

	{"call 4 0 0", PN_GUEST_MODE_HW, ""},
	{"call 4 1 0", PN_GUEST_MODE_HW, ""}, /* and goes there */
	{"call 4 2 0", PN_CALL_EINVAL, ""},
	{"call 4 100000000 0", PN_CALL_EINVAL, ""},

	{"call 0 0 0", PN_CALL_EUNKNOWN, ""},
	{"call 5 0 0", PN_CALL_EUNKNOWN, ""},
	{"call ffffffff 0 0", PN_CALL_EUNKNOWN, ""},
	{"call 100000000 0 0", PN_CALL_EUNKNOWN, ""},
};

static void each_call_gives_its_result_or_its_error(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(call_cases); i++) {
		const struct call_case *c = &call_cases[i];

		CHECK_NUMBER(c->script, "result", only_result(s, c->script), c->result);
		if (strcmp(s->console, c->console) != 0)
			fail_msg("%s: console \"%s\", and not \"%s\"", c->script, s->console,
				 c->console);
	}
}

static void the_console_call_passes_every_byte_of_a_page(void **state)
{
	static uint8_t image[PN_CONSOLE_MAX];
	struct subject *s = *state;

	assert_int_equal(only_result(s, "call 1 100000 1000"), PN_CONSOLE_MAX);
	assert_int_equal(s->console_len, PN_CONSOLE_MAX);
	assert_int_equal(pn_read(s->m, 0x100000, image, sizeof(image)), PN_OK);
	assert_memory_equal(s->console, image, sizeof(image));
}

/* Two pages that follow each other for the guest and lie apart in memory. */
static void a_call_crosses_pages_by_the_guest_s_own_tables(void **state)
{
	struct subject *s = *state;
	struct script_result r[7];

	subject_pass(s, NULL,
		     "map 0 300000 map 1 200000 w2 300ffe 6261 w2 200000 6463 "
		     "call 1 8000000ffe 4 call 1 8000001ffe 4 call 3 8000000ffc 0");
	subject_results(s, r, 7);
	assert_string_equal(s->console, "abcd");
	assert_int_equal(r[4].value, 4);
	assert_int_equal(r[5].value, PN_CALL_EFAULT);
	assert_int_equal(r[6].value, 0);
	/* The low half of the time went to the end of one page, the high half (some multiple of
	 * four seconds) to the other. */
	assert_int_not_equal(subject_read(s, 0x300ff8) >> 32, 0x62610000);
	assert_in_range(subject_read(s, 0x200000), 0, 100);
}

static void the_time_cannot_be_stored_where_the_guest_may_not_write(void **state)
{
	struct subject *s = *state;
	uint64_t *host = pages_map(P);
	struct script_result r[4];

	subject_script(s, NULL,
		       "w8 200000 77 mapro 0 200000 call 3 8000000000 0 call 3 d0000000 0");
	assert_int_equal(pn_mmu_map(s->m, 0xd0000000, host, P, PN_PROT_READ), PN_OK);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	subject_results(s, r, 4);
	assert_int_equal(r[2].value, PN_CALL_EFAULT);
	assert_int_equal(r[3].value, PN_CALL_EFAULT);
	assert_int_equal(subject_read(s, 0x200000), 0x77);
	assert_int_equal(host[0], 0);
	subject_unmake(s);
	munmap(host, P);
}

static void time_goes_on(void **state)
{
	struct subject *s = *state;
	uint64_t first, second;

	subject_pass(s, NULL, "call 3 200000 0 outs 10 call 3 200008 0");
	first = subject_read(s, 0x200000);
	second = subject_read(s, 0x200008);
	assert_true(first > 0);
	assert_true(second > first);
	/* Since the start of the run, not of the host. */
	assert_true(second < patience() * UINT64_C(1000000000));
}

static void the_console_port_passes_bytes_of_every_width(void **state)
{
	struct subject *s = *state;

	subject_pass(s, NULL, "o1 e9 41 o2 e9 4342 o4 e9 47464544 o1 e9 0 print 10b0 5");
	assert_int_equal(s->console_len, 13);
	assert_memory_equal(s->console, "ABCDEFG\0o1 e9", 13);
}

static void a_long_string_instruction_arrives_whole(void **state)
{
	static uint8_t image[5000];
	struct subject *s = *state;

	subject_pass(s, NULL, "print 100000 1388");
	assert_int_equal(s->console_len, sizeof(image));
	assert_int_equal(pn_read(s->m, 0x100000, image, sizeof(image)), PN_OK);
	assert_memory_equal(s->console, image, sizeof(image));
}

static const struct {
	const char *script;
	uint32_t value;
} in_cases[] =
	{
		{"i1 e9", 0xe9},	 {"i2 e9", 0xe9e9}, {"i4 e9", 0xe9e9e9e9},
		{"i1 80", 0xff},	 {"i2 80", 0xffff}, {"i4 80", 0xffffffff},
		{"i1 504e", 0xff}, /* a host call is an IN of 32 bits */
		{"i2 504e", 0xffff},	 {"i1 f4", 0},	    {"i4 f4", 0},
		{"i4 ffff", 0xffffffff},
};

static void each_in_reads_what_the_port_gives(void **state)
{
	for (size_t i = 0; i < COUNT(in_cases); i++)
		CHECK_NUMBER(in_cases[i].script, "value", only_result(*state, in_cases[i].script),
			     in_cases[i].value);
}

static void a_guest_without_a_console_runs_on(void **state)
{
	const struct pn_config config = {.cmdline = "say x call 1 10b0 4 exit 4"};
	struct subject *s = *state;

	s->m = pn_machine_create(&config, &s->err);
	assert_non_null(s->m);
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_OK);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(s->result.status, 4);
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(each_call_gives_its_result_or_its_error),
	SUBJECT_TEST(the_console_call_passes_every_byte_of_a_page),
	SUBJECT_TEST(a_call_crosses_pages_by_the_guest_s_own_tables),
	SUBJECT_TEST(the_time_cannot_be_stored_where_the_guest_may_not_write),
	SUBJECT_TEST(time_goes_on),
	SUBJECT_TEST(the_console_port_passes_bytes_of_every_width),
	SUBJECT_TEST(a_long_string_instruction_arrives_whole),
	SUBJECT_TEST(each_in_reads_what_the_port_gives),
	SUBJECT_TEST(a_guest_without_a_console_runs_on),
};

GROUP_OF(calls, tests);
