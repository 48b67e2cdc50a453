/* SPDX-License-Identifier: MIT */
/* `penumbra run --trace`: every event is there once, the same in each run, and outlives the run. */
#include "fixture.h"
#include "groups.h"
#include "trace_run.h"

#include "trace/words.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct trace_run run, again;
static struct process *const p = &run.process;

static const char *const strategies[] = {
	"--shadow-strategy=unsync",
	"--shadow-strategy=wp",
	"--shadow-strategy=vtlb",
};

/* What the trace says beside what the machine counted, and what the guest did. */
static void a_trace_has_as_many_events_as_the_statistics_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < repeats(COUNT(strategies), 1); i++) {
		const char *name = strategies[i];
		struct trace_sum *sum;
		const struct trace_summary *s;

		trace_run(&run, (const char *const[]){"--mmu=shadow", name, NULL});
		sum = trace_sum(run.trace);
		s = &sum->summary;
		CHECK_NUMBER(name, "hidden faults", s->count[PN_TRACE_HIDDEN_FAULT],
			     trace_run_number(&run, NULL, "hidden_faults"));
		CHECK_NUMBER(name, "guest faults", s->count[PN_TRACE_GUEST_FAULT],
			     trace_run_number(&run, NULL, "guest_faults"));
		CHECK_NUMBER(name, "table writes", s->count[PN_TRACE_TABLE_WRITE],
			     trace_run_number(&run, "shadow", "table_writes"));
		CHECK_NUMBER(name, "foreseen", s->count[PN_TRACE_FORESEEN],
			     trace_run_number(&run, "shadow", "foreseen"));
		CHECK_NUMBER(name, "CR3 loads", s->count[PN_TRACE_CR3],
			     trace_run_number(&run, NULL, "cr3_loads"));
		CHECK_NUMBER(name, "page flushes", s->flush[PN_FLUSH_PAGE][PN_CAUSE_INVLPG],
			     trace_run_number(&run, "flushes", "page"));
		CHECK_NUMBER(name, "marks", s->count[PN_TRACE_MARK],
			     trace_run_number(&run, "marks", "count"));
		CHECK_NUMBER(name, "lost", s->lost + s->gaps + s->unknown, 0);
		trace_sum_free(sum);
		trace_run_free(&run);
	}
}

static void changes_of_mode_are_traced(void **state)
{
	struct trace_sum *sum;

	(void)state;
	trace_run(&run, (const char *const[]){"--toggle-every=3", NULL});
	sum = trace_sum(run.trace);
	assert_true(sum->summary.count[PN_TRACE_MODE] > 10);
	assert_int_equal(sum->summary.count[PN_TRACE_MODE],
			 trace_run_number(&run, NULL, "toggles"));
	trace_sum_free(sum);
	trace_run_free(&run);
}

/* In shadow mode nothing depends on the host or the hour: two runs differ in their times only. */
static void two_runs_have_the_same_events_but_for_their_times(void **state)
{
	struct pn_trace_record *a, *b;
	size_t count, same;

	(void)state;
	trace_run(&run, (const char *const[]){"--mmu=shadow", NULL});
	trace_run(&again, (const char *const[]){"--mmu=shadow", NULL});
	a = trace_records(run.trace, &count);
	b = trace_records(again.trace, &same);
	assert_int_equal(count, same);
	for (size_t i = 0; i < count; i++) {
		char one[256], other[256];
		const struct symbols none = {0};

		a[i].time = b[i].time = 0;
		a[i].cost = b[i].cost = 0;
		if (memcmp(&a[i], &b[i], sizeof(a[i])) != 0)
			fail_msg("event %zu: %s and %s", i,
				 trace_line(&a[i], &none, one, sizeof(one)),
				 trace_line(&b[i], &none, other, sizeof(other)));
	}
	free(a);
	free(b);
	trace_run_free(&run);
	trace_run_free(&again);
}

static void a_filter_leaves_its_types_and_nothing_else(void **state)
{
	struct pn_trace_record *r;
	size_t count, flushes = 0;

	(void)state;
	trace_run(&run, (const char *const[]){"--mmu=shadow", "--trace-filter=flush,mark", NULL});
	r = trace_records(run.trace, &count);
	for (size_t i = 0; i < count; i++) {
		assert_true(r[i].type == PN_TRACE_FLUSH || r[i].type == PN_TRACE_MARK);
		assert_int_equal(r[i].number, i);
		flushes += r[i].type == PN_TRACE_FLUSH;
	}
	assert_true(flushes > 100);
	free(r);
	trace_run_free(&run);
}

static void in_hw_mode_exits_and_marks_are_traced(void **state)
{
	struct trace_sum *sum;

	(void)state;
	trace_run(&run, (const char *const[]){"--mmu=hw", NULL});
	sum = trace_sum(run.trace);
	assert_int_equal(sum->summary.count[PN_TRACE_EXIT],
			 trace_run_number(&run, "exits", "total"));
	assert_int_equal(sum->summary.count[PN_TRACE_MARK],
			 trace_run_number(&run, "marks", "count"));
	assert_int_equal(sum->summary.count[PN_TRACE_HIDDEN_FAULT], 0);
	trace_sum_free(sum);
	trace_run_free(&run);
}

/* Waits until a file has more than its head; how many bytes. */
static off_t await_records(const char *path)
{
	struct stat st = {0};

	for (unsigned i = 0; i < patience() * 1000; i++) {
		struct pn_trace_header h;
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, &h, sizeof(h));

		if (fd >= 0) {
			fstat(fd, &st);
			close(fd);
		}
		if (n == sizeof(h) && st.st_size > (off_t)(sizeof(h) + h.symbols_size +
							   10 * sizeof(struct pn_trace_record)))
			return st.st_size;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	fail_msg("no records in %s", path);
	return 0;
}

static void a_killed_run_leaves_a_trace_that_can_be_read(void **state)
{
	char path[] = "/tmp/penumbra-trace.XXXXXX", option[48];
	struct pn_trace_record *r;
	size_t count;

	(void)state;
	skip_without(PAGELAB);
	close(mkstemp(path));
	snprintf(option, sizeof(option), "--trace=%s", path);
	process_start(p, NULL,
		      (const char *const[]){"run", "--no-warnings", "--mmu=shadow", option, PAGELAB,
					    "--", "spin", NULL});
	await_records(path);
	kill(p->pid, SIGKILL);
	process_wait(p);
	assert_int_equal(p->status, 1000 + SIGKILL);
	r = trace_records(path, &count);
	assert_true(count >= 10);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(r[i].number, i);
		assert_true(r[i].type != PN_TRACE_NONE && r[i].type < PN_TRACE_TYPES);
	}
	free(r);
	unlink(path);
}

static void a_trace_that_cannot_be_written_is_one_line_and_125(void **state)
{
	(void)state;
	RUN(p, "run", "--trace=/dev/full", SCRIPT, "--", "say", "x");
	expect_failure(p, "/dev/full", 125, "/dev/full: cannot be written: No space left");
	assert_string_equal(p->out, "");
	RUN(p, "run", "--trace=/no/such/directory/file", SCRIPT, "--", "say", "x");
	expect_failure(p, "no directory", 125, "/no/such/directory/file: cannot be written");
	assert_string_equal(p->out, "");
	RUN(p, "run", "--trace=/tmp", SCRIPT);
	expect_failure(p, "a directory", 125, "/tmp: cannot be written: Is a directory");
	RUN(p, "run", "--trace=", SCRIPT);
	expect_failure(p, "no name", 125, "cannot be written");
	RUN(p, "run", "--trace-source=guest", SCRIPT);
	expect_failure(p, "no trace", 125, "--trace-source: needs --trace=FILE");
	RUN(p, "run", "--trace-filter=fault", SCRIPT);
	expect_failure(p, "no trace", 125, "--trace-filter: needs --trace=FILE");
	RUN(p, "run", "--trace=/dev/null", "--trace-filter=nothing", SCRIPT);
	expect_failure(p, "no such event", 125, "nothing: no such event");
}

/* The reader of a pipe goes away in the middle of the run. */
static void a_trace_that_ends_before_the_run_does_is_one_line_and_125(void **state)
{
	char directory[] = "/tmp/penumbra-trace.XXXXXX", path[64], option[80];
	int fd;

	(void)state;
	skip_without(PAGELAB);
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/pipe", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	snprintf(option, sizeof(option), "--trace=%s", path);
	process_start(p, NULL,
		      (const char *const[]){"run", "--no-warnings", "--mmu=shadow", option, PAGELAB,
					    "--", "all", NULL});
	process_await(p, "touch");
	close(fd);
	process_wait(p);
	unlink(path);
	rmdir(directory);
	assert_int_equal(p->status, 125);
	CHECK_CONTAINS("pipe", p->err, "cannot be written: Broken pipe\n");
	CHECK_CONTAINS("guest", p->out, "all      ok");
}

static unsigned lines_with(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text++)
		n++;
	return n;
}

/* An OUTSB is emulated, and the page it reads is not there: the guest's #PF is no trap of its own. */
static void a_fault_that_the_emulator_finds_is_traced(void **state)
{
	(void)state;
	RUN(p, "run", "--no-warnings", "--mmu=shadow", "--trace=-",
	    "--trace-filter=guest-fault,inject", SCRIPT, "--", "print", "8000000000", "4", "r8",
	    "8000000000", "r8", "8000000000000000");
	assert_int_equal(p->status, 0);
	/* The read, which traps, is told in the same words. */
	assert_int_equal(lines_with(p->err, "0x8000000000 kernel read: not-present at level "), 2);
	assert_int_equal(lines_with(p->err, " guest-fault "), 2);
	assert_int_equal(lines_with(p->err, "vector 13, error code 0x0"), 1);
}

static void a_trace_to_minus_is_lines_on_standard_error(void **state)
{
	(void)state;
	RUN(p, "run", "--no-warnings", "--mmu=shadow", "--trace=-", "--trace-filter=fault", SCRIPT,
	    "--", "say", "hello", "exit", "5");
	assert_int_equal(p->status, 5);
	assert_string_equal(p->out, "hello\n");
	assert_true(strncmp(p->err, trace_line_head, strlen(trace_line_head)) == 0);
	assert_true(lines_with(p->err, " hidden-fault ") > 5);
	assert_int_equal(lines_with(p->err, "\n"), 1 + lines_with(p->err, "-fault "));
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(a_trace_has_as_many_events_as_the_statistics_count),
	SUBJECT_TEST(changes_of_mode_are_traced),
	SUBJECT_TEST(two_runs_have_the_same_events_but_for_their_times),
	SUBJECT_TEST(a_filter_leaves_its_types_and_nothing_else),
	SUBJECT_TEST(in_hw_mode_exits_and_marks_are_traced),
	SUBJECT_TEST(a_killed_run_leaves_a_trace_that_can_be_read),
	SUBJECT_TEST(a_trace_that_cannot_be_written_is_one_line_and_125),
	SUBJECT_TEST(a_trace_that_ends_before_the_run_does_is_one_line_and_125),
	SUBJECT_TEST(a_fault_that_the_emulator_finds_is_traced),
	SUBJECT_TEST(a_trace_to_minus_is_lines_on_standard_error),
};

GROUP_OF(trace, tests);
