/* SPDX-License-Identifier: MIT */
/* What the tests of traces share: a small trace in a file, made record by record. */
#ifndef TESTS_UNIT_TRACE_FIXTURE_H
#define TESTS_UNIT_TRACE_FIXTURE_H

#include "check.h"

#include "trace/file.h"

#include <penumbra/trace.h>

struct trace_file {
	char path[32];
	int fd;
	struct pn_trace_header header;
	struct symbols symbols; /* main at 0x1000, handler at 0x2000, 256 bytes each */
	uint32_t number;	/* of the next record */
};

/* For cmocka: *state is a struct trace_file with its head written. */
int trace_file_set_up(void **state);
int trace_file_tear_down(void **state);

#define TRACE_TEST(f) cmocka_unit_test_setup_teardown(f, trace_file_set_up, trace_file_tear_down)

/* Appends a record; its number is filled in. */
void trace_file_add(struct trace_file *f, struct pn_trace_record r);

/* Makes the file these bytes. */
void trace_file_store(struct trace_file *f, const void *bytes, size_t size);

/* The whole of a file of at most `size` bytes; how many there are. */
size_t trace_file_load(const struct trace_file *f, void *bytes, size_t size);

/* A record of every type there is, at 1, 2, 3, ... us, of costs 100, 200, 300, ... ns. */
void trace_file_add_all(struct trace_file *f);

/* Opens it with a reader, which is freed by trace_file_close. Fails the test if it cannot. */
struct trace_reader *trace_file_open(const struct trace_file *f);
void trace_file_close(struct trace_reader *r);

#endif
