/* SPDX-License-Identifier: MIT */
/* Exports: each format holds what the records held, and is what its readers expect. */
#include "trace_events.h"
#include "trace_fixture.h"

#include "trace/export.h"

#include <stdlib.h>

static struct trace_export export, *const x = &export;
static char *text;
static size_t text_size;
static FILE *out;

static void begin(const struct trace_file *f, const char *format)
{
	const struct trace_export_format *named = trace_export_named(format);

	assert_non_null(named);
	out = open_memstream(&text, &text_size);
	assert_int_equal(trace_export_begin(x, named, &f->header, &f->symbols, out), PN_OK);
}

static void add(struct trace_file *f, struct pn_trace_record r)
{
	r.number = f->number++;
	trace_export_record(x, &r);
}

static void end(void)
{
	trace_export_end(x);
	fclose(out);
}

static void add_all(struct trace_file *f)
{
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++)
		add(f, (struct pn_trace_record){.type = (uint8_t)i,
						.time = i * 1000,
						.cost = i * 100,
						.rip = 0x1000 + i,
						.address = 0x5000 + i,
						.kind = 1});
}

static void a_format_is_found_by_its_name(void **state)
{
	(void)state;
	assert_non_null(trace_export_named("json"));
	assert_null(trace_export_named("JSON"));
	assert_null(trace_export_named(""));
	assert_null(trace_export_named("jso"));
}

/* --- JSON --- */

static const char *const members[] = {
	"time_ns", "vcpu",    "number", "type",	 "source", "mode", "cpl",   "rip",    "symbol",
	"cost_ns", "address", "error",	"count", "level",  "kind", "cause", "value0", "value1",
};

static json_t *line(char **at)
{
	char *newline = strchr(*at, '\n');
	json_error_t error;
	json_t *object;

	assert_non_null(newline);
	*newline = 0;
	object = json_loads(*at, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		fail_msg("%s in %s", error.text, *at);
	*at = newline + 1;
	return object;
}

static const char *string(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void json_is_an_object_a_line(void **state)
{
	struct trace_file *f = *state;
	char *at;
	json_t *o;

	begin(f, "json");
	add_all(f);
	end();
	at = text;
	o = line(&at);
	assert_string_equal(string(o, "format"), "penumbra-trace");
	assert_int_equal(json_integer_value(json_object_get(o, "version")), PN_TRACE_VERSION);
	assert_string_equal(string(o, "arguments"), "one \"two\"");
	json_decref(o);
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++) {
		o = line(&at);
		assert_int_equal(json_object_size(o), COUNT(members));
		for (size_t k = 0; k < COUNT(members); k++)
			assert_non_null(json_object_get(o, members[k]));
		assert_int_equal(json_integer_value(json_object_get(o, "time_ns")), i * 1000);
		assert_int_equal(json_integer_value(json_object_get(o, "cost_ns")), i * 100);
		assert_int_equal(json_integer_value(json_object_get(o, "number")), i - 1);
		if (i == PN_TRACE_GUEST_FAULT) {
			assert_string_equal(string(o, "type"), "guest-fault");
			assert_string_equal(string(o, "symbol"), "main+0x1");
			assert_string_equal(string(o, "address"), "0x5001");
			assert_string_equal(string(o, "kind"), "read-only");
			assert_true(json_is_null(json_object_get(o, "cause")));
		}
		/* A flush of a context has no address. */
		if (i == PN_TRACE_HALT || i == PN_TRACE_FLUSH)
			assert_true(json_is_null(json_object_get(o, "address")));
		json_decref(o);
	}
	assert_string_equal(at, "");
	free(text);
}

static void expect_null(const json_t *object, const char *member)
{
	if (!json_is_null(json_object_get(object, member)))
		fail_msg("%s is not null", member);
}

/* What a statistic and a tracepoint have, in their own words; the rest is null. */
static void what_the_host_tells_is_told_in_its_words(void **state)
{
	struct trace_file *f = *state;
	char *at;
	json_t *o;

	begin(f, "json");
	add(f, (struct pn_trace_record){.type = PN_TRACE_COUNTER,
					.source = PN_SOURCE_STATS,
					.kind = PN_COUNTER_PAGES_4K,
					.value = {5, 0x11}});
	add(f, (struct pn_trace_record){.type = PN_TRACE_KERNEL,
					.source = PN_SOURCE_KERNEL,
					.kind = PN_TP_KVM_TDP_MMU_SPTE_CHANGED,
					.address = 0x7000,
					.value = {1, 2},
					.level = 3,
					.count = 9,
					.cause = 9});
	add(f,
	    (struct pn_trace_record){
		    .type = PN_TRACE_KERNEL, .kind = PN_TP_KVM_EXIT, .cause = 2, .count = 0x400});
	add(f, (struct pn_trace_record){.type = PN_TRACE_KERNEL, .kind = 255, .address = 1});
	end();
	at = text;
	json_decref(line(&at));
	o = line(&at);
	assert_string_equal(string(o, "type"), "counter");
	assert_string_equal(string(o, "source"), "stats");
	assert_string_equal(string(o, "kind"), "pages_4k");
	assert_string_equal(string(o, "value0"), "0x5");
	assert_string_equal(string(o, "value1"), "0x11");
	expect_null(o, "address");
	expect_null(o, "error");
	json_decref(o);
	o = line(&at);
	assert_string_equal(string(o, "type"), "kernel");
	assert_string_equal(string(o, "kind"), "kvm_tdp_mmu_spte_changed");
	assert_string_equal(string(o, "address"), "0x7000");
	assert_string_equal(string(o, "value1"), "0x2");
	assert_int_equal(json_integer_value(json_object_get(o, "level")), 3);
	expect_null(o, "count");
	expect_null(o, "error");
	expect_null(o, "cause");
	json_decref(o);
	o = line(&at);
	assert_string_equal(string(o, "kind"), "kvm_exit");
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 0x400);
	assert_string_equal(string(o, "cause"), "2");
	expect_null(o, "address");
	expect_null(o, "level");
	json_decref(o);
	o = line(&at);
	assert_string_equal(string(o, "kind"), "unknown");
	assert_string_equal(string(o, "address"), "0x1");
	json_decref(o);
	free(text);
}

/* Any byte in any member: what is written is JSON all the same. */
static void hostile_records_are_json_all_the_same(void **state)
{
	struct trace_file *f = *state;

	for (unsigned byte = 0; byte < 128; byte++) {
		struct pn_trace_record r;
		char *at;

		memset(&r, (int)byte, sizeof(r));
		begin(f, "json");
		for (unsigned type = 0; type < 256; type++) {
			r.type = (uint8_t)type;
			add(f, r);
		}
		end();
		at = text;
		for (unsigned i = 0; i < 257; i++)
			json_decref(line(&at));
		free(text);
	}
}

/* --- CSV --- */

/* Reads one field as RFC 4180 says, in place; *last is whether its line ends behind it. */
static char *field(char **at, bool *last)
{
	char *from = *at, *to = from, *start = from;
	bool quoted = *from == '"';

	from += quoted;
	for (;; from++) {
		if (quoted && *from == '"' && from[1] == '"')
			from++;
		else if (quoted && *from == '"') {
			from++;
			break;
		} else if (!quoted && (*from == ',' || *from == '\r'))
			break;
		assert_true(*from);
		*to++ = *from;
	}
	*last = *from == '\r';
	assert_true(*last ? from[1] == '\n' : *from == ',');
	*at = from + (*last ? 2 : 1);
	*to = 0;
	return start;
}

static void csv_has_a_head_and_quotes_what_must_be(void **state)
{
	struct trace_file *f = *state;
	char *at, *value;
	bool last;

	assert_int_equal(symbols_add(&f->symbols, 0x3000, 16, "a,\"b\" c"), PN_OK);
	begin(f, "csv");
	add(f, (struct pn_trace_record){.type = PN_TRACE_FLUSH,
					.rip = 0x3004,
					.kind = PN_FLUSH_PAGE,
					.cause = PN_CAUSE_INVLPG,
					.address = 0x7000});
	end();
	at = text;
	for (size_t i = 0; i < COUNT(members); i++) {
		assert_string_equal(field(&at, &last), members[i]);
		assert_true(last == (i + 1 == COUNT(members)));
	}
	for (size_t i = 0; i < COUNT(members); i++) {
		value = field(&at, &last);
		assert_true(last == (i + 1 == COUNT(members)));
		if (strcmp(members[i], "symbol") == 0)
			assert_string_equal(value, "a,\"b\" c+0x4");
		if (strcmp(members[i], "cause") == 0)
			assert_string_equal(value, "INVLPG");
		if (strcmp(members[i], "address") == 0)
			assert_string_equal(value, "0x7000");
		if (strcmp(members[i], "level") == 0)
			assert_string_equal(value, "");
	}
	assert_string_equal(at, "");
	free(text);
}

/* --- Trace events --- */

/* Costs grow by 100 ns and times by 1000: the tenth record ends where the next begins, the eleventh
 * after that, and the twelfth begins within it. A statistic takes no time: it runs on to the one
 * behind it, and the last begins within that. */
#define RUNS 11

static void slices_instants_counters_and_names_are_drawn(void **state)
{
	struct trace_file *f = *state;
	struct trace_events found;
	json_t *root;

	begin(f, "chrome");
	add_all(f);
	add(f, (struct pn_trace_record){.type = PN_TRACE_CR3, .time = 90000, .vcpu = 255});
	end();
	root = trace_events_check(text, &found);
	/* Each record is a slice, but the twelfth, the last, and a statistic, which is a counter;
	 * between those of vCPU 0 it runs; flush, halt, mode, mark and drop are instants as well, and
	 * the last is nothing else. */
	CHECK_CONTAINS("run", text,
		       "{\"name\":\"run\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":1.100,"
		       "\"cat\":\"run\",\"dur\":0.900,");
	assert_int_equal(found.phase['X'], PN_TRACE_TYPES - 3 + RUNS);
	assert_int_equal(found.phase['i'], 6);
	assert_int_equal(found.phase['M'], 3);
	assert_int_equal(found.phase['C'], 3 + 1);
	json_decref(root);
	free(text);
}

static struct pn_trace_record fault(uint64_t time, unsigned vcpu, uint64_t page)
{
	return (struct pn_trace_record){.type = PN_TRACE_GUEST_FAULT,
					.time = time,
					.vcpu = (uint8_t)vcpu,
					.rip = 0x1000 + time,
					.address = page << 12};
}

static void a_flow_goes_from_a_guest_fault_to_its_end(void **state)
{
	struct trace_file *f = *state;
	struct trace_events found;
	struct pn_trace_record r;

	begin(f, "chrome");
	add(f, fault(1000, 0, 5));
	add(f, fault(2000, 1, 6));
	/* Another vCPU at that page, and another page: neither is the end. */
	r = fault(3000, 1, 5);
	r.type = PN_TRACE_HIDDEN_FAULT;
	add(f, r);
	r = fault(3500, 0, 7);
	r.type = PN_TRACE_HIDDEN_FAULT;
	add(f, r);
	r = fault(4000, 0, 5);
	r.type = PN_TRACE_FORESEEN;
	add(f, r);
	/* The instruction of the other. */
	r = (struct pn_trace_record){
		.type = PN_TRACE_FLUSH, .time = 5000, .vcpu = 1, .rip = 0x17d0};
	add(f, r);
	/* One that has no end in the trace. */
	add(f, fault(6000, 0, 9));
	end();
	json_decref(trace_events_check(text, &found));
	assert_int_equal(found.phase['s'], 2);
	assert_int_equal(found.phase['f'], 2);
	assert_int_equal(found.phase['b'], 2);
	assert_int_equal(found.phase['e'], 2);
	CHECK_CONTAINS("start", text, "\"ph\":\"s\",\"pid\":1,\"tid\":1,\"ts\":1.000");
	CHECK_CONTAINS("end", text, "\"ph\":\"f\",\"pid\":1,\"tid\":1,\"ts\":4.000");
	CHECK_CONTAINS("other start", text, "\"ph\":\"s\",\"pid\":1,\"tid\":2,\"ts\":2.000");
	CHECK_CONTAINS("other end", text, "\"ph\":\"f\",\"pid\":1,\"tid\":2,\"ts\":5.000");
	free(text);
}

/* Several sources: each has a thread of its own beside the exits', and what comes a little late is put
 * in its place. */
static void what_other_sources_saw_has_threads_of_its_own(void **state)
{
	struct trace_file *f = *state;
	struct trace_events found;
	struct pn_trace_record r = fault(5000, 0, 5);

	begin(f, "chrome");
	add(f, (struct pn_trace_record){
		       .type = PN_TRACE_EXIT, .source = PN_SOURCE_EXIT, .time = 1000, .cost = 500});
	add(f, (struct pn_trace_record){
		       .type = PN_TRACE_EXIT, .source = PN_SOURCE_EXIT, .time = 9000, .cost = 500});
	r.source = PN_SOURCE_GUEST;
	add(f, r);
	r.type = PN_TRACE_CR3;
	r.time = 3000;
	r.rip = 0;
	add(f, r);
	end();
	json_decref(trace_events_check(text, &found));
	CHECK_CONTAINS("thread", text, "\"name\":\"vCPU 0 seen by guest\"");
	CHECK_CONTAINS("run", text, "\"tid\":1,\"ts\":1.500,\"cat\":\"run\",\"dur\":7.500,");
	CHECK_CONTAINS("fault", text,
		       "{\"name\":\"guest-fault\",\"ph\":\"X\",\"pid\":1,\"tid\":513,\"ts\":5.000");
	free(text);
}

/* More open flows than are kept, times that go back, an empty trace: a valid file all the same. */
static void whatever_comes_the_file_is_valid(void **state)
{
	struct trace_file *f = *state;
	struct trace_events found;

	begin(f, "chrome");
	end();
	json_decref(trace_events_check(text, &found));
	free(text);
	begin(f, "chrome");
	for (unsigned i = 0; i < 1000; i++)
		add(f, fault(1000 + i, 0, i));
	for (unsigned i = 0; i < 1000; i++)
		add(f, fault(3000 + i, 0, i));
	end();
	json_decref(trace_events_check(text, &found));
	assert_int_equal(found.phase['s'], found.phase['f']);
	/* Each page comes again only after others have taken its place. */
	assert_int_equal(found.phase['s'], 0);
	free(text);
	/* Costs and times of a damaged file, the greatest among them. */
	begin(f, "chrome");
	for (unsigned i = 0; i < 5000; i++) {
		struct pn_trace_record r = fault((uint64_t)i * 7919 % 5000 * 1000, i % 3, i % 7);

		r.cost = i % 5 ? UINT32_MAX / (1 + i % 31) : 0;
		r.type = (uint8_t)(i % 17);
		r.source = (uint8_t)(i % 9);
		add(f, r);
	}
	add(f, fault(UINT64_MAX / 2, 0, 1));
	end();
	json_decref(trace_events_check(text, &found));
	free(text);
}

/* --- Profiles --- */

static void profile(struct trace_file *f, const char *format)
{
	begin(f, format);
	for (unsigned i = 0; i < 3; i++)
		add(f, (struct pn_trace_record){
			       .type = PN_TRACE_GUEST_FAULT, .rip = 0x1000 + i, .cost = 100});
	add(f, (struct pn_trace_record){.type = PN_TRACE_FLUSH, .rip = 0x1050, .cost = 7});
	for (unsigned i = 0; i < 2; i++)
		add(f, (struct pn_trace_record){
			       .type = PN_TRACE_HIDDEN_FAULT, .rip = 0x2000, .cost = 10});
	add(f, (struct pn_trace_record){.type = PN_TRACE_MARK, .rip = 0x9000, .cost = 1});
	end();
}

static void folded_counts_by_symbol_and_type(void **state)
{
	profile(*state, "folded");
	assert_string_equal(text, "main;guest-fault 3\n"
				  "main;flush 1\n"
				  "handler;hidden-fault 2\n"
				  "[no_symbol];mark 1\n");
	free(text);
}

static void names_cannot_break_a_format_of_lines(void **state)
{
	struct trace_file *f = *state;

	assert_int_equal(symbols_add(&f->symbols, 0x3000, 16, "x; y=(1) 2"), PN_OK);
	begin(f, "folded");
	add(f, (struct pn_trace_record){.type = PN_TRACE_MARK, .rip = 0x3000});
	end();
	assert_string_equal(text, "x__y__1__2;mark 1\n");
	free(text);
}

static void callgrind_costs_add_up_to_its_summary(void **state)
{
	unsigned long long sum[4] = {0}, c[4], total[4] = {0};
	unsigned functions = 0;

	profile(*state, "callgrind");
	assert_true(strncmp(text, "# callgrind format\n", 19) == 0);
	CHECK_CONTAINS("events", text, "\nevents: GuestFaults HiddenFaults Flushes CostNs\n");
	CHECK_CONTAINS("main", text, "\nfn=main\n0 3 0 1 307\n");
	CHECK_CONTAINS("handler", text, "\nfn=handler\n0 0 2 0 20\n");
	CHECK_CONTAINS("none", text, "\nfn=[no_symbol]\n0 0 0 0 1\n");
	CHECK_CONTAINS("summary", text, "\nsummary: 3 2 1 328\n");
	for (char *l = strtok(text, "\n"); l; l = strtok(NULL, "\n")) {
		functions += strncmp(l, "fn=", 3) == 0;
		if (sscanf(l, "0 %llu %llu %llu %llu", &c[0], &c[1], &c[2], &c[3]) == 4)
			for (unsigned i = 0; i < 4; i++)
				sum[i] += c[i];
		sscanf(l, "totals: %llu %llu %llu %llu", &total[0], &total[1], &total[2],
		       &total[3]);
	}
	assert_int_equal(functions, 3);
	assert_memory_equal(sum, total, sizeof(sum));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_format_is_found_by_its_name),
		TRACE_TEST(json_is_an_object_a_line),
		TRACE_TEST(what_the_host_tells_is_told_in_its_words),
		TRACE_TEST(hostile_records_are_json_all_the_same),
		TRACE_TEST(csv_has_a_head_and_quotes_what_must_be),
		TRACE_TEST(slices_instants_counters_and_names_are_drawn),
		TRACE_TEST(a_flow_goes_from_a_guest_fault_to_its_end),
		TRACE_TEST(what_other_sources_saw_has_threads_of_its_own),
		TRACE_TEST(whatever_comes_the_file_is_valid),
		TRACE_TEST(folded_counts_by_symbol_and_type),
		TRACE_TEST(names_cannot_break_a_format_of_lines),
		TRACE_TEST(callgrind_costs_add_up_to_its_summary),
	};

	return cmocka_run_group_tests_name("trace-export", tests, NULL, NULL);
}
