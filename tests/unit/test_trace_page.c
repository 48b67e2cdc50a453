/* SPDX-License-Identifier: MIT */
/* The HTML page: what its map counts, how large it gets, and that nothing of a trace is markup in it. */
#include "trace_fixture.h"

#include "trace/html/page.h"

#include <jansson.h>
#include <stdlib.h>

#define PAGE_MAX 5000000 /* bytes, however long the trace is */

static struct trace_page *page;
static char *text;
static size_t size;

static void begin(const struct trace_file *f, uint64_t end_ns)
{
	page = malloc(sizeof(*page));
	assert_non_null(page);
	assert_int_equal(trace_page_init(page, &f->header, &f->symbols, end_ns), PN_OK);
}

static void add(struct trace_file *f, struct pn_trace_record r)
{
	r.number = f->number++;
	trace_page_add(page, &r);
}

/* Ends it; its data, parsed. */
static json_t *end(void)
{
	FILE *out = open_memstream(&text, &size);
	static const char open_tag[] = "id=\"data\">";
	json_error_t error;
	json_t *data;
	char *at;

	trace_page_write(page, out);
	fclose(out);
	at = strstr(text, open_tag);
	assert_non_null(at);
	data = json_loads(at + strlen(open_tag), JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES,
			  &error);
	if (!data)
		fail_msg("%s at %d", error.text, error.position);
	return data;
}

static void done(json_t *data)
{
	json_decref(data);
	free(text);
	trace_page_fini(page);
	free(page);
}

static json_t *member(const json_t *data, const char *a, const char *b)
{
	json_t *object = json_object_get(data, a);

	return b ? json_object_get(object, b) : object;
}

static uint64_t number(const json_t *data, const char *a, const char *b)
{
	assert_true(json_is_integer(member(data, a, b)));
	return (uint64_t)json_integer_value(member(data, a, b));
}

/* All counts of a kind's cells, or of all kinds (NULL); checks that rows and columns are in range. */
static uint64_t in_cells(const json_t *data, const char *kind)
{
	json_t *cells = member(data, "cells", NULL), *list, *row;
	size_t rows = json_array_size(member(data, "rows", NULL)), i;
	uint64_t sum = 0;
	const char *name;

	json_object_foreach(cells, name, list) json_array_foreach(list, i, row)
	{
		assert_true(json_integer_value(json_array_get(row, 0)) < (json_int_t)rows);
		for (size_t k = 1; k < json_array_size(row); k += 2) {
			json_int_t column = json_integer_value(json_array_get(row, k));

			assert_true(column >= 0 && column < GRID_COLUMNS);
			if (!kind || strcmp(kind, name) == 0)
				sum += (uint64_t)json_integer_value(json_array_get(row, k + 1));
		}
	}
	return sum;
}

static uint64_t in_columns(const json_t *data, const char *name)
{
	json_t *list = member(data, "columns", name);
	uint64_t sum = 0;

	for (size_t k = 0; k < json_array_size(list); k += 2)
		sum += (uint64_t)json_integer_value(json_array_get(list, k + 1));
	return sum;
}

static void the_map_counts_each_event_once(void **state)
{
	struct trace_file *f = *state;
	json_t *data;

	begin(f, 100000);
	for (unsigned i = 0; i < 1000; i++) {
		add(f,
		    (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT,
					     .time = i * 100,
					     .kind = i % 2 ? PN_FAULT_WRITE : PN_FAULT_NOT_PRESENT,
					     .address = (uint64_t)(i % 50) << 12});
		add(f, (struct pn_trace_record){.type = PN_TRACE_HIDDEN_FAULT,
						.time = i * 100,
						.mode = PN_MODE_SHADOW,
						.address = (uint64_t)(i % 70) << 12});
	}
	add(f, (struct pn_trace_record){.type = PN_TRACE_TABLE_WRITE, .address = 0x5000});
	add(f, (struct pn_trace_record){.type = PN_TRACE_FLUSH, .kind = PN_FLUSH_ALL});
	add(f, (struct pn_trace_record){.type = PN_TRACE_FLUSH, .kind = PN_FLUSH_PAGE});
	data = end();
	assert_int_equal(in_cells(data, "missing"), 500);
	assert_int_equal(in_cells(data, "write"), 500);
	assert_int_equal(in_cells(data, "hidden"), 1000);
	assert_int_equal(in_cells(data, "flush"), 1);
	assert_int_equal(in_cells(data, "table"), 1);
	assert_int_equal(number(data, "map", "events"), 2002);
	assert_int_equal(number(data, "map", "row_pages"), 1);
	/* Pages 0 to 69, and one of the guest-physical space. */
	assert_int_equal(json_array_size(member(data, "rows", NULL)), 71);
	assert_int_equal(in_columns(data, "guest-fault"), 1000);
	assert_int_equal(in_columns(data, "broad"), 1);
	assert_int_equal(in_columns(data, "shadow"), 1000);
	assert_int_equal(in_columns(data, "hw"), 1003);
	done(data);
}

#define TENTH 1000000 /* ns */

/* A column of a given width and a tenth of the run have a time in common. */
static void expect_in_tenth(uint64_t column, uint64_t width, uint64_t tenth)
{
	uint64_t from = column * width;

	if (from >= (tenth + 1) * TENTH || from + width <= tenth * TENTH)
		fail_msg("column %llu of %llu ns is not in tenth %llu", (unsigned long long)column,
			 (unsigned long long)width, (unsigned long long)tenth);
}

/*
 * The end is not known, and times are in no order: the columns grow until all are in one, and all stay
 * where they belong. Each tenth of the run faults about a page of its own.
 */
static void columns_widen_until_all_is_in_them(void **state)
{
	struct trace_file *f = *state;
	uint64_t cell_ns, lane_ns;
	json_t *data, *row, *list;
	size_t i;

	begin(f, 0);
	for (uint64_t k = 0; k < 5000; k++) {
		uint64_t time = (k + 1) * 2654435761 % (k * 2 * TENTH / 1000 + 1);

		add(f, (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT,
						.time = time,
						.address = time / TENTH << 12});
		/* Only in the seventh tenth. */
		add(f, (struct pn_trace_record){.type = PN_TRACE_HALT,
						.time = 7 * TENTH + k * (TENTH / 5000)});
	}
	data = end();
	assert_int_equal(in_cells(data, NULL), 5000);
	assert_int_equal(in_columns(data, "guest-fault"), 5000);
	assert_int_equal(in_columns(data, "halt"), 5000);
	cell_ns = number(data, "map", "column_ns");
	lane_ns = number(data, "lane_ns", NULL);
	assert_true(cell_ns >= 10 * TENTH / GRID_COLUMNS && cell_ns <= 20 * TENTH / GRID_COLUMNS);
	assert_true(lane_ns >= 10 * TENTH / PAGE_COLUMNS && lane_ns <= 20 * TENTH / PAGE_COLUMNS);
	json_array_foreach(member(data, "cells", "missing"), i, row)
	{
		uint64_t tenth = (uint64_t)json_integer_value(json_array_get(row, 0));

		for (size_t k = 1; k < json_array_size(row); k += 2)
			expect_in_tenth((uint64_t)json_integer_value(json_array_get(row, k)),
					cell_ns, tenth);
	}
	list = member(data, "columns", "halt");
	for (size_t k = 0; k < json_array_size(list); k += 2)
		expect_in_tenth((uint64_t)json_integer_value(json_array_get(list, k)), lane_ns, 7);
	done(data);
}

static void what_is_beyond_all_time_is_counted_and_said(void **state)
{
	struct trace_file *f = *state;
	json_t *data;

	begin(f, INT64_MAX);
	add(f, (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT, .time = 5});
	add(f, (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT, .time = GRID_NS_MAX - 1});
	add(f, (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT, .time = GRID_NS_MAX});
	add(f, (struct pn_trace_record){.type = PN_TRACE_HALT, .time = INT64_MAX});
	data = end();
	assert_int_equal(in_cells(data, NULL), 2);
	assert_int_equal(number(data, "late", NULL), 2);
	done(data);
}

/*
 * As dense as can be: every event has a page and a time of its own, far apart. However many there are,
 * all are in the map, and the page stays below its bound. 10 million of them are the same, slower.
 */
static void a_dense_trace_makes_a_page_of_bounded_size(void **state)
{
	struct trace_file *f = *state;
	static const uint8_t types[] = {
		PN_TRACE_GUEST_FAULT, PN_TRACE_HIDDEN_FAULT, PN_TRACE_FLUSH, PN_TRACE_TABLE_WRITE,
		PN_TRACE_FORESEEN,    PN_TRACE_SECOND_FAULT, PN_TRACE_MARK, /* has no page */
	};
	uint64_t seed = 88172645463325252, before = 0;
	json_t *data;

	for (unsigned count = 1000000; count <= 2000000; count += 1000000) {
		begin(f, UINT64_C(1) << 40);
		for (unsigned i = 0; i < count; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			add(f, (struct pn_trace_record){.type = types[i % COUNT(types)],
							.time = seed >> 24,
							.cost = (uint32_t)(seed >> 3),
							.rip = seed,
							.kind = PN_FLUSH_PAGE,
							.address = seed << 5});
		}
		data = end();
		assert_int_equal(in_cells(data, NULL), count - count / COUNT(types));
		if (size > PAGE_MAX)
			fail_msg("%zu bytes", size);
		if (before && size > before + before / 2)
			fail_msg("%zu bytes, and %zu of half as many events", size, (size_t)before);
		before = size;
		assert_true(json_array_size(member(data, "rows", NULL)) <= GRID_ROWS);
		assert_int_equal(json_array_size(member(data, "events", NULL)), PAGE_EVENTS);
		assert_int_equal(json_array_size(member(data, "marks", NULL)), PAGE_MARKS);
		done(data);
	}
}

static void the_most_costly_events_are_in_the_table(void **state)
{
	struct trace_file *f = *state;
	bool found[PAGE_EVENTS] = {false};
	json_t *data, *event;
	size_t i;

	begin(f, 10000);
	/* 7919 is prime to 10000: each cost once, in an order that looks like none. */
	for (unsigned k = 0; k < 10000; k++)
		add(f, (struct pn_trace_record){
			       .type = PN_TRACE_HIDDEN_FAULT, .time = k, .cost = k * 7919 % 10000});
	data = end();
	json_array_foreach(member(data, "events", NULL), i, event)
	{
		json_int_t cost = json_integer_value(json_array_get(event, 5));

		assert_true(cost >= 10000 - PAGE_EVENTS && cost < 10000);
		assert_false(found[cost - (10000 - PAGE_EVENTS)]);
		found[cost - (10000 - PAGE_EVENTS)] = true;
	}
	assert_int_equal(i, PAGE_EVENTS);
	done(data);
}

#define ATTACK "</script><img src=x onerror=alert(1)>"

/* How often a text is in another. */
static unsigned times(const char *in, const char *what)
{
	unsigned n = 0;

	for (; (in = strstr(in, what)); in += strlen(what))
		n++;
	return n;
}

static void nothing_of_a_trace_is_markup(void **state)
{
	struct trace_file *f = *state;
	unsigned scripts, tags;
	json_t *data;

	begin(f, 0);
	data = end();
	scripts = times(text, "</script>");
	tags = times(text, "<");
	done(data);
	strcpy(f->header.guest, ATTACK);
	strcpy(f->header.cmdline, "<!--" ATTACK);
	strcpy(f->header.host, "\"};" ATTACK);
	symbols_free(&f->symbols);
	assert_int_equal(symbols_add(&f->symbols, 0x1000, 0x10000, ATTACK), PN_OK);
	begin(f, 0);
	for (unsigned type = 0; type < 256; type++)
		add(f, (struct pn_trace_record){.type = (uint8_t)type,
						.rip = 0x1000 + type,
						.time = type,
						.cost = type,
						.address = 0x2000});
	data = end();
	assert_int_equal(times(text, "</script>"), scripts);
	assert_int_equal(times(text, "<"), tags);
	assert_null(strstr(text, "<img"));
	assert_string_equal(json_string_value(member(data, "summary", "guest")), ATTACK);
	done(data);
}

/* The page's own: nothing in it names a place on a network, and its policy allows none. */
static void the_page_needs_no_network(void **state)
{
	static const char *const nowhere[] = {"://",	"src=",	   "href=",	"url(",	 "@import",
					      "fetch(", "XMLHttp", "WebSocket", "@HASH", "@DATA@"};
	struct trace_file *f = *state;
	json_t *data;

	begin(f, 0);
	data = end();
	for (size_t i = 0; i < COUNT(nowhere); i++) {
		const char *at = text;

		/* The name of SVG's elements is no place. */
		while ((at = strstr(at, nowhere[i])) &&
		       strncmp(at - 4, "http://www.w3.org/2000/svg", 26) == 0)
			at++;
		if (at)
			fail_msg("%s in the page: %.60s", nowhere[i], at);
	}
	CHECK_CONTAINS("policy", text, "content=\"default-src 'none'; style-src 'sha256-");
	done(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACE_TEST(the_map_counts_each_event_once),
		TRACE_TEST(columns_widen_until_all_is_in_them),
		TRACE_TEST(what_is_beyond_all_time_is_counted_and_said),
		TRACE_TEST(a_dense_trace_makes_a_page_of_bounded_size),
		TRACE_TEST(the_most_costly_events_are_in_the_table),
		TRACE_TEST(nothing_of_a_trace_is_markup),
		TRACE_TEST(the_page_needs_no_network),
	};

	return cmocka_run_group_tests_name("trace-page", tests, NULL, NULL);
}
