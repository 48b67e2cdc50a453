/* SPDX-License-Identifier: MIT */
/* How runs end: the guest's status, its deaths with their reports, and what a report must tell. */
#include "fixture.h"
#include "groups.h"

#include <stdlib.h>

static enum pn_end end_of(struct subject *s, const char *script)
{
	enum pn_end end;

	subject_unmake(s);
	subject_script(s, NULL, script);
	end = subject_run(s);
	CHECK_ONE_LINE(script, s->result.reason);
	return end;
}

static void every_status_up_to_99_is_the_guest_s_own(void **state)
{
	const unsigned statuses[] = {0, 1, 2, 10, 63, 98, 99};
	char script[16];

	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct subject *s = *state;

		snprintf(script, sizeof(script), "exit %x", statuses[i]);
		CHECK_NUMBER(script, "end", end_of(s, script), PN_END_STATUS);
		CHECK_NUMBER(script, "status", s->result.status, statuses[i]);
	}
}

static const struct {
	const char *script, *written;
} too_large[] = {
	{"exit 64", "100"},
	{"exit 100", "256"},
	{"exit ffffffff", "4294967295"},
};

static void a_larger_status_is_99_and_says_so(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(too_large); i++) {
		const char *script = too_large[i].script;

		CHECK_NUMBER(script, "end", end_of(s, script), PN_END_STATUS);
		CHECK_NUMBER(script, "status", s->result.status, PN_STATUS_MAX);
		CHECK_CONTAINS(script, s->result.reason, too_large[i].written);
		CHECK_CONTAINS(script, s->result.reason, "99");
	}
}

static void a_narrow_out_to_the_exit_port_is_a_status_too(void **state)
{
	struct subject *s = *state;

	assert_int_equal(end_of(s, "o1 f4 7"), PN_END_STATUS);
	assert_int_equal(s->result.status, 7);
}

/* Registers, control registers, symbol, both walks, the last exits. */
static void expect_report(const struct subject *s, const char *name)
{
	static const char *const parts[] = {
		"registers",   "  rax ",      "  r15 ", "  cr0 ",
		"cr2 ",	       "cr3 ",	      "  cr4 ", "instruction at RIP",
		"walk of RIP", "walk of RSP", "last "};
	const char *report = s->result.report;

	for (size_t i = 0; i < COUNT(parts); i++)
		CHECK_CONTAINS(name, report, parts[i]);
	CHECK_TRUE(name, report[strlen(report) - 1] == '\n');
}

static void a_halt_for_ever_is_a_death(void **state)
{
	struct subject *s = *state;

	assert_int_equal(end_of(s, "say x hlt"), PN_END_DIED);
	CHECK_CONTAINS("reason", s->result.reason, "halted");
	CHECK_CONTAINS("reason", s->result.reason, "0xf4");
	CHECK_CONTAINS("reason", s->result.reason, "do_hlt");
	expect_report(s, "hlt");
	CHECK_CONTAINS("report", s->result.report, "do_hlt");
}

static void a_triple_fault_is_told_with_registers_and_symbol(void **state)
{
	struct subject *s = *state;
	const char *report;

	assert_int_equal(end_of(s, "say x r8 8 outs 1 triple"), PN_END_DIED);
	CHECK_CONTAINS("reason", s->result.reason, "triple fault");
	expect_report(s, "triple");
	report = s->result.report;
	/* The page fault before left its address. */
	CHECK_CONTAINS("report", report, "cr2 0000000000000008");
	CHECK_CONTAINS("report", report, "out port 0x80");
	CHECK_CONTAINS("report", report, "4 exits");
	if (strstr(report, "at the exit before")) {
		/* This KVM resets the vCPU; the exit before was the OUT to port 0x80. */
		CHECK_CONTAINS("reason", s->result.reason, "reset");
		CHECK_CONTAINS("report of the exit before", report, "do_outs");
		CHECK_CONTAINS("report of the exit before", report, "  out ");
		return;
	}
	CHECK_CONTAINS("report", report, "  ud2");
	CHECK_CONTAINS("report", report, "do_triple+0x");
	CHECK_CONTAINS("report", report, "r15 0000000000000123");
	CHECK_CONTAINS("reason", s->result.reason, "do_triple+0x");
}

static void a_triple_fault_before_any_exit_has_a_report(void **state)
{
	struct subject *s = *state;

	assert_int_equal(end_of(s, "triple"), PN_END_DIED);
	expect_report(s, "triple");
}

static void reports_fit_80_columns(void **state)
{
	static const char *const scripts[] = {
		"outs 20 o4 80 ffffffff hlt", "triple", "w8 fffffff0 ffffffffffffffff",
		"map 1ff fffffffff000 r8 80001ffff8", "jump d0000000"};
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(scripts); i++) {
		end_of(s, scripts[i]);
		CHECK_TRUE(scripts[i], fits_80_columns(s->result.report));
	}
}

static void a_long_name_does_not_widen_a_report(void **state)
{
	struct subject *s = *state;

	assert_int_equal(end_of(s, "deep"), PN_END_DIED);
	expect_report(s, "long name");
	assert_true(fits_80_columns(s->result.report));
}

struct mmio_case {
	const char *script;
	const char *says[4];
};

static const struct mmio_case mmio_cases[] = {
	{"r1 d0000000", {"read", "1 byte", "GPA 0xd0000000", "do_read+0x"}},
	{"r8 d0000abc", {"read", "8 bytes", "GPA 0xd0000abc", "do_read+0x"}},
	{"r4 fffffff0", {"read", "4 bytes", "GPA 0xfffffff0", "do_read+0x"}},
	{"w2 d0000010 1", {"wrote", "2 bytes", "GPA 0xd0000010", "do_write+0x"}},
	{"w8 4000000 1", {"wrote", "8 bytes", "GPA 0x4000000", "do_write+0x"}},
	{"map 0 140000000 r4 8000000004", {"read", "4 bytes", "GPA 0x140000004", "do_read+0x"}},
};

static void an_access_outside_every_slot_is_told_with_gpa_and_symbol(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(mmio_cases); i++) {
		const struct mmio_case *c = &mmio_cases[i];

		CHECK_NUMBER(c->script, "end", end_of(s, c->script), PN_END_DIED);
		for (unsigned k = 0; k < 4; k++)
			CHECK_CONTAINS(c->script, s->result.reason, c->says[k]);
		CHECK_CONTAINS(c->script, s->result.reason, "outside every memory slot");
		CHECK_CONTAINS(c->script, s->result.reason, "RIP 0x10");
		expect_report(s, c->script);
	}
}

/* No host can run what is not there; each ends in its own exit, and all name the place. */
static void a_fetch_outside_every_slot_is_a_death_with_the_address(void **state)
{
	struct subject *s = *state;

	assert_int_equal(end_of(s, "jump d0000000"), PN_END_DIED);
	CHECK_CONTAINS("reason", s->result.reason, "0xd0000000");
	expect_report(s, "fetch");
	CHECK_CONTAINS("report", s->result.report, "RIP 0xd0000000");
}

static void the_last_exits_are_listed_oldest_first(void **state)
{
	struct subject *s = *state;
	const char *at;

	assert_int_equal(end_of(s, "outs 20 o2 81 1234 hlt"), PN_END_DIED);
	CHECK_CONTAINS("report", s->result.report, "last 16 of 34 exits");
	at = strstr(s->result.report, "out port 0x80 = 0x1f");
	assert_non_null(at);
	assert_non_null(strstr(at, "out port 0x81 = 0x1234"));
	assert_non_null(strstr(at, "34 HLT"));
	assert_null(strstr(s->result.report, "out port 0x80 = 0x11\n"));
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(every_status_up_to_99_is_the_guest_s_own),
	SUBJECT_TEST(a_larger_status_is_99_and_says_so),
	SUBJECT_TEST(a_narrow_out_to_the_exit_port_is_a_status_too),
	SUBJECT_TEST(a_halt_for_ever_is_a_death),
	SUBJECT_TEST(a_triple_fault_is_told_with_registers_and_symbol),
	SUBJECT_TEST(a_triple_fault_before_any_exit_has_a_report),
	SUBJECT_TEST(reports_fit_80_columns),
	SUBJECT_TEST(a_long_name_does_not_widen_a_report),
	SUBJECT_TEST(an_access_outside_every_slot_is_told_with_gpa_and_symbol),
	SUBJECT_TEST(a_fetch_outside_every_slot_is_a_death_with_the_address),
	SUBJECT_TEST(the_last_exits_are_listed_oldest_first),
};

GROUP_OF(ends, tests);
