/* SPDX-License-Identifier: MIT */
/* The way out of the process: several rings become one file, in order, with one sequence of numbers. */
#include "trace_fixture.h"

#include "clock.h"
#include "trace/stream.h"

#include <unistd.h>

#define RECORDS 3000 /* of each ring: more than a batch */

static struct trace_stream stream;

static void start(const struct trace_file *f)
{
	struct pn_error err;

	assert_int_equal(trace_stream_open(&stream, f->path, stderr, &f->header, &f->symbols, &err),
			 PN_OK);
	assert_int_equal(trace_stream_start(&stream, &err), PN_OK);
}

static void put(struct trace_ring *ring, uint64_t time, unsigned mode)
{
	trace_ring_put(ring, &(struct pn_trace_record){
				     .type = PN_TRACE_MARK, .time = time, .mode = (uint8_t)mode});
}

/* The records of the file; the next call's replace them. */
static const struct pn_trace_record *records(const struct trace_file *f, size_t *count)
{
	static struct pn_trace_record all[3 * RECORDS];
	struct trace_reader *r = trace_file_open(f);
	struct pn_error err;
	int n;

	*count = 0;
	while ((n = trace_read(r, &err)) > 0)
		for (int i = 0; i < n; i++)
			all[(*count)++] = r->batch[i];
	assert_int_equal(n, 0);
	trace_file_close(r);
	return all;
}

/*
 * The vCPU's ring gets its records after the other, and the writing has time between the two. None
 * of them is so old that it is written before the end, however slow the machine.
 */
static void records_of_two_rings_are_written_in_the_order_of_their_times(void **state)
{
	struct trace_file *f = *state;
	const struct pn_trace_record *r;
	struct trace_ring *other;
	uint64_t time;
	size_t count;

	start(f);
	other = trace_stream_ring(&stream, 12);
	assert_non_null(other);
	time = clock_ns() - f->header.start_ns + UINT64_C(60000000000);
	for (unsigned i = 0; i < RECORDS; i++)
		put(other, time + 2 * i, PN_MODE_HW);
	usleep(10000);
	for (unsigned i = 0; i < RECORDS; i++)
		put(&stream.ring[0], time + 2 * i + 1, PN_MODE_HW);
	assert_int_equal(trace_stream_stop(&stream), 0);
	r = records(f, &count);
	assert_int_equal(count, 2 * RECORDS);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(r[i].time, time + i);
		assert_int_equal(r[i].number, i);
	}
}

/* One that was promised is waited for, however late it comes; what comes after it waits, too. */
static void a_record_that_was_promised_is_waited_for(void **state)
{
	struct trace_file *f = *state;
	const struct pn_trace_record *r;
	struct trace_ring *other;
	size_t count;

	start(f);
	other = trace_stream_ring(&stream, 4);
	trace_ring_promise(other, 5);
	put(&stream.ring[0], 3, PN_MODE_HW);
	put(&stream.ring[0], 7, PN_MODE_HW);
	usleep(2 * STREAM_HOLD_NS / 1000);
	put(other, 5, PN_MODE_HW);
	trace_ring_promise(other, UINT64_MAX);
	assert_int_equal(trace_stream_stop(&stream), 0);
	r = records(f, &count);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(r[i].time, 3 + 2 * i);
}

static void a_gap_of_either_ring_is_one_in_the_file(void **state)
{
	struct trace_file *f = *state;
	const struct pn_trace_record *r;
	struct trace_ring *other;
	size_t count;

	start(f);
	other = trace_stream_ring(&stream, 4);
	put(other, 1, PN_MODE_HW);
	put(&stream.ring[0], 2, PN_MODE_HW);
	trace_ring_drop(other);
	trace_ring_drop(other);
	trace_ring_drop(&stream.ring[0]);
	put(other, 3, PN_MODE_HW);
	put(&stream.ring[0], 4, PN_MODE_HW);
	assert_int_equal(trace_stream_dropped(&stream), 3);
	assert_int_equal(trace_stream_stop(&stream), 0);
	r = records(f, &count);
	/* Two of them are DROP. */
	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(r[i].number, ((const uint32_t[]){0, 1, 4, 5, 7, 8})[i]);
}

/* What comes late from the kernel gets the mode in which the vCPU was at the time. */
static void a_mode_that_is_not_known_is_the_vcpu_s(void **state)
{
	struct trace_file *f = *state;
	const struct pn_trace_record *r;
	struct trace_ring *other;
	size_t count;

	start(f);
	stream.mode = PN_MODE_SHADOW;
	other = trace_stream_ring(&stream, 4);
	put(other, 1, TRACE_MODE_UNKNOWN);
	put(&stream.ring[0], 2, PN_MODE_HW);
	put(other, 3, TRACE_MODE_UNKNOWN);
	put(&stream.ring[0], 4, PN_MODE_SHADOW);
	put(other, 5, TRACE_MODE_UNKNOWN);
	put(other, 6, PN_MODE_HW);
	assert_int_equal(trace_stream_stop(&stream), 0);
	r = records(f, &count);
	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(r[i].mode, ((const uint8_t[]){1, 0, 0, 1, 1, 0})[i]);
}

static void there_are_so_many_rings_and_no_more(void **state)
{
	struct trace_file *f = *state;

	start(f);
	for (unsigned i = 1; i < TRACE_RINGS; i++)
		assert_non_null(trace_stream_ring(&stream, 4));
	assert_null(trace_stream_ring(&stream, 4));
	assert_int_equal(trace_stream_stop(&stream), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACE_TEST(records_of_two_rings_are_written_in_the_order_of_their_times),
		TRACE_TEST(a_record_that_was_promised_is_waited_for),
		TRACE_TEST(a_gap_of_either_ring_is_one_in_the_file),
		TRACE_TEST(a_mode_that_is_not_known_is_the_vcpu_s),
		TRACE_TEST(there_are_so_many_rings_and_no_more),
	};

	return cmocka_run_group_tests_name("trace-stream", tests, NULL, NULL);
}
