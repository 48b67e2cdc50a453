/* SPDX-License-Identifier: MIT */
/*
 * pagelab, the paging guest, low and high: each workload with its defaults, what it must have
 * counted, the same again the second time, and what it says to a wrong command line.
 */
#include "fixture.h"
#include "groups.h"
#include "process.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define PAGELAB	     "build/guest/pagelab.elf"
#define PAGELAB_HIGH "build/guest/pagelab-high.elf"

static struct process process, *const p = &process;

/* Runs pagelab and returns its statistics. */
static json_t *run_pagelab(const char *guest, const char *words, int status)
{
	char path[] = "/tmp/penumbra-stats.XXXXXX", option[64];
	int fd = mkstemp(path);
	json_error_t error;
	json_t *root;

	assert_true(fd >= 0);
	snprintf(option, sizeof(option), "--stats-file=%s", path);
	RUN(p, "run", "--timeout=100", option, guest, "--", words);
	root = json_loadfd(fd, 0, &error);
	close(fd);
	unlink(path);
	if (p->status != status)
		fail_msg("%s %s: status %d: %s%s", guest, words, p->status, p->out, p->err);
	if (!root)
		fail_msg("%s %s: no statistics: %s", guest, words, error.text);
	return root;
}

static long long counter(const json_t *root, const char *object, const char *member)
{
	const json_t *from = object ? json_object_get(root, object) : root;

	return json_integer_value(json_object_get(from, member));
}

/* What a workload with its defaults cannot have done less of. */
struct workload {
	const char *name;
	const char *says; /* in its last line */
	long long faults, pt_writes, cr3_loads;
	long long page, context, all; /* flushes */
};

static const struct workload workloads[] = {
	{"touch", "touch    ok  pages=128 faults=128", 128, 128, 1, 0, 0, 0},
	{"warm", "warm     ok  pages=64 rounds=4 faults=0", 64, 64, 1, 0, 1, 0},
	{"file", "file     ok  pages=32 procs=2 faults=64", 64, 64, 2, 0, 0, 0},
	{"remap", "page=64 context=32 all=32", 32, 128, 32, 64, 32, 32},
	{"protect", "denied=40", 40, 32, 1, 32, 0, 0},
	{"fork", "copies=64 kept=32", 64, 64, 2, 64, 0, 0},
	{"switch", "procs=4 pages=4 rounds=16 cr3_loads=68", 16, 16, 68, 0, 0, 0},
	{"spawn", "pages=4 rounds=8", 32, 64, 8, 0, 0, 0},
	{"huge", "huge     ok", 0, 512, 1, 0, 0, 0},
	{"user", "user     ok  caught=16 killed=4", 20, 1, 1, 0, 0, 0},
};

static void check_workload(const char *guest, const struct workload *w)
{
	json_t *root = run_pagelab(guest, w->name, 0);
	char name[96];

	snprintf(name, sizeof(name), "%s %s", guest, w->name);
	CHECK_CONTAINS(name, p->out, w->says);
	CHECK_TRUE(name, !strstr(p->out, "FAILED") && p->err_len == 0);
	CHECK_TRUE(name, counter(root, NULL, "guest_faults") >= w->faults);
	CHECK_TRUE(name, counter(root, NULL, "pt_writes") >= w->pt_writes);
	CHECK_TRUE(name, counter(root, NULL, "cr3_loads") >= w->cr3_loads);
	CHECK_TRUE(name, counter(root, "flushes", "page") >= w->page);
	CHECK_TRUE(name, counter(root, "flushes", "context") >= w->context);
	CHECK_TRUE(name, counter(root, "flushes", "all") >= w->all);
	json_decref(root);
}

static void every_workload_passes_and_has_counted(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	for (size_t i = 0; i < COUNT(workloads); i++)
		check_workload(PAGELAB, &workloads[i]);
}

static void every_workload_passes_in_the_high_half(void **state)
{
	(void)state;
	skip_without(PAGELAB_HIGH);
	for (size_t i = 0; i < COUNT(workloads); i++)
		check_workload(PAGELAB_HIGH, &workloads[i]);
}

/* What the host's kernel did and how long it took may differ; what the guest did may not. */
static void expect_same(const char *guest, const char *words)
{
	static const char *const members[] = {"guest_faults", "pt_writes", "cr3_loads",	  "flushes",
					      "exits",	      "end",	   "guest_status"};
	static char out[PROCESS_OUTPUT];
	json_t *first = run_pagelab(guest, words, 0), *second;

	memcpy(out, p->out, sizeof(out));
	second = run_pagelab(guest, words, 0);
	assert_string_equal(out, p->out);
	for (size_t i = 0; i < COUNT(members); i++)
		if (!json_equal(json_object_get(first, members[i]),
				json_object_get(second, members[i])))
			fail_msg("%s %s: %s differs between two runs", guest, words, members[i]);
	json_decref(first);
	json_decref(second);
}

static void two_runs_do_and_count_the_same(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	skip_without(PAGELAB_HIGH);
	expect_same(PAGELAB, "all seed=12345");
	CHECK_CONTAINS("all", p->out, "all      ok  workloads=10 failed=0");
	expect_same(PAGELAB_HIGH, "fork seed=12345");
}

static void faults_grow_with_the_pages_asked_for(void **state)
{
	json_t *few, *many;

	(void)state;
	skip_without(PAGELAB);
	few = run_pagelab(PAGELAB, "touch pages=0x20", 0);
	many = run_pagelab(PAGELAB, "touch pages=0x60 seed=99", 0);
	assert_int_equal(counter(many, NULL, "guest_faults") - counter(few, NULL, "guest_faults"),
			 0x40);
	json_decref(few);
	json_decref(many);
}

struct status_case {
	const char *words;
	int status;
	const char *says; /* on standard output for a usage error, else on standard error */
};

static const struct status_case status_cases[] = {
	{"nosuch", 2, "nosuch"},
	{"allx", 2, "allx"},
	{"touch pages=1", 2, "pages=1"},
	{"touch pages=65537", 2, "pages=65537"},
	{"touch pages=x", 2, "pages=x"},
	{"touch pages=", 2, "pages="},
	{"touch pages", 2, "pages"},
	{"touch =5", 2, "parameter"},
	{"touch pages=18446744073709551617", 2, "pages="},
	{"touch colour=1", 2, "colour"},
	{"touch pages=65536", 2, "more RAM"},
	{"all pages=5", 2, "pages"},
	{"exit status=100", 2, "status=100"},
	{"exit status=42", 42, ""},
	{"help", 0, "touch"},
	{"panic", 3, "page fault"},
	{"overflow", 3, "double fault"},
	{"mmio gpa=0xd0000000", 127, "GPA 0xd0000000"},
	{"halt", 127, "run_halt"},
	{"triple", 127, "triple fault"},
};

static void each_way_to_end_has_its_status_and_its_words(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	for (size_t i = 0; i < COUNT(status_cases); i++) {
		const struct status_case *c = &status_cases[i];

		json_decref(run_pagelab(PAGELAB, c->words, c->status));
		CHECK_CONTAINS(c->words, c->status == 127 ? p->err : p->out, c->says);
	}
}

static void a_kernel_that_runs_user_code_for_ever_is_stopped(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	RUN(p, "run", "--timeout=0.3", PAGELAB, "--", "spin");
	expect_failure(p, "spin", 124, "0.3 s");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(every_workload_passes_and_has_counted),
	SUBJECT_TEST(every_workload_passes_in_the_high_half),
	SUBJECT_TEST(two_runs_do_and_count_the_same),
	SUBJECT_TEST(faults_grow_with_the_pages_asked_for),
	SUBJECT_TEST(each_way_to_end_has_its_status_and_its_words),
	SUBJECT_TEST(a_kernel_that_runs_user_code_for_ever_is_stopped),
};

GROUP_OF(pagelab, tests);
