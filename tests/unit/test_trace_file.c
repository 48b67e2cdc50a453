/* SPDX-License-Identifier: MIT */
/* Trace files: what is written is read; what is cut, changed or another's gives one clean error. */
#include "trace_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHOLE 65536

static struct trace_reader reader;

/* Reads it all: how many records, or the code of the error, which is told in a line. */
static int read_file(const char *name, const char *path)
{
	struct pn_error err;
	int code = trace_open(&reader, path, &err), total = 0;

	if (code) {
		CHECK_ONE_LINE(name, err.text);
		CHECK_CONTAINS(name, err.text, path);
		assert_int_equal(err.code, code);
		return code;
	}
	while ((code = trace_read(&reader, &err)) > 0)
		total += code;
	assert_int_equal(code, 0);
	trace_close(&reader);
	return total;
}

static void what_is_written_is_read(void **state)
{
	struct trace_file *f = *state;
	struct trace_reader *r;
	struct pn_error err;

	trace_file_add_all(f);
	r = trace_file_open(f);
	assert_string_equal(r->header.guest, "guest.elf");
	assert_string_equal(r->header.host, "EPT");
	assert_int_equal(r->header.start_ns, f->header.start_ns);
	assert_int_equal(r->symbols.count, 2);
	assert_string_equal(symbols_at(&r->symbols, 0x2010)->name, "handler");
	assert_int_equal(trace_read(r, &err), PN_TRACE_TYPES - 1);
	for (unsigned i = 0; i + 1 < PN_TRACE_TYPES; i++) {
		assert_int_equal(r->batch[i].type, i + 1);
		assert_int_equal(r->batch[i].number, i);
		assert_int_equal(r->batch[i].time, (i + 1) * 1000);
	}
	assert_int_equal(trace_read(r, &err), 0);
	trace_file_close(r);
}

static void more_than_a_batch_comes_whole(void **state)
{
	struct trace_file *f = *state;

	for (unsigned i = 0; i < TRACE_BATCH * 2 + 3; i++)
		trace_file_add(f, (struct pn_trace_record){.type = PN_TRACE_HALT});
	assert_int_equal(read_file("three batches", f->path), TRACE_BATCH * 2 + 3);
}

static void a_file_cut_anywhere_is_an_error_or_has_fewer_records(void **state)
{
	struct trace_file *f = *state;
	const size_t record = sizeof(struct pn_trace_record);
	static char bytes[WHOLE];
	size_t head = trace_file_load(f, bytes, WHOLE), whole;

	trace_file_add_all(f);
	whole = trace_file_load(f, bytes, WHOLE);
	assert_int_equal(whole, head + (PN_TRACE_TYPES - 1) * record);
	for (size_t size = 0; size <= whole; size++) {
		char name[48];

		snprintf(name, sizeof(name), "cut at %zu", size);
		trace_file_store(f, bytes, size);
		if (size < head)
			CHECK_CODE(name, read_file(name, f->path), PN_ERR_IMAGE);
		else
			CHECK_NUMBER(name, "records", read_file(name, f->path),
				     (size - head) / record);
	}
}

/* Every bit of header and symbols: no crash, no hang, an error in words or a file that reads. */
static void a_changed_head_is_an_error_or_reads(void **state)
{
	struct trace_file *f = *state;
	static char bytes[WHOLE];
	size_t head = trace_file_load(f, bytes, WHOLE), whole;

	trace_file_add_all(f);
	whole = trace_file_load(f, bytes, WHOLE);
	for (size_t at = 0; at < head; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			char name[48];
			int got;

			snprintf(name, sizeof(name), "bit %u of byte %zu", bit, at);
			bytes[at] ^= (char)(1u << bit);
			trace_file_store(f, bytes, whole);
			bytes[at] ^= (char)(1u << bit);
			got = read_file(name, f->path);
			if (at < offsetof(struct pn_trace_header, vcpus))
				CHECK_CODE(name, got, PN_ERR_IMAGE);
			else if (got < 0)
				CHECK_CODE(name, got, PN_ERR_IMAGE);
			else
				CHECK_TRUE(name, got <= PN_TRACE_TYPES);
		}
}

/* One number of the head. */
struct patch {
	const char *name;
	size_t offset, size;
	uint64_t value;
	const char *says;
};

#define HEAD(member) \
	offsetof(struct pn_trace_header, member), sizeof(((struct pn_trace_header *)0)->member)
#define SYMBOL(member)                                                             \
	sizeof(struct pn_trace_header) + offsetof(struct pn_trace_symbol, member), \
		sizeof(((struct pn_trace_symbol *)0)->member)

static const struct patch patches[] = {
	{"version 0", HEAD(version), 0, "another version"},
	{"version 2", HEAD(version), 2, "another version"},
	{"header size", HEAD(header_size), 8, "header"},
	{"record size 0", HEAD(record_size), 0, "header"},
	{"record size", HEAD(record_size), 4096, "header"},
	{"symbols beyond the file", HEAD(symbols_size), 100000, "symbols"},
	{"symbols without end", HEAD(symbols_size), UINT64_MAX, "header"},
	{"symbols that end in a symbol", HEAD(symbols_size), 30, "symbols"},
	{"symbols that end in a name", HEAD(symbols_size), 26, "symbols"},
	{"a name without end", SYMBOL(length), UINT32_MAX, "symbols"},
	{"a name past the symbols", SYMBOL(length), 100, "symbols"},
	{"a name of 256", SYMBOL(length), SYMBOL_NAME_MAX + 1, "symbols"},
};

static void a_length_that_cannot_be_is_named(void **state)
{
	struct trace_file *f = *state;
	static char bytes[WHOLE], changed[WHOLE];
	struct pn_error err;
	size_t whole;

	trace_file_add_all(f);
	whole = trace_file_load(f, bytes, WHOLE);
	for (size_t i = 0; i < COUNT(patches); i++) {
		const struct patch *p = &patches[i];

		memcpy(changed, bytes, whole);
		memcpy(changed + p->offset, &p->value, p->size);
		trace_file_store(f, changed, whole);
		CHECK_CODE(p->name, trace_open(&reader, f->path, &err), PN_ERR_IMAGE);
		CHECK_ONE_LINE(p->name, err.text);
		CHECK_CONTAINS(p->name, err.text, p->says);
	}
}

static void text_without_an_end_is_refused(void **state)
{
	static const size_t at[] = {offsetof(struct pn_trace_header, host),
				    offsetof(struct pn_trace_header, guest),
				    offsetof(struct pn_trace_header, cmdline)};
	static const size_t size[] = {64, 256, 256};
	struct trace_file *f = *state;
	static char bytes[WHOLE], changed[WHOLE];
	size_t whole = trace_file_load(f, bytes, WHOLE);

	for (unsigned i = 0; i < COUNT(at); i++) {
		memcpy(changed, bytes, whole);
		memset(changed + at[i], 'x', size[i]);
		trace_file_store(f, changed, whole);
		CHECK_CODE("text", read_file("text", f->path), PN_ERR_IMAGE);
	}
}

static void what_is_no_trace_is_said_to_be_none(void **state)
{
	struct trace_file *f = *state;

	assert_int_equal(read_file("none", "/no/such/trace"), PN_ERR_SYSTEM);
	assert_int_equal(read_file("a directory", "/tmp"), PN_ERR_SYSTEM);
	assert_int_equal(read_file("/dev/null", "/dev/null"), PN_ERR_IMAGE);
	assert_int_equal(read_file("/dev/zero", "/dev/zero"), PN_ERR_IMAGE);
	trace_file_store(f,
			 "\x7f"
			 "ELF",
			 4);
	assert_int_equal(read_file("ELF", f->path), PN_ERR_IMAGE);
}

/* What a terminal would take for a command is not passed on. */
static void texts_are_made_fit_to_print(void **state)
{
	struct trace_file *f = *state;
	struct trace_reader *r;

	strcpy(f->header.guest, "a\033[2Jb");
	strcpy(f->header.cmdline, "\n\r\x80");
	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
	assert_int_equal(trace_write_head(f->fd, &f->header, &f->symbols), 0);
	r = trace_file_open(f);
	assert_string_equal(r->header.guest, "a?[2Jb");
	assert_string_equal(r->header.cmdline, "???");
	trace_file_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACE_TEST(what_is_written_is_read),
		TRACE_TEST(more_than_a_batch_comes_whole),
		TRACE_TEST(a_file_cut_anywhere_is_an_error_or_has_fewer_records),
		TRACE_TEST(a_changed_head_is_an_error_or_reads),
		TRACE_TEST(a_length_that_cannot_be_is_named),
		TRACE_TEST(text_without_an_end_is_refused),
		TRACE_TEST(what_is_no_trace_is_said_to_be_none),
		TRACE_TEST(texts_are_made_fit_to_print),
	};

	return cmocka_run_group_tests_name("trace-file", tests, NULL, NULL);
}
