/* SPDX-License-Identifier: MIT */
/* Diffs: what is aligned, what it costs, and what is refused. */
#include "trace_fixture.h"

#include "trace/diff/diff.h"

#include <stdlib.h>
#include <unistd.h>

struct pair {
	struct trace_file a;
	char other[32];
	int fd;
	uint32_t number;
	struct trace_diff diff;
	char *text;
	size_t size;
};

static struct pair pair, *const p = &pair;

static int set_up(void **state)
{
	void *file;

	trace_file_set_up(&file);
	memset(p, 0, sizeof(*p));
	p->a = *(struct trace_file *)file;
	strcpy(p->other, "/tmp/penumbra-other.XXXXXX");
	p->fd = mkstemp(p->other);
	assert_int_equal(trace_write_head(p->fd, &p->a.header, &p->a.symbols), 0);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	void *file = &p->a;

	(void)state;
	trace_diff_free(&p->diff);
	free(p->text);
	close(p->fd);
	unlink(p->other);
	return trace_file_tear_down(&file);
}

static void add_b(struct pn_trace_record r)
{
	r.number = p->number++;
	assert_int_equal(trace_write_all(p->fd, &r, sizeof(r)), 0);
}

static void add_both(struct pn_trace_record r)
{
	trace_file_add(&p->a, r);
	add_b(r);
}

static int compare(struct pn_error *err)
{
	return trace_diff(&p->diff, p->a.path, p->other, NULL, NULL, err);
}

static void print(void)
{
	FILE *out = open_memstream(&p->text, &p->size);
	size_t width = 0;

	trace_diff_print(&p->diff, out);
	fclose(out);
	for (const char *c = p->text; *c; c++) {
		width = *c == '\n' ? 0 : width + 1;
		if (width > 80)
			fail_msg("more than 80 columns: %.*s", 90, c - 80);
	}
}

static struct pn_trace_record fault(uint64_t time, uint64_t page)
{
	return (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT,
					.time = time,
					.rip = 0x1004,
					.cost = 100,
					.address = page << 12,
					.error = 2};
}

/* A is in shadow mode: hidden faults come with the guest's own. */
static void what_a_mode_adds_is_told_apart_from_the_guest_s_own(void **state)
{
	struct pn_error err;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct pn_trace_record r = fault(i * 1000, i);

		add_b(r);
		r.mode = PN_MODE_SHADOW;
		r.error = 6; /* the sources may tell it differently */
		r.rip = 0x2000;
		trace_file_add(&p->a, r);
		for (unsigned k = 0; k < 3; k++) {
			r.type = PN_TRACE_HIDDEN_FAULT;
			r.time += 10;
			r.cost = 50;
			trace_file_add(&p->a, r);
		}
	}
	assert_int_equal(compare(&err), PN_OK);
	assert_int_equal(p->diff.same, 100);
	assert_int_equal(p->diff.places, 0);
	assert_int_equal(p->diff.own[DIFF_FAULT].between[0], 300);
	assert_int_equal(p->diff.own[DIFF_FAULT].between[1], 0);
	assert_int_equal(p->diff.own[DIFF_FAULT].cost_ns[0], 100 * 250);
	assert_int_equal(p->diff.own[DIFF_FAULT].cost_ns[1], 100 * 100);
	assert_int_equal(p->diff.own[DIFF_FAULT].elapsed_ns[0], 99 * 1000);
	print();
	CHECK_CONTAINS("hidden", p->text, "\nhidden-fault       300         0      -300 ");
	CHECK_CONTAINS("same", p->text,
		       "\n100 of 100 (A) and 100 (B) are the same, in the same order.\n");
	CHECK_CONTAINS("symbol", p->text, "\nhandler                     400         0 ");
}

static void the_first_places_where_they_differ_are_told(void **state)
{
	struct pn_error err;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		add_both(fault(i * 1000, i));
		if (i == 20)
			trace_file_add(&p->a, fault(i * 1000 + 600, 777));
		if (i == 30)
			add_b(fault(i * 1000 + 500, 888));
	}
	assert_int_equal(compare(&err), PN_OK);
	assert_int_equal(p->diff.same, 40);
	assert_int_equal(p->diff.places, 2);
	assert_int_equal(p->diff.place[0].count[0], 1);
	assert_int_equal(p->diff.place[0].count[1], 0);
	assert_int_equal(p->diff.place[0].number[0], 21);
	assert_int_equal(p->diff.place[1].first[1].address, 888 << 12);
	print();
	CHECK_CONTAINS("places", p->text, "They differ in 2 places:\n");
	CHECK_CONTAINS("A", p->text, "  A  1 from number 21 on, at 0.021 ms\n");
	CHECK_CONTAINS("event", p->text, "0x309000 kernel write: ");
	CHECK_CONTAINS("B", p->text, "  B  nothing\n");
}

/* A's hw mode was watched by the guest and by breakpoints, its shadow mode by traps as well: whoever
 * is nearest to the processor is listened to. Where roots lie is chance. */
static void what_several_sources_have_seen_counts_once(void **state)
{
	struct pn_error err;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		struct pn_trace_record r = fault(i * 1000, i);

		if (i % 10 == 9)
			r = (struct pn_trace_record){.type = PN_TRACE_CR3,
						     .time = i * 1000,
						     .value = {0, (i % 7 + 1) << 12}};
		r.source = PN_SOURCE_SHADOW;
		r.mode = PN_MODE_SHADOW;
		add_b(r);
		r.value[1] *= 2;
		r.mode = i < 30 ? PN_MODE_HW : PN_MODE_SHADOW;
		r.source = i < 30 ? PN_SOURCE_BREAK : PN_SOURCE_SHADOW;
		trace_file_add(&p->a, r);
		r.source = PN_SOURCE_GUEST;
		r.time += 10;
		r.cost = 0;
		trace_file_add(&p->a, r);
	}
	assert_int_equal(compare(&err), PN_OK);
	assert_int_equal(p->diff.side[0].own[DIFF_FAULT], 54);
	assert_int_equal(p->diff.same, 60);
	assert_int_equal(p->diff.places, 0);
	assert_int_equal(p->diff.own[DIFF_FAULT].cost_ns[0], 54 * 100);
	assert_int_equal(p->diff.own[DIFF_FAULT].between[0], 0);
}

/* What one side has no source for is no difference. */
static void what_one_side_has_not_seen_is_left_out(void **state)
{
	struct pn_error err;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		add_both(fault(i * 1000, i));
		trace_file_add(&p->a, (struct pn_trace_record){.type = PN_TRACE_FLUSH,
							       .time = i * 1000 + 5,
							       .kind = PN_FLUSH_PAGE,
							       .cause = PN_CAUSE_INVLPG});
	}
	assert_int_equal(compare(&err), PN_OK);
	assert_int_equal(p->diff.same, 10);
	assert_int_equal(p->diff.places, 0);
	print();
	CHECK_CONTAINS("left out", p->text, "not seen in B: left out\n");
}

/* The log of a guest is drained now and then: its records come late. */
static void times_that_go_back_a_little_do_not_matter(void **state)
{
	struct pn_error err;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		trace_file_add(&p->a, fault(i * 1000, i));
		add_b(fault((i / 50 * 50 + 49 - i % 50) * 1000, i / 50 * 50 + 49 - i % 50));
	}
	assert_int_equal(compare(&err), PN_OK);
	assert_int_equal(p->diff.same, 200);
}

static void refuse(const char *says)
{
	struct pn_error err;

	assert_int_equal(compare(&err), PN_ERR_IMAGE);
	CHECK_ONE_LINE(says, err.text);
	CHECK_CONTAINS(says, err.text, says);
}

static void traces_of_two_guests_are_refused(void **state)
{
	(void)state;
	strcpy(p->a.header.guest, "other.elf");
	assert_int_equal(pwrite(p->fd, &p->a.header, sizeof(p->a.header), 0), sizeof(p->a.header));
	refuse("give two traces of one guest");
}

static void traces_of_two_builds_are_refused(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(p->fd, 0), 0);
	assert_int_equal(lseek(p->fd, 0, SEEK_SET), 0);
	assert_int_equal(symbols_add(&p->a.symbols, 0x3000, 1, "more"), PN_OK);
	assert_int_equal(trace_write_head(p->fd, &p->a.header, &p->a.symbols), 0);
	refuse("two builds of guest.elf");
}

static void what_is_no_trace_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(p->fd, 100), 0);
	refuse("no trace of Penumbra's");
}

/* Any bytes for records: an answer, in 80 columns. */
static void hostile_records_are_compared_all_the_same(void **state)
{
	struct pn_trace_record r;
	struct pn_error err;
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		unsigned char *bytes = (unsigned char *)&r;

		for (size_t k = 0; k < sizeof(r); k++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			bytes[k] = (unsigned char)(seed >> 56);
		}
		r.type %= PN_TRACE_TYPES + 1;
		if (i % 3)
			trace_file_add(&p->a, r);
		if (i % 5)
			add_b(r);
	}
	assert_int_equal(compare(&err), PN_OK);
	print();
}

#define PAIR_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR_TEST(what_a_mode_adds_is_told_apart_from_the_guest_s_own),
		PAIR_TEST(the_first_places_where_they_differ_are_told),
		PAIR_TEST(what_several_sources_have_seen_counts_once),
		PAIR_TEST(what_one_side_has_not_seen_is_left_out),
		PAIR_TEST(times_that_go_back_a_little_do_not_matter),
		PAIR_TEST(traces_of_two_guests_are_refused),
		PAIR_TEST(traces_of_two_builds_are_refused),
		PAIR_TEST(what_is_no_trace_is_refused),
		PAIR_TEST(hostile_records_are_compared_all_the_same),
	};

	return cmocka_run_group_tests_name("trace-diff", tests, NULL, NULL);
}
