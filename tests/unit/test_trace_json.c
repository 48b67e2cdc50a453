/* SPDX-License-Identifier: MIT */
/* What is printed as JSON has the members that docs/trace-format.md tells of, and no others. */
#include "json_check.h"
#include "trace_fixture.h"

#include "trace/diff/diff.h"
#include "trace/summary.h"

#include <stdlib.h>
#include <unistd.h>

#define DATA_OF_A_SUMMARY                                                                  \
	{"format", "string"}, {"version", "integer"}, {"guest", "string"},                 \
		{"arguments", "string"}, {"host", "string"}, {"start_wall_ns", "integer"}, \
		{"length_ns", "integer"}, {"events", "integer"}, {"vcpus", "integer"},     \
		{"lost", "integer"}, {"numbers_missing", "integer"},                       \
	{                                                                                  \
		"unknown", "integer"                                                       \
	}

static const struct json_rule summary_rules[] = {
	{"", "object"},
	DATA_OF_A_SUMMARY,
	{"types", "array"},
	{"types[]", "object"},
	{"types[].type", "string"},
	{"types[].count", "integer"},
	{"types[].cost", "object?"},
	{"types[].cost.count", "integer"},
	{"types[].cost.sum_ns", "integer"},
	{"types[].cost.p50_ns", "integer"},
	{"types[].cost.p90_ns", "integer"},
	{"types[].cost.p99_ns", "integer"},
	{"types[].cost.max_ns", "integer"},
	{"types[].sources", "array"},
	{"types[].sources[]", "object"},
	{"types[].sources[].source", "string"},
	{"types[].sources[].count", "integer"},
	{"guest_faults", "array"},
	{"guest_faults[]", "object"},
	{"guest_faults[].kind", "string"},
	{"guest_faults[].count", "integer"},
	{"resolved", "array"},
	{"resolved[]", "object"},
	{"resolved[].kind", "string"},
	{"resolved[].count", "integer"},
	{"sources", "array"},
	{"sources[]", "object"},
	{"sources[].source", "string"},
	{"sources[].count", "integer"},
	{"symbols", "array"},
	{"symbols[]", "object"},
	{"symbols[].symbol", "string?"},
	{"symbols[].faults", "integer"},
	{"symbols[].guest", "integer"},
	{"symbols[].hidden", "integer"},
	{"symbols_other", "object"},
	{"symbols_other.faults", "integer"},
	{"symbols_other.keys", "integer"},
	{"symbols_other.keys_are_all", "boolean"},
	{"pages", "array"},
	{"pages[]", "object"},
	{"pages[].gva", "address"},
	{"pages[].symbol", "string"},
	{"pages[].faults", "integer"},
	{"pages[].guest", "integer"},
	{"pages[].hidden", "integer"},
	{"pages_other", "object"},
	{"pages_other.faults", "integer"},
	{"pages_other.keys", "integer"},
	{"pages_other.keys_are_all", "boolean"},
	{"flushes", "array"},
	{"flushes[]", "object"},
	{"flushes[].kind", "string"},
	{"flushes[].cause", "string"},
	{"flushes[].count", "integer"},
	{"flushes[].dropped", "integer"},
	{"flushes_unknown", "integer"},
	{"windows", "array"},
	{"windows[]", "object"},
	{"windows[].from_ns", "integer"},
	{"windows[].guest_faults", "integer"},
	{"windows[].hidden_faults", "integer"},
	{"windows[].flushes", "integer"},
	{"windows[].pages", "integer"},
	{"windows[].pages_are_all", "boolean"},
};

#define RECORD(at)                                                                                 \
	{at, "object?"}, {at ".time_ns", "integer"}, {at ".vcpu", "integer"},                      \
		{at ".number", "integer"}, {at ".type", "string"}, {at ".source", "string"},       \
		{at ".mode", "string"}, {at ".cpl", "integer"}, {at ".rip", "address"},            \
		{at ".symbol", "string?"}, {at ".cost_ns", "integer"},                             \
		{at ".address", "address?"}, {at ".error", "integer?"}, {at ".count", "integer?"}, \
		{at ".level", "integer?"}, {at ".kind", "string?"}, {at ".cause", "string?"},      \
		{at ".value0", "address?"},                                                        \
	{                                                                                          \
		at ".value1", "address?"                                                           \
	}

#define SIDE(at)                                                                                 \
	{at, "object"}, {at ".path", "string"}, {at ".arguments", "string"},                     \
		{at ".host", "string"}, {at ".events", "integer"}, {at ".events_hw", "integer"}, \
		{at ".events_shadow", "integer"}, {at ".unknown", "integer"},                    \
		{at ".lost", "integer"},                                                         \
	{                                                                                        \
		at ".length_ns", "integer"                                                       \
	}

static const struct json_rule diff_rules[] = {
	{"", "object"},
	{"format", "string"},
	{"version", "integer"},
	{"guest", "string"},
	SIDE("a"),
	SIDE("b"),
	{"types", "array"},
	{"types[]", "object"},
	{"types[].type", "string"},
	{"types[].count", "pair"},
	{"types[].cost_ns", "pair"},
	{"own", "array"},
	{"own[]", "object"},
	{"own[].kind", "string"},
	{"own[].aligned", "boolean"},
	{"own[].same", "integer"},
	{"own[].count", "pair"},
	{"own[].only", "pair"},
	{"own[].with_events", "pair"},
	{"own[].with_cost_ns", "pair"},
	{"own[].until_next_ns", "pair"},
	{"same", "integer"},
	{"only", "pair"},
	{"places_all", "integer"},
	{"places", "array"},
	{"places[]", "object"},
	{"places[].count", "pair"},
	{"places[].number", "pair"},
	RECORD("places[].a"),
	RECORD("places[].b"),
	{"symbols", "array"},
	{"symbols[]", "object"},
	{"symbols[].symbol", "string?"},
	{"symbols[].events", "pair"},
	{"symbols[].cost_ns", "pair"},
	{"symbols_other", "object"},
	{"symbols_other.symbols", "integer"},
	{"symbols_other.events", "pair"},
	{"symbols_other.cost_ns", "pair"},
};

static json_t *parsed(char *text)
{
	json_error_t error;
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!document)
		fail_msg("%s at %d of %s", error.text, error.position, text);
	free(text);
	return document;
}

static json_t *summary_of(const struct trace_file *f, uint64_t end_ns, struct trace_summary *s)
{
	struct trace_reader *r = trace_file_open(f);
	struct pn_error err;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int count;

	assert_int_equal(trace_summary_init(s, &r->symbols, end_ns), PN_OK);
	while ((count = trace_read(r, &err)) > 0)
		for (int i = 0; i < count; i++)
			trace_summary_add(s, &r->batch[i]);
	trace_summary_end(s);
	trace_summary_json(s, &r->header, out);
	fclose(out);
	trace_summary_fini(s);
	trace_file_close(r);
	return parsed(text);
}

static long long number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void a_summary_is_what_the_document_says(void **state)
{
	static struct trace_summary s;
	struct trace_file *f = *state;
	json_t *d;

	for (unsigned i = 0; i < 3; i++)
		trace_file_add_all(f);
	/* More pages than are listed, at the guest's symbol and at none. */
	for (uint64_t i = 0; i < 300; i++)
		trace_file_add(f, (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT,
							   .time = 20000,
							   .rip = i & 1 ? 0x1004 : 0x9999,
							   .address = i << 12});
	d = summary_of(f, 20000, &s);
	json_check(d, summary_rules, COUNT(summary_rules));
	assert_string_equal(json_string_value(json_object_get(d, "format")),
			    "penumbra-trace-summary");
	assert_int_equal(number(d, "events"), 3 * (PN_TRACE_TYPES - 1) + 300);
	assert_int_equal(json_array_size(json_object_get(d, "types")), PN_TRACE_TYPES - 1);
	assert_int_equal(json_array_size(json_object_get(d, "pages")), 100);
	assert_int_equal(json_array_size(json_object_get(d, "windows")), SUMMARY_WINDOWS);
	assert_true(number(json_object_get(d, "pages_other"), "keys") >= 200);
	json_decref(d);
}

static void an_empty_summary_is_so_too(void **state)
{
	static struct trace_summary s;
	json_t *d = summary_of(*state, 0, &s);

	json_check(d, summary_rules, COUNT(summary_rules));
	assert_int_equal(json_array_size(json_object_get(d, "windows")), 0);
	json_decref(d);
}

/* A symbol that would end the script it stands in is markup in no JSON that is printed. */
static void no_string_can_be_taken_for_markup(void **state)
{
	static struct trace_summary s;
	struct trace_file *f = *state;
	char *text;
	json_t *d;

	symbols_free(&f->symbols);
	assert_int_equal(
		symbols_add(&f->symbols, 0x1000, 64, "</script><img src=x onerror=y>&\"\\"), PN_OK);
	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
	assert_int_equal(trace_write_head(f->fd, &f->header, &f->symbols), 0);
	trace_file_add_all(f);
	d = summary_of(f, 20000, &s);
	text = json_dumps(
		json_object_get(json_array_get(json_object_get(d, "symbols"), 0), "symbol"),
		JSON_ENCODE_ANY);
	CHECK_CONTAINS("symbol", text, "</script><img src=x onerror=y>&");
	free(text);
	json_decref(d);
}

static void a_diff_is_what_the_document_says(void **state)
{
	struct trace_file *f = *state;
	struct trace_diff *diff = calloc(1, sizeof(*diff));
	char other[] = "/tmp/penumbra-other.XXXXXX", *text, bytes[8192];
	struct pn_error err;
	size_t size;
	FILE *out;
	json_t *d;
	int fd = mkstemp(other);

	trace_file_add_all(f);
	/* The other has a fault less, and one more elsewhere. */
	size = trace_file_load(f, bytes, sizeof(bytes));
	assert_int_equal(trace_write_all(fd, bytes, size), 0);
	trace_file_add(f, (struct pn_trace_record){
				  .type = PN_TRACE_GUEST_FAULT, .time = 30000, .address = 0x1234});
	assert_int_equal(trace_diff(diff, f->path, other, NULL, NULL, &err), PN_OK);
	out = open_memstream(&text, &size);
	trace_diff_json(diff, out);
	fclose(out);
	trace_diff_free(diff);
	free(diff);
	d = parsed(text);
	json_check(d, diff_rules, COUNT(diff_rules));
	assert_int_equal(number(d, "places_all"), 1);
	json_decref(d);
	close(fd);
	unlink(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACE_TEST(a_summary_is_what_the_document_says),
		TRACE_TEST(an_empty_summary_is_so_too),
		TRACE_TEST(no_string_can_be_taken_for_markup),
		TRACE_TEST(a_diff_is_what_the_document_says),
	};

	return cmocka_run_group_tests_name("trace-json", tests, NULL, NULL);
}
