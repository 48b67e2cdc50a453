/* SPDX-License-Identifier: MIT */
/* `penumbra trace` on the trace of a real run: the summary, each export, its failures. */
#include "fixture.h"
#include "groups.h"
#include "trace_run.h"
#include "unit/trace_events.h"

#include "trace/words.h"

#include <stdlib.h>
#include <unistd.h>

#define WHOLE	 (16u << 20)
#define DOCUMENT "docs/trace-format.md"
#define PYTHON	 "/usr/bin/python3"

static struct trace_run run;
static const char *workload;
static struct process process, *const p = &process;

static void forget(void)
{
	trace_run_free(&run);
}

/* One run serves all tests. */
static void trace_once(void)
{
	if (run.json)
		return;
	workload = repeats(1, 0) ? "all" : "fork";
	trace_run_one(&run, (const char *const[]){"--mmu=shadow", NULL}, workload);
	atexit(forget);
}

/* Exports to a file and returns its text; the caller frees it. */
static char *export_as(const char *format)
{
	char path[] = "/tmp/penumbra-export.XXXXXX", option[32], output[48];
	int fd = mkstemp(path);
	char *text = malloc(WHOLE);
	ssize_t n;

	assert_non_null(text);
	snprintf(option, sizeof(option), "--export=%s", format);
	snprintf(output, sizeof(output), "--output=%s", path);
	RUN(p, "trace", option, output, run.trace);
	if (p->status != 0)
		fail_msg("%s: status %d: %s", format, p->status, p->err);
	assert_string_equal(p->out, "");
	n = read(fd, text, WHOLE - 1);
	assert_true(n > 0);
	text[n] = 0;
	close(fd);
	unlink(path);
	return text;
}

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void the_summary_tells_the_counts_in_80_columns(void **state)
{
	struct trace_sum *sum;
	char guest[48];

	(void)state;
	trace_once();
	sum = trace_sum(run.trace);
	RUN(p, "trace", "--summary", run.trace);
	assert_int_equal(p->status, 0);
	assert_true(fits_80_columns(p->out));
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++) {
		char row[48];

		snprintf(row, sizeof(row), "\n%-12s %9llu ", trace_type_name(i),
			 (unsigned long long)sum->summary.count[i]);
		if (sum->summary.count[i])
			CHECK_CONTAINS("row", p->out, row);
	}
	snprintf(guest, sizeof(guest), "guest   pagelab.elf %s\n", workload);
	CHECK_CONTAINS("guest", p->out, guest);
	CHECK_CONTAINS("flushes", p->out, "page by INVLPG\n");
	CHECK_CONTAINS("lost", p->out, "lost    0\n");
	trace_sum_free(sum);
}

static void each_export_has_every_event(void **state)
{
	struct trace_events found;
	struct trace_sum *sum;
	const struct trace_summary *s;
	unsigned long long c[4];
	char *text;

	(void)state;
	trace_once();
	sum = trace_sum(run.trace);
	s = &sum->summary;
	text = export_as("json");
	assert_int_equal(lines(text), s->records + 1);
	free(text);
	text = export_as("csv");
	assert_int_equal(lines(text), s->records + 1);
	free(text);
	text = export_as("chrome");
	json_decref(trace_events_check(text, &found));
	assert_true(found.phase['X'] + found.phase['i'] >= s->records);
	assert_true(found.phase['s'] <= s->count[PN_TRACE_GUEST_FAULT]);
	/* Nearly all of pagelab's faults are resolved. */
	assert_true(found.phase['s'] * 10 > s->count[PN_TRACE_GUEST_FAULT] * 9);
	free(text);
	text = export_as("folded");
	CHECK_CONTAINS("folded", text, ";guest-fault ");
	free(text);
	text = export_as("callgrind");
	assert_int_equal(sscanf(strstr(text, "\nsummary: "), "\nsummary: %llu %llu %llu %llu",
				&c[0], &c[1], &c[2], &c[3]),
			 4);
	assert_int_equal(c[0], s->count[PN_TRACE_GUEST_FAULT]);
	assert_int_equal(c[1], s->count[PN_TRACE_HIDDEN_FAULT]);
	assert_int_equal(c[2], s->count[PN_TRACE_FLUSH]);
	free(text);
	trace_sum_free(sum);
}

/* The program in the document, between "```python" and "```", cut out into a file. */
static void cut_out_the_example(const char *path)
{
	FILE *in = fopen(DOCUMENT, "re"), *out = fopen(path, "we");
	bool inside = false;
	char line[256];

	assert_non_null(in);
	assert_non_null(out);
	while (fgets(line, sizeof(line), in)) {
		if (strncmp(line, "```", 3) == 0)
			inside = strcmp(line, "```python\n") == 0;
		else if (inside)
			fputs(line, out);
	}
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* It prints "type count" a line, and counts what the summary does. */
static void the_document_s_example_reads_a_trace(void **state)
{
	char script[] = "/tmp/penumbra-python.XXXXXX";
	struct trace_sum *sum;

	(void)state;
	skip_without(PYTHON);
	skip_without(DOCUMENT);
	trace_once();
	sum = trace_sum(run.trace);
	close(mkstemp(script));
	cut_out_the_example(script);
	process_run_other(p, PYTHON, (const char *const[]){script, run.trace, NULL});
	if (p->status != 0)
		fail_msg("python: %s", p->err);
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++) {
		char row[48];

		snprintf(row, sizeof(row), "%s %llu\n", trace_type_name(i),
			 (unsigned long long)sum->summary.count[i]);
		if (sum->summary.count[i])
			CHECK_CONTAINS("row", p->out, row);
	}
	unlink(script);
	trace_sum_free(sum);
}

static void the_page_of_a_run_has_all_its_events(void **state)
{
	char path[] = "/tmp/penumbra-page.XXXXXX", option[48], events[48];
	char *text = malloc(WHOLE);
	struct trace_sum *sum;
	ssize_t n;
	int fd;

	(void)state;
	trace_once();
	assert_non_null(text);
	sum = trace_sum(run.trace);
	fd = mkstemp(path);
	snprintf(option, sizeof(option), "--html=%s", path);
	RUN(p, "trace", option, run.trace);
	assert_int_equal(p->status, 0);
	assert_string_equal(p->out, "");
	assert_string_equal(p->err, "");
	n = read(fd, text, WHOLE - 1);
	assert_true(n > 0);
	text[n] = 0;
	snprintf(events, sizeof(events), "\"events\":%llu,",
		 (unsigned long long)sum->summary.records);
	CHECK_CONTAINS("events", text, events);
	CHECK_CONTAINS("end", text, "</html>");
	trace_sum_free(sum);
	close(fd);
	unlink(path);
	free(text);
}

static void the_summary_is_one_json_object(void **state)
{
	struct trace_sum *sum;
	json_t *object;

	(void)state;
	trace_once();
	sum = trace_sum(run.trace);
	RUN(p, "trace", "--summary", "--json", run.trace);
	assert_int_equal(p->status, 0);
	object = json_loads(p->out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	assert_int_equal(json_integer_value(json_object_get(object, "events")),
			 sum->summary.records);
	json_decref(object);
	trace_sum_free(sum);
}

/* A run beside itself: the same, and nothing that only one of them has. */
static void a_run_differs_in_nothing_from_itself(void **state)
{
	json_t *object, *only;

	(void)state;
	trace_once();
	RUN(p, "trace", "diff", run.trace, run.trace);
	assert_int_equal(p->status, 0);
	assert_true(fits_80_columns(p->out));
	CHECK_CONTAINS("same", p->out, " are the same, in the same order.\n");
	RUN(p, "trace", "diff", "--json", run.trace, run.trace);
	assert_int_equal(p->status, 0);
	object = json_loads(p->out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	only = json_object_get(object, "only");
	assert_true(json_integer_value(json_object_get(object, "same")) > 100);
	assert_int_equal(json_integer_value(json_array_get(only, 0)), 0);
	assert_int_equal(json_integer_value(json_array_get(only, 1)), 0);
	json_decref(object);
}

struct refusal {
	const char *arguments[5];
	const char *says;
};

static const struct refusal refusals[] = {
	{{"trace"}, "which file"},
	{{"trace", "a", "b"}, "which file"},
	{{"trace", "/no/such/trace"}, "/no/such/trace: No such file"},
	{{"trace", SCRIPT}, "no trace of Penumbra's"},
	{{"trace", "--summary", SCRIPT}, "no trace of Penumbra's"},
	{{"trace", "--export=xml", SCRIPT}, "--export=xml: give json, csv, chrome"},
	{{"trace", "--export=", SCRIPT}, "--export=: give json"},
	{{"trace", "--export"}, "--export: needs a value"},
	{{"trace", "--summary=1", SCRIPT}, "--summary=1"},
	{{"trace", "--summary", "--export=csv", SCRIPT}, "give one of them"},
	{{"trace", "--filter=what", SCRIPT}, "what: no such event"},
	{{"trace", "--html=x", "--summary", SCRIPT}, "--html: goes with --filter only"},
	{{"trace", "--html=x", "--output=y", SCRIPT}, "--html: goes with --filter only"},
	{{"trace", "--json", "--export=csv", SCRIPT}, "give one of them"},
	{{"trace", "diff"}, "which files"},
	{{"trace", "diff", "a"}, "which files"},
	{{"trace", "diff", "/no/such/a", "/no/such/b"}, "/no/such/a: No such file"},
	{{"trace", "diff", SCRIPT, SCRIPT}, "no trace of Penumbra's"},
	{{"trace", "diff", "--nonsense", "a", "b"}, "--nonsense: no such option"},
	{{"trace", "--nonsense", SCRIPT}, "--nonsense: no such option"},
};

static void what_it_cannot_do_is_one_line_and_125(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		process_run(p, refusals[i].arguments);
		expect_failure(p, refusals[i].says, 125, refusals[i].says);
		assert_string_equal(p->out, "");
	}
}

static void what_it_cannot_write_is_one_line_and_125(void **state)
{
	char itself[48];
	static const char *const hows[] = {"--filter=all", "--summary", "--export=json",
					   "--export=chrome"};

	(void)state;
	trace_once();
	for (size_t i = 0; i < COUNT(hows); i++) {
		RUN(p, "trace", hows[i], "--output=/dev/full", run.trace);
		expect_failure(p, hows[i], 125, "/dev/full: cannot be written: No space left");
		process_start(p, "/dev/full",
			      (const char *const[]){"trace", hows[i], run.trace, NULL});
		process_wait(p);
		expect_failure(p, hows[i], 125, "standard output: No space left");
	}
	snprintf(itself, sizeof(itself), "--html=%s", run.trace);
	RUN(p, "trace", itself, run.trace);
	expect_failure(p, "itself", 125, "it is the trace itself");
	RUN(p, "trace", "--summary", "--output=/no/such/directory/file", run.trace);
	expect_failure(p, "directory", 125, "/no/such/directory/file: cannot be written");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(the_summary_tells_the_counts_in_80_columns),
	SUBJECT_TEST(each_export_has_every_event),
	SUBJECT_TEST(the_page_of_a_run_has_all_its_events),
	SUBJECT_TEST(the_summary_is_one_json_object),
	SUBJECT_TEST(a_run_differs_in_nothing_from_itself),
	SUBJECT_TEST(the_document_s_example_reads_a_trace),
	SUBJECT_TEST(what_it_cannot_do_is_one_line_and_125),
	SUBJECT_TEST(what_it_cannot_write_is_one_line_and_125),
};

GROUP_OF(trace_read, tests);
