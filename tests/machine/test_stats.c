/* SPDX-License-Identifier: MIT */
/* The statistics of `penumbra run`: the members that its manual page names, and sums that agree. */
#include "fixture.h"
#include "groups.h"
#include "process.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct process process, *const p = &process;

static const char *const members[] = {
	"last_exits",	"mode",	      "host_paging", "guest_status", "end",	      "exits",
	"guest_faults", "pt_writes",  "cr3_loads",   "flushes",	     "hidden_faults", "toggles",
	"begin_ns",	"startup_ns", "kvm_stats",   "marks",	     "shadow",	      "sandbox",
};
static const char *const flush_kinds[] = {"all", "context", "range", "page", "pcid"};
static const char *const phases[] = {"options", "kvm",	   "vm",	 "memory", "vcpu",
				     "load",	"sandbox", "first_exit", "total"};

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *root = json_loads(text, 0, &error);

	if (!root)
		fail_msg("no JSON: %s in %s", error.text, text);
	return root;
}

static long long integer(const json_t *object, const char *member)
{
	json_t *value = json_object_get(object, member);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", member);
	return json_integer_value(value);
}

/* The object has these members and no other. */
static void expect_members(const char *name, json_t *object, const char *const *names, size_t count)
{
	const char *key;
	json_t *value;

	CHECK_TRUE(name, json_is_object(object));
	for (size_t i = 0; i < count; i++)
		if (!json_object_get(object, names[i]))
			fail_msg("%s has no member %s", name, names[i]);
	json_object_foreach(object, key, value)
	{
		bool known = false;

		for (size_t i = 0; i < count; i++)
			known |= strcmp(key, names[i]) == 0;
		if (!known)
			fail_msg("%s has a member %s, which is not documented", name, key);
	}
}

static void expect_sums(json_t *root)
{
	json_t *exits = json_object_get(root, "exits"), *startup, *value;
	const char *key;
	long long sum = 0;

	json_object_foreach(json_object_get(exits, "by_reason"), key, value)
	{
		sum += json_integer_value(value);
	}
	assert_int_equal(sum, integer(exits, "total"));
	startup = json_object_get(root, "startup_ns");
	sum = 0;
	json_object_foreach(startup, key, value)
	{
		assert_true(json_integer_value(value) >= 0);
		sum += json_integer_value(value);
	}
	assert_int_equal(sum, 2 * integer(startup, "total"));
}

static void the_json_has_the_documented_members_and_its_sums_agree(void **state)
{
	json_t *root, *by_reason;

	(void)state;
	/* 16 OUTs, one HLT-less end: 17 exits for I/O. */
	RUN(p, "run", "--stats=json", SCRIPT, "--", "outs", "10", "exit", "3");
	assert_int_equal(p->status, 3);
	root = parse(p->err);
	expect_members("statistics", root, members, COUNT(members));
	expect_members("flushes", json_object_get(root, "flushes"), flush_kinds,
		       COUNT(flush_kinds));
	expect_members("startup_ns", json_object_get(root, "startup_ns"), phases, COUNT(phases));
	expect_members("kvm_stats", json_object_get(root, "kvm_stats"),
		       (const char *const[]){"vm", "vcpu"}, 2);
	expect_members("exits", json_object_get(root, "exits"),
		       (const char *const[]){"total", "by_reason"}, 2);
	assert_int_equal(json_array_size(json_object_get(root, "last_exits")), 16);
	expect_sums(root);
	by_reason = json_object_get(json_object_get(root, "exits"), "by_reason");
	assert_int_equal(integer(by_reason, "IO"), 17);
	assert_int_equal(json_object_size(by_reason), 1);
	assert_int_equal(integer(root, "guest_status"), 3);
	assert_int_equal(integer(root, "hidden_faults"), 0);
	assert_int_equal(integer(root, "toggles"), 0);
	assert_string_equal(json_string_value(json_object_get(root, "mode")), "hw");
	json_decref(root);
}

/* What the guest stores in its report page is what the statistics say. */
static void the_guest_s_own_counters_are_passed_on(void **state)
{
	static const char *const counters[] = {"guest_faults", "pt_writes", "cr3_loads"};
	json_t *root;

	(void)state;
	RUN(p, "run", "--stats=json", SCRIPT, "--",
	    "w8 2000 1 w8 2008 2 w8 2010 3 w8 2018 4 w8 2020 5 w8 2028 6 w8 2030 7 w8 2038 8");
	assert_int_equal(p->status, 0);
	root = parse(p->err);
	for (unsigned i = 0; i < COUNT(counters); i++)
		CHECK_NUMBER("counter", counters[i], integer(root, counters[i]), i + 1);
	for (unsigned i = 0; i < COUNT(flush_kinds); i++)
		CHECK_NUMBER("flushes", flush_kinds[i],
			     integer(json_object_get(root, "flushes"), flush_kinds[i]), i + 4);
	json_decref(root);
}

static void the_file_holds_the_same_object(void **state)
{
	char path[] = "/tmp/penumbra-stats.XXXXXX", option[64];
	int fd = mkstemp(path);
	json_error_t error;
	json_t *root;

	(void)state;
	assert_true(fd >= 0);
	snprintf(option, sizeof(option), "--stats-file=%s", path);
	RUN(p, "run", option, SCRIPT, "--", "say", "x", "r4", "d0000000");
	root = json_loadfd(fd, 0, &error);
	close(fd);
	unlink(path);
	/* Also of a guest that died, beside the report. */
	assert_int_equal(p->status, 127);
	assert_non_null(root);
	expect_members("statistics", root, members, COUNT(members));
	expect_sums(root);
	assert_true(json_is_null(json_object_get(root, "guest_status")));
	assert_int_equal(integer(json_object_get(root, "exits"), "total"), 3);
	CHECK_CONTAINS("end", json_string_value(json_object_get(root, "end")), "0xd0000000");
	json_decref(root);
}

static void a_file_that_cannot_be_written_gives_125_and_a_line(void **state)
{
	(void)state;
	/* Found out before the guest has run, not after. */
	RUN(p, "run", "--stats-file=/no/such/directory/file", SCRIPT, "--", "say", "x");
	expect_failure(p, "no directory", 125, "/no/such/directory/file");
	assert_string_equal(p->out, "");
	RUN(p, "run", "--stats-file=/dev/full", SCRIPT);
	expect_failure(p, "/dev/full", 125, "/dev/full: cannot be written: No space left");
	RUN(p, "run", "--stats-file=", SCRIPT);
	expect_failure(p, "no name", 125, "cannot be written");
}

static void the_text_fits_80_columns_and_tells_the_same(void **state)
{
	(void)state;
	RUN(p, "run", "--stats", SCRIPT, "--", "outs", "10", "w8", "2000", "4d2", "exit", "3");
	assert_int_equal(p->status, 3);
	assert_int_equal(p->out_len, 0);
	assert_true(fits_80_columns(p->err));
	CHECK_CONTAINS("text", p->err, "hw on ");
	CHECK_CONTAINS("text", p->err, "IO 17");
	CHECK_CONTAINS("text", p->err, "1234");
	CHECK_CONTAINS("text", p->err, "guest exit status 3");
	CHECK_CONTAINS("text", p->err, "start-up");
}

static void a_stopped_run_has_its_statistics(void **state)
{
	static const char *const spins[] = {"run", "--stats=json", SCRIPT, "--",
					    "say", "ready",	   "spin", NULL};
	json_t *root;

	(void)state;
	process_start(p, NULL, spins);
	process_await(p, "ready\n");
	kill(p->pid, SIGTERM);
	process_wait(p);
	assert_int_equal(p->status, 143);
	/* The line of the signal, then the object. */
	assert_non_null(strchr(p->err, '{'));
	root = parse(strchr(p->err, '{'));
	assert_int_equal(integer(json_object_get(root, "exits"), "total"), 6);
	assert_true(json_is_null(json_object_get(root, "guest_status")));
	json_decref(root);
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(the_json_has_the_documented_members_and_its_sums_agree),
	SUBJECT_TEST(the_guest_s_own_counters_are_passed_on),
	SUBJECT_TEST(the_file_holds_the_same_object),
	SUBJECT_TEST(a_file_that_cannot_be_written_gives_125_and_a_line),
	SUBJECT_TEST(the_text_fits_80_columns_and_tells_the_same),
	SUBJECT_TEST(a_stopped_run_has_its_statistics),
};

GROUP_OF(stats, tests);
