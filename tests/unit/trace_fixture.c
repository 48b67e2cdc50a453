/* SPDX-License-Identifier: MIT */
#include "trace_fixture.h"

#include <stdlib.h>
#include <unistd.h>

static struct trace_file file;

int trace_file_set_up(void **state)
{
	struct trace_file *f = &file;

	*f = (struct trace_file){.path = "/tmp/penumbra-trace.XXXXXX"};
	f->fd = mkstemp(f->path);
	assert_true(f->fd >= 0);
	assert_int_equal(symbols_add(&f->symbols, 0x1000, 256, "main"), PN_OK);
	assert_int_equal(symbols_add(&f->symbols, 0x2000, 256, "handler"), PN_OK);
	symbols_sort(&f->symbols);
	trace_header_init(&f->header);
	strcpy(f->header.guest, "guest.elf");
	strcpy(f->header.cmdline, "one \"two\"");
	strcpy(f->header.host, "EPT");
	assert_int_equal(trace_write_head(f->fd, &f->header, &f->symbols), 0);
	*state = f;
	return 0;
}

int trace_file_tear_down(void **state)
{
	struct trace_file *f = *state;

	close(f->fd);
	unlink(f->path);
	symbols_free(&f->symbols);
	return 0;
}

void trace_file_add(struct trace_file *f, struct pn_trace_record r)
{
	r.number = f->number++;
	assert_int_equal(trace_write_all(f->fd, &r, sizeof(r)), 0);
}

void trace_file_store(struct trace_file *f, const void *bytes, size_t size)
{
	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_int_equal(pwrite(f->fd, bytes, size, 0), size);
}

size_t trace_file_load(const struct trace_file *f, void *bytes, size_t size)
{
	ssize_t n = pread(f->fd, bytes, size, 0);

	assert_true(n >= 0 && (size_t)n < size);
	return (size_t)n;
}

void trace_file_add_all(struct trace_file *f)
{
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++)
		trace_file_add(f, (struct pn_trace_record){.type = (uint8_t)i,
							   .time = i * 1000,
							   .cost = i * 100,
							   .rip = 0x1000 + i,
							   .address = 0x5000 + i,
							   .value = {i, i + 1},
							   .count = i,
							   .mode = PN_MODE_SHADOW});
}

struct trace_reader *trace_file_open(const struct trace_file *f)
{
	struct trace_reader *r = malloc(sizeof(*r));
	struct pn_error err;

	assert_non_null(r);
	if (trace_open(r, f->path, &err))
		fail_msg("%s", err.text);
	return r;
}

void trace_file_close(struct trace_reader *r)
{
	trace_close(r);
	free(r);
}
