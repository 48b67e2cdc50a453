/* SPDX-License-Identifier: MIT */
/* Sources of a trace that the host gives: first touches by userfaultfd, KVM's statistics. */
#include "fixture.h"
#include "groups.h"
#include "trace_run.h"

#include "kvm/probe_kernel.h"
#include "machine.h"
#include "trace/words.h"

#include <stdlib.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)
/* Guest RAM that neither the loader nor the boot has touched. */
#define COLD_FROM MIB(16)
#define COLD_TO	  MIB(48)

static struct process process, *const p = &process;
static const char *const modes[] = {"--mmu=hw", "--mmu=shadow"};

/* Runs the script guest with these options, traced; its records, which the caller frees. */
static struct pn_trace_record *traced(const char *const *options, const char *const *script,
				      size_t *count)
{
	return trace_script(p, NULL, options, script, count);
}

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Some are touched twice, one across two pages, one read first; 0x1010000 and what lies between never. */
static const char *const touches[] = {
	"w8",	   "1000000", "1",  "w1",      "1003123", "2",	     "w8", "1005ffc", "3", "w1",
	"1000fff", "4",	      "r8", "1008000", "w8",	  "1008010", "5",  "exit",    "7", NULL,
};

struct touch {
	gpa_t gpa;
	bool write;
};

static const struct touch touched[] = {
	{0x1000000, true}, {0x1003000, true},  {0x1005000, true},
	{0x1006000, true}, {0x1008000, false},
};

/* The records of that source about cold RAM, moved to the front; how many. */
static size_t cold(struct pn_trace_record *r, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (r[i].type == PN_TRACE_SECOND_FAULT && r[i].address >= COLD_FROM &&
		    r[i].address < COLD_TO)
			r[n++] = r[i];
	return n;
}

static void each_page_touched_first_is_one_fault_in_either_mode(void **state)
{
	(void)state;
	for (size_t m = 0; m < COUNT(modes); m++) {
		size_t count, n;
		struct pn_trace_record *r =
			traced(OPTIONS(modes[m], "--trace-source=uffd"), touches, &count);

		n = cold(r, count);
		CHECK_NUMBER(modes[m], "faults", n, COUNT(touched));
		for (size_t i = 0; i < n; i++) {
			CHECK_NUMBER(modes[m], "GPA", r[i].address, touched[i].gpa);
			CHECK_NUMBER(modes[m], "bytes", r[i].value[0], PAGE);
			CHECK_NUMBER(modes[m], "source", r[i].source, PN_SOURCE_UFFD);
			CHECK_NUMBER(modes[m], "mode", r[i].mode, m);
			CHECK_TRUE(modes[m], r[i].cost > 0);
			/* In shadow mode Penumbra itself reads what an instruction will write. */
			if (m == 0 && touched[i].write)
				CHECK_NUMBER(modes[m], "write", r[i].error, 2);
			CHECK_TRUE(modes[m], i == 0 || r[i].time >= r[i - 1].time + r[i - 1].cost);
		}
		free(r);
	}
}

/* All of pagelab passes, with every page of RAM coming through the source. */
static void a_run_does_the_same_as_without_it(void **state)
{
	static struct trace_run with, without;
	struct trace_sum *sum;

	(void)state;
	for (size_t m = 0; m < repeats(COUNT(modes), 1); m++) {
		trace_run(&without, OPTIONS(modes[m]));
		trace_run(&with, OPTIONS(modes[m], "--trace-source=uffd,stats"));
		assert_string_equal(with.process.out, without.process.out);
		assert_int_equal(trace_run_number(&with, NULL, "guest_faults"),
				 trace_run_number(&without, NULL, "guest_faults"));
		sum = trace_sum(with.trace);
		assert_true(sum->summary.count[PN_TRACE_SECOND_FAULT] > 100);
		assert_int_equal(sum->summary.gaps + sum->summary.unknown, 0);
		trace_sum_free(sum);
		trace_run_free(&without);
		trace_run_free(&with);
	}
}

/* A filter leaves the faults out of the trace; they are resolved all the same. */
static void what_is_not_wanted_is_resolved_and_not_told(void **state)
{
	struct pn_trace_record *r;
	size_t count;

	(void)state;
	r = traced(OPTIONS("--trace-source=uffd,stats", "--trace-filter=exit"), touches, &count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(r[i].type, PN_TRACE_EXIT);
	assert_true(count > 0);
	free(r);
}

/* Reserves huge pages in a rig, which is a machine of its own. */
static bool have_huge_pages(unsigned pages)
{
	uint64_t reserved, available;
	FILE *f;

	if (getenv("PENUMBRA_RIG") && (f = fopen("/proc/sys/vm/nr_hugepages", "we"))) {
		fprintf(f, "%u\n", pages);
		fclose(f);
	}
	return probe_hugepages(MIB(2), &reserved, &available) && available >= pages;
}

static void a_huge_page_is_one_fault(void **state)
{
	static const gpa_t pages[] = {0x1000000, 0x1200000, 0x1800000};
	static const char *const script[] = {
		"w8", "1000000", "1",	    "w8", "11ffff8", "1", "w8", "1200000",
		"1",  "w8",	 "1800000", "1",  "exit",    "7", NULL,
	};
	struct pn_trace_record *r;
	size_t count, n;

	(void)state;
	if (!have_huge_pages(16)) {
		print_message("skipped: no 16 huge pages of 2 MiB are free\n");
		skip();
	}
	r = traced(OPTIONS("--mem=32M", "--hugepages=2M", "--trace-source=uffd"), script, &count);
	n = cold(r, count);
	assert_int_equal(n, COUNT(pages));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(r[i].address, pages[i]);
		assert_int_equal(r[i].value[0], MIB(2));
	}
	free(r);
}

#define SHARED 300 /* pages */

struct race {
	uint8_t *from;
	pthread_barrier_t barrier;
};

static void *touch_all(void *arg)
{
	struct race *race = arg;

	for (unsigned i = 0; i < SHARED; i++) {
		pthread_barrier_wait(&race->barrier);
		*(volatile uint8_t *)(race->from + i * PAGE);
	}
	return NULL;
}

/* The host's own touches, of two threads at once: both go on, and there is one fault a page. */
static void a_page_that_two_touch_at_once_is_one_fault(void **state)
{
	char path[] = "/tmp/penumbra-trace.XXXXXX";
	struct subject *s = *state;
	struct pn_trace_record *r;
	struct race race;
	pthread_t thread;
	uint64_t dropped;
	size_t count;

	close(mkstemp(path));
	subject_script(s, NULL, "exit 0");
	CHECK_CODE("start",
		   machine_trace_open(s->m, path, NULL, UINT32_MAX, 1u << PN_SOURCE_UFFD, &s->err),
		   PN_OK);
	CHECK_CODE("start", machine_trace_start(s->m, &s->err), PN_OK);
	race.from = s->m->ram.hva + COLD_FROM;
	pthread_barrier_init(&race.barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, touch_all, &race), 0);
	touch_all(&race);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&race.barrier);
	assert_int_equal(machine_trace_stop(s->m, &dropped), 0);
	r = trace_records(path, &count);
	unlink(path);
	assert_int_equal(cold(r, count), SHARED);
	for (size_t i = 0; i < SHARED; i++)
		assert_int_equal(r[i].address, COLD_FROM + i * PAGE);
	free(r);
}

/* --- Statistics --- */

#define OUTS "6000"

static void check_sequence(const struct pn_trace_record *r, size_t count, unsigned kind)
{
	uint64_t first = 0, last = 0, sum = 0;
	size_t samples = 0;

	for (size_t i = 0; i < count; i++) {
		if (r[i].type != PN_TRACE_COUNTER || r[i].kind != kind)
			continue;
		assert_int_equal(r[i].source, PN_SOURCE_STATS);
		if (!samples++)
			first = last = r[i].value[0];
		CHECK_NUMBER(trace_counter_name(kind), "before", r[i].value[0], last);
		last = r[i].value[1];
		sum += r[i].value[1] - r[i].value[0];
	}
	CHECK_TRUE(trace_counter_name(kind), samples != 1);
	CHECK_NUMBER(trace_counter_name(kind), "sum", sum, last - first);
}

/* They come at the start, now and then, and at the end, when they have counted all that we have. */
static void statistics_are_sampled_from_start_to_end(void **state)
{
	static const char *const script[] = {"outs", OUTS, "exit", "7", NULL};
	uint64_t exits = 0, counted = 0, first = 0;
	size_t count, samples = 0;
	struct pn_trace_record *r;

	(void)state;
	r = traced(OPTIONS("--mmu=hw", "--trace-source=stats"), script, &count);
	for (unsigned kind = 0; kind < PN_COUNTERS; kind++)
		check_sequence(r, count, kind);
	for (size_t i = 0; i < count; i++) {
		exits += r[i].type == PN_TRACE_EXIT;
		if (r[i].type != PN_TRACE_COUNTER || r[i].kind != PN_COUNTER_EXITS)
			continue;
		if (!samples++)
			first = r[i].value[0];
		/* It is told of when it has changed, or at the start and at the end. */
		CHECK_TRUE("changed", r[i].value[0] != r[i].value[1] || samples == 1 ||
					      r[i].time >= r[count - 1].time);
		counted = r[i].value[1];
	}
	assert_true(exits > strtoul(OUTS, NULL, 16));
	assert_true(counted - first >= exits);
	assert_true(samples >= 4);
	assert_int_equal(r[0].type, PN_TRACE_COUNTER);
	assert_int_equal(r[count - 1].type, PN_TRACE_COUNTER);
	free(r);
}

/* --- Start and end --- */

static unsigned threads(void)
{
	char line[128];
	unsigned n = 0;
	FILE *f = fopen("/proc/self/status", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		(void)sscanf(line, "Threads: %u", &n);
	fclose(f);
	return n;
}

/* One that was joined is in the kernel's count for a moment yet. */
static bool await_threads(unsigned wanted)
{
	for (unsigned i = 0; i < patience() * 1000 && threads() != wanted; i++)
		usleep(1000);
	return threads() == wanted;
}

/* And a second trace of the same machine can be had. */
static void a_trace_that_is_over_leaves_no_thread_and_no_descriptor(void **state)
{
	const uint32_t sources = 1u << PN_SOURCE_UFFD | 1u << PN_SOURCE_STATS;
	struct subject *s = *state;
	unsigned before, descriptors;
	uint64_t dropped;

	subject_script(s, NULL, "w8 1000000 1 exit 0");
	before = threads();
	descriptors = open_descriptors();
	for (unsigned i = 0; i < 3; i++) {
		CHECK_CODE(
			"start",
			machine_trace_open(s->m, "/dev/null", NULL, UINT32_MAX, sources, &s->err),
			PN_OK);
		CHECK_CODE("start", machine_trace_start(s->m, &s->err), PN_OK);
		assert_true(threads() >= before + 3);
		assert_int_equal(machine_trace_stop(s->m, &dropped), 0);
		assert_int_equal(dropped, 0);
		assert_true(await_threads(before));
		assert_int_equal(open_descriptors(), descriptors);
	}
	assert_int_equal(subject_run(s), PN_END_STATUS);
}

static void a_source_that_is_none_is_one_line_and_125(void **state)
{
	(void)state;
	RUN(p, "run", "--trace=/dev/null", "--trace-source=uffd,nowhere", SCRIPT);
	expect_failure(p, "no source", 125, "nowhere: no such source");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(each_page_touched_first_is_one_fault_in_either_mode),
	SUBJECT_TEST(a_run_does_the_same_as_without_it),
	SUBJECT_TEST(what_is_not_wanted_is_resolved_and_not_told),
	SUBJECT_TEST(a_huge_page_is_one_fault),
	SUBJECT_TEST(a_page_that_two_touch_at_once_is_one_fault),
	SUBJECT_TEST(statistics_are_sampled_from_start_to_end),
	SUBJECT_TEST(a_trace_that_is_over_leaves_no_thread_and_no_descriptor),
	SUBJECT_TEST(a_source_that_is_none_is_one_line_and_125),
};

GROUP_OF(trace_host, tests);
