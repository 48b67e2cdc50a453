/* SPDX-License-Identifier: MIT */
/* The summary of a trace: what is counted, what is lost, and how it is printed. */
#include "trace_fixture.h"

#include "trace/summary.h"
#include "trace/words.h"

#include <stdlib.h>

static struct trace_summary summary, *const s = &summary;
static char *text;
static size_t text_size;

static void begin(const struct trace_file *f, uint64_t end_ns)
{
	assert_int_equal(trace_summary_init(s, &f->symbols, end_ns), PN_OK);
}

/* Ends it and leaves its text in `text`. */
static void end(const struct trace_file *f)
{
	FILE *out = open_memstream(&text, &text_size);

	trace_summary_end(s);
	trace_summary_print(s, &f->header, out);
	fclose(out);
}

static void done(void)
{
	free(text);
	text = NULL;
	trace_summary_fini(s);
}

static void add(struct trace_file *f, struct pn_trace_record r)
{
	r.number = f->number++;
	trace_summary_add(s, &r);
}

static void expect_80_columns(void)
{
	size_t width = 0;

	for (const char *c = text; *c; c++) {
		width = *c == '\n' ? 0 : width + 1;
		if (width > 80)
			fail_msg("more than 80 columns: %.*s", 90, c - 80);
	}
}

static void every_type_is_counted_apart(void **state)
{
	struct trace_file *f = *state;

	begin(f, 20000);
	for (unsigned type = 1; type < PN_TRACE_TYPES; type++)
		for (unsigned i = 0; i < type; i++)
			add(f, (struct pn_trace_record){
				       .type = (uint8_t)type, .time = i, .cost = type * 1000});
	end(f);
	for (unsigned type = 1; type < PN_TRACE_TYPES; type++) {
		assert_int_equal(s->count[type], type);
		CHECK_CONTAINS("type", text, trace_type_name(type));
		if (type == PN_TRACE_DROP)
			continue;
		assert_int_equal(s->cost[type].count, type);
		assert_int_equal(s->cost[type].sum, type * type * 1000);
	}
	expect_80_columns();
	done();
}

static void types_of_a_later_version_are_passed_over_and_counted(void **state)
{
	struct trace_file *f = *state;

	begin(f, 100);
	add(f, (struct pn_trace_record){.type = PN_TRACE_TYPES});
	add(f, (struct pn_trace_record){.type = 255, .vcpu = 255});
	add(f, (struct pn_trace_record){.type = PN_TRACE_NONE});
	add(f, (struct pn_trace_record){.type = PN_TRACE_HALT});
	end(f);
	assert_int_equal(s->unknown, 3);
	assert_int_equal(s->records, 4);
	CHECK_CONTAINS("text", text, "3 events of types that this program does not know");
	done();
}

static void faults_are_told_by_code_and_by_page(void **state)
{
	struct trace_file *f = *state;

	begin(f, 1000);
	for (unsigned i = 0; i < 5; i++)
		add(f, (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT,
						.rip = 0x1000 + i,
						.address = 0x7000 + i});
	for (unsigned i = 0; i < 3; i++)
		add(f, (struct pn_trace_record){
			       .type = PN_TRACE_HIDDEN_FAULT, .rip = 0x2000, .address = 0x7fff});
	add(f, (struct pn_trace_record){
		       .type = PN_TRACE_HIDDEN_FAULT, .rip = 0x9000, .address = 0x1080});
	end(f);
	CHECK_CONTAINS("main", text, "           5         5         0  main\n");
	CHECK_CONTAINS("handler", text, "           3         0         3  handler\n");
	CHECK_CONTAINS("none", text, "           1         0         1  no symbol\n");
	CHECK_CONTAINS("page", text, "           8         5         3  0x0000000000007000 \n");
	CHECK_CONTAINS("named", text,
		       "           1         0         1  0x0000000000001000 main\n");
	done();
}

static void more_than_ten_are_summed_up(void **state)
{
	struct trace_file *f = *state;

	begin(f, 1000);
	for (unsigned page = 0; page < 25; page++)
		for (unsigned i = 0; i < 2; i++)
			add(f, (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT,
							.address = page * 0x1000});
	end(f);
	CHECK_CONTAINS("rest", text, "          30 elsewhere, in 15 others\n");
	done();
}

static void flushes_are_told_by_kind_and_cause(void **state)
{
	struct trace_file *f = *state;

	begin(f, 1000);
	for (unsigned i = 0; i < 4; i++)
		add(f, (struct pn_trace_record){.type = PN_TRACE_FLUSH,
						.kind = PN_FLUSH_PAGE,
						.cause = PN_CAUSE_INVLPG,
						.count = i});
	add(f, (struct pn_trace_record){
		       .type = PN_TRACE_FLUSH, .kind = PN_FLUSH_ALL, .cause = PN_CAUSE_CR4});
	add(f, (struct pn_trace_record){.type = PN_TRACE_FLUSH, .kind = 77, .cause = 0});
	add(f, (struct pn_trace_record){.type = PN_TRACE_FLUSH, .kind = 0, .cause = 99});
	end(f);
	CHECK_CONTAINS("page", text, "           4         6       1.5  page by INVLPG\n");
	CHECK_CONTAINS("all", text, "           1         0       0.0  all by CR4\n");
	CHECK_CONTAINS("unknown", text, "           2         -         -  unknown\n");
	done();
}

/* Ten windows of one length; a page is counted once in each that it is seen in. */
static void the_working_set_is_told_by_tenths(void **state)
{
	struct trace_file *f = *state;

	begin(f, 999);
	for (unsigned ns = 0; ns < 1000; ns++)
		add(f, (struct pn_trace_record){.type = ns % 2 ? PN_TRACE_GUEST_FAULT
							       : PN_TRACE_HIDDEN_FAULT,
						.time = ns,
						.address = (uint64_t)(ns % (1 + ns / 100)) << 12});
	end(f);
	for (unsigned i = 0; i < SUMMARY_WINDOWS; i++) {
		assert_int_equal(s->window[i].pages, i + 1);
		assert_int_equal(s->window[i].guest_faults, 50);
		assert_int_equal(s->window[i].hidden_faults, 50);
	}
	done();
}

static void times_out_of_order_do_no_harm(void **state)
{
	static const uint64_t times[] = {500, 0, UINT64_MAX, 7, UINT64_MAX - 1, 999, 1};
	struct trace_file *f = *state;
	uint64_t sum = 0;

	begin(f, 999);
	for (unsigned i = 0; i < COUNT(times); i++)
		add(f, (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT, .time = times[i]});
	end(f);
	for (unsigned i = 0; i < SUMMARY_WINDOWS; i++)
		sum += s->window[i].guest_faults;
	assert_int_equal(sum, COUNT(times));
	done();
	/* An end at the end of all time, and none. */
	begin(f, UINT64_MAX);
	add(f, (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT, .time = UINT64_MAX});
	end(f);
	assert_int_equal(s->window[SUMMARY_WINDOWS - 1].guest_faults, 1);
	expect_80_columns();
	done();
	begin(f, 0);
	end(f);
	CHECK_CONTAINS("no end", text, "No working set");
	done();
}

/* Beyond its memory it says how much it does not know. */
static void more_pages_than_it_holds_are_said_to_be_more(void **state)
{
	struct trace_file *f = *state;

	begin(f, 10);
	for (uint64_t page = 0; page < 100000; page++)
		add(f,
		    (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT, .address = page << 12});
	end(f);
	assert_int_equal(s->page.used + s->page.rest, 100000);
	assert_true(s->page.rest > 0);
	CHECK_CONTAINS("pages", text, "elsewhere, in more than ");
	CHECK_CONTAINS("window", text, " and more\n");
	expect_80_columns();
	done();
}

static void what_was_lost_is_said(void **state)
{
	struct trace_file *f = *state;

	begin(f, 1000);
	add(f, (struct pn_trace_record){.type = PN_TRACE_HALT});
	f->number += 41;
	add(f, (struct pn_trace_record){.type = PN_TRACE_DROP, .count = 41});
	end(f);
	CHECK_CONTAINS("lost", text, "lost    41, for want of room in the ring\n");
	done();
	/* A gap without a DROP is of a file that was tampered with. */
	f->number = 0;
	begin(f, 1000);
	add(f, (struct pn_trace_record){.type = PN_TRACE_HALT});
	f->number += 5;
	add(f, (struct pn_trace_record){.type = PN_TRACE_HALT});
	end(f);
	CHECK_CONTAINS("gap", text, "lost    0; 5 numbers are missing\n");
	done();
}

/* Seconds of one event, as of a host that was suspended, and all at the same time; losses beyond
 * belief. */
static void great_numbers_keep_to_their_columns(void **state)
{
	struct trace_file *f = *state;

	begin(f, 0);
	for (unsigned i = 0; i < 40; i++)
		add(f, (struct pn_trace_record){
			       .type = PN_TRACE_EXIT, .time = 1, .cost = UINT32_MAX - i});
	for (unsigned i = 0; i < 40; i++) {
		f->number += UINT32_MAX / 2 - 1;
		add(f, (struct pn_trace_record){.type = PN_TRACE_DROP, .count = UINT32_MAX});
	}
	end(f);
	CHECK_CONTAINS("p50", text, " 4294967 ");
	CHECK_CONTAINS("lost", text, "lost    171798691800, for want of room in the ring;\n");
	CHECK_CONTAINS("lost", text, " numbers are missing\n");
	expect_80_columns();
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACE_TEST(every_type_is_counted_apart),
		TRACE_TEST(types_of_a_later_version_are_passed_over_and_counted),
		TRACE_TEST(faults_are_told_by_code_and_by_page),
		TRACE_TEST(more_than_ten_are_summed_up),
		TRACE_TEST(flushes_are_told_by_kind_and_cause),
		TRACE_TEST(the_working_set_is_told_by_tenths),
		TRACE_TEST(times_out_of_order_do_no_harm),
		TRACE_TEST(more_pages_than_it_holds_are_said_to_be_more),
		TRACE_TEST(what_was_lost_is_said),
		TRACE_TEST(great_numbers_keep_to_their_columns),
	};

	return cmocka_run_group_tests_name("trace-summary", tests, NULL, NULL);
}
