/* SPDX-License-Identifier: MIT */
/*
 * Readers of traces (src/trace). The input is one byte that says what is made of it (see makers; all
 * of them would take too long for one input), and then a trace file.
 *
 * Held true: a file is refused with PN_ERR_IMAGE and one line that names it; or it is read, and then
 *   - there are as many records as its size says, the same a second time, and the last one's time is
 *     found without reading the others; symbols are sorted, with printable names;
 *   - what is printed is printable, and of a size bounded by the number of records and symbols;
 *     reports keep to 80 columns; what is JSON is JSON;
 *   - the text has a line for each record, CSV a row, the summary counts each of them once;
 *   - a trace does not differ from itself.
 */
#include "fuzz.h"

#include "trace/diff/diff.h"
#include "trace/export.h"
#include "trace/file.h"
#include "trace/html/page.h"
#include "trace/summary.h"
#include "trace/words.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bytes that an output may have, at most. */
#define OUTPUT_BASE   (128 << 10)
#define OUTPUT_RECORD 1500
#define OUTPUT_SYMBOL 600

enum kind {
	LINES,
	REPORT, /* in 80 columns */
	JSON,
	JSON_LINES,
	HTML,
};

/* One way to print a trace, and what came of it. */
struct maker {
	void (*make)(const struct maker *m);
	enum kind kind;
	const struct trace_export_format *format; /* make_export */
};

static char *text;
static size_t text_size;
static FILE *out;

static char path[32];
static int fd = -1;
static struct trace_reader reader;
static size_t records;

typedef void take_record(void *to, const struct pn_trace_record *r);

/* Hands every record to `take`. */
static void read_all(take_record *take, void *to)
{
	struct pn_error err;
	size_t count = 0;
	int n;

	assert_int_equal(trace_rewind(&reader, &err), PN_OK);
	while ((n = trace_read(&reader, &err)) > 0)
		for (int i = 0; i < n; i++, count++)
			if (take)
				take(to, &reader.batch[i]);
	CHECK_NUMBER("end", "code", n, 0);
	CHECK_NUMBER("end", "records", count, records);
}

static size_t count_lines(void)
{
	size_t lines = 0;

	for (size_t i = 0; i < text_size; i++)
		lines += text[i] == '\n';
	return lines;
}

/* --- What may be made of a trace. --- */

static void take_line(void *to, const struct pn_trace_record *r)
{
	char line[256];

	(void)to;
	fprintf(out, "%s\n", trace_line(r, &reader.symbols, line, sizeof(line)));
}

static void make_lines(const struct maker *m)
{
	(void)m;
	read_all(take_line, NULL);
	fflush(out);
	CHECK_NUMBER("lines", "lines", count_lines(), records);
}

static void take_summary(void *to, const struct pn_trace_record *r)
{
	trace_summary_add(to, r);
}

static void make_summary(const struct maker *m)
{
	struct trace_summary *s = malloc(sizeof(*s));
	uint64_t sum = 0;

	assert_non_null(s);
	assert_int_equal(trace_summary_init(s, &reader.symbols, trace_last_ns(&reader)), 0);
	read_all(take_summary, s);
	trace_summary_end(s);
	(m->kind == JSON ? trace_summary_json : trace_summary_print)(s, &reader.header, out);
	for (unsigned i = 0; i < PN_TRACE_TYPES; i++)
		sum += s->count[i];
	CHECK_NUMBER("summary", "records", s->records, records);
	CHECK_NUMBER("summary", "records by type", sum + s->unknown, records);
	CHECK_TRUE("summary", trace_summary_vcpus(s) <= records);
	trace_summary_fini(s);
	free(s);
}

static void take_page(void *to, const struct pn_trace_record *r)
{
	trace_page_add(to, r);
}

static void make_page(const struct maker *m)
{
	struct trace_page *p = malloc(sizeof(*p));

	assert_non_null(p);
	assert_int_equal(
		trace_page_init(p, &reader.header, &reader.symbols, trace_last_ns(&reader)), 0);
	read_all(take_page, p);
	trace_page_write(p, out);
	/* The page's own script and style are not of this input: only its data is looked at. */
	fflush(out);
	CHECK_TRUE("page", text_size < OUTPUT_BASE + records * OUTPUT_RECORD +
					       reader.symbols.count * OUTPUT_SYMBOL);
	rewind(out);
	if (m->kind == JSON)
		trace_page_json(p, out);
	CHECK_NUMBER("page", "records", p->records, records);
	CHECK_TRUE("page", p->events <= PAGE_EVENTS && p->marks <= PAGE_MARKS);
	trace_page_fini(p);
	free(p);
}

static void take_export(void *to, const struct pn_trace_record *r)
{
	trace_export_record(to, r);
}

static void make_export(const struct maker *m)
{
	struct trace_export *x = malloc(sizeof(*x));

	assert_non_null(x);
	assert_int_equal(trace_export_begin(x, m->format, &reader.header, &reader.symbols, out), 0);
	read_all(take_export, x);
	trace_export_end(x);
	fflush(out);
	if (m->format == &trace_export_csv)
		CHECK_NUMBER("CSV", "lines", count_lines(), records + 1);
	free(x);
}

static void progress(void *arg, uint64_t done)
{
	*(uint64_t *)arg = done;
}

static void make_diff(const struct maker *m)
{
	struct trace_diff *d = calloc(1, sizeof(*d));
	struct pn_error err;
	uint64_t done = 0;

	assert_non_null(d);
	CHECK_CODE("diff", trace_diff(d, path, path, progress, &done, &err), PN_OK);
	CHECK_TRUE("diff", done <= trace_diff_size(path, path));
	(m->kind == JSON ? trace_diff_json : trace_diff_print)(d, out);
	CHECK_NUMBER("diff", "places", d->places, 0);
	CHECK_NUMBER("diff", "events of one side", d->only[0] + d->only[1], 0);
	for (unsigned i = 0; i < DIFF_KINDS; i++)
		CHECK_NUMBER(diff_kind_names[i], "pairs", d->own[i].same, d->side[0].own[i]);
	trace_diff_free(d);
	free(d);
}

static const struct maker makers[] = {
	{make_lines, LINES, NULL},
	{make_export, LINES, &trace_export_csv},
	{make_export, JSON_LINES, &trace_export_json},
	{make_export, JSON, &trace_export_chrome},
	{make_export, LINES, &trace_export_folded},
	{make_export, LINES, &trace_export_callgrind},
	{make_summary, REPORT, NULL},
	{make_summary, JSON, NULL},
	{make_diff, REPORT, NULL},
	{make_diff, JSON, NULL},
	{make_page, JSON, NULL},
	{make_page, HTML, NULL},
};

/* Printable, or the end of a line; of CSV's, that is two characters. */
static bool is_plain(const char *c)
{
	return *c == '\n' || (*c == '\r' && c[1] == '\n') || (*c >= ' ' && *c < 0x7f);
}

static void check_json(const char *json, size_t size)
{
	json_error_t error;
	/* A damaged trace has numbers past 2^63, which are JSON, but no json_int_t. */
	json_t *object =
		json_loadb(json, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);

	if (!object)
		fail_msg("no JSON: %s at %d", error.text, error.position);
	json_decref(object);
}

/* Hands each line to one of the checks of lines. */
static void check_lines(enum kind kind)
{
	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		if (kind == JSON_LINES)
			check_json(line, (size_t)(end - line));
		if (kind == REPORT && end - line > 80)
			fail_msg("a line of %td columns: %.*s", end - line, (int)(end - line),
				 line);
	}
}

static void check_output(enum kind kind)
{
	if (kind == HTML)
		return;
	CHECK_TRUE("output", text_size < OUTPUT_BASE + records * OUTPUT_RECORD +
						 reader.symbols.count * OUTPUT_SYMBOL);
	for (size_t i = 0; i < text_size; i++)
		if (!is_plain(&text[i]))
			fail_msg("byte 0x%02x in the output", (unsigned char)text[i]);
	if (kind == JSON)
		check_json(text, text_size);
	else
		check_lines(kind);
}

static void check_reader(size_t size)
{
	size_t head = sizeof(reader.header) + reader.header.symbols_size;

	CHECK_TRUE("header", head <= size);
	records = (size - head) / sizeof(struct pn_trace_record);
	for (size_t i = 0; i < reader.symbols.count; i++) {
		const struct symbol *s = &reader.symbols.symbol[i];

		CHECK_TRUE("symbols", i == 0 || s[-1].gva <= s->gva);
		CHECK_TRUE("symbols", strlen(s->name) <= SYMBOL_NAME_MAX);
	}
	read_all(NULL, NULL);
	CHECK_NUMBER("size", "bytes", trace_size(&reader), size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = {bytes, size};
	unsigned which = fuzz_u8(&in) % COUNT(makers);
	struct pn_error err;
	int code;

	if (fd < 0) {
		fd = memfd_create("trace", MFD_CLOEXEC);
		assert_true(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, in.at, in.left, 0), (ssize_t)in.left);
	code = trace_open(&reader, path, &err);
	if (code) {
		CHECK_CODE("file", code, PN_ERR_IMAGE);
		CHECK_ONE_LINE("file", err.text);
		CHECK_CONTAINS("file", err.text, path);
		return 0;
	}
	check_reader(in.left);
	out = open_memstream(&text, &text_size);
	assert_non_null(out);
	makers[which].make(&makers[which]);
	assert_int_equal(fclose(out), 0);
	check_output(makers[which].kind);
	free(text);
	trace_close(&reader);
	return 0;
}
