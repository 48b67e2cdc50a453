/* SPDX-License-Identifier: MIT */
/* The event ring: order, numbers, what a full one does, and two threads at once. */
#include "check.h"

#include "trace/ring.h"

#include <pthread.h>
#include <sched.h>

#define BITS 4
#define ROOM (1u << BITS)

static void put(struct trace_ring *ring, uint64_t what)
{
	const struct pn_trace_record r = {
		.type = PN_TRACE_MARK, .value[0] = what, .number = 0xdead};

	trace_ring_put(ring, &r);
}

static struct trace_ring *make(struct trace_ring *ring)
{
	assert_true(trace_ring_init(ring, BITS));
	return ring;
}

static void records_come_out_in_order_and_numbered(void **state)
{
	struct trace_ring ring, *r = make(&ring);
	const struct pn_trace_record *first;
	uint64_t put_next = 0, taken = 0;

	(void)state;
	assert_int_equal(trace_ring_peek(r, &first), 0);
	/* 5 of 16 at a time: the end of the array comes at every place in a batch. */
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 5; i++)
			put(r, put_next++);
		for (uint32_t n; (n = trace_ring_peek(r, &first)); trace_ring_took(r, n))
			for (uint32_t i = 0; i < n; i++, taken++) {
				assert_int_equal(first[i].value[0], taken);
				assert_int_equal(first[i].number, taken);
			}
		assert_int_equal(taken, put_next);
	}
	assert_int_equal(r->dropped_total, 0);
	trace_ring_fini(r);
}

static void what_is_taken_in_part_stays_in_part(void **state)
{
	struct trace_ring ring, *r = make(&ring);
	const struct pn_trace_record *first;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		put(r, i);
	assert_int_equal(trace_ring_peek(r, &first), 6);
	trace_ring_took(r, 2);
	assert_int_equal(trace_ring_peek(r, &first), 4);
	assert_int_equal(first[0].value[0], 2);
	trace_ring_fini(r);
}

static void a_full_ring_drops_counts_and_says_so(void **state)
{
	struct trace_ring ring, *r = make(&ring);
	const struct pn_trace_record *first;

	(void)state;
	for (unsigned i = 0; i < ROOM + 7; i++)
		put(r, i);
	assert_int_equal(r->dropped_total, 7);
	assert_int_equal(trace_ring_peek(r, &first), ROOM);
	assert_int_equal(first[ROOM - 1].value[0], ROOM - 1);
	/* Room for one: the DROP record and what follows it need two. */
	trace_ring_took(r, 1);
	put(r, 100);
	assert_int_equal(r->dropped_total, 8);
	trace_ring_took(r, ROOM - 1);
	put(r, 200);
	assert_int_equal(trace_ring_peek(r, &first), 2);
	assert_int_equal(first[0].type, PN_TRACE_DROP);
	assert_int_equal(first[0].count, 8);
	assert_int_equal(first[1].type, PN_TRACE_MARK);
	assert_int_equal(first[1].value[0], 200);
	/* A gap as large as the drop. */
	assert_int_equal(first[0].number, ROOM + 8);
	assert_int_equal(first[1].number, ROOM + 9);
	trace_ring_took(r, 2);
	put(r, 300);
	assert_int_equal(trace_ring_peek(r, &first), 1);
	assert_int_equal(first[0].type, PN_TRACE_MARK);
	trace_ring_fini(r);
}

static void what_was_lost_before_the_ring_is_counted_too(void **state)
{
	struct trace_ring ring, *r = make(&ring);
	const struct pn_trace_record *first;

	(void)state;
	put(r, 1);
	trace_ring_drop(r);
	trace_ring_drop(r);
	put(r, 2);
	assert_int_equal(trace_ring_peek(r, &first), 3);
	assert_int_equal(first[1].type, PN_TRACE_DROP);
	assert_int_equal(first[1].count, 2);
	assert_int_equal(first[1].number, 3);
	assert_int_equal(first[2].value[0], 2);
	assert_int_equal(r->dropped_total, 2);
	trace_ring_fini(r);
}

#define RECORDS 200000

static void *put_many(void *arg)
{
	for (uint64_t i = 0; i < RECORDS; i++) {
		put(arg, i);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

/* What one thread puts another takes: whole, in order, each number once, or counted as dropped. */
static void two_threads_lose_nothing_uncounted(void **state)
{
	struct trace_ring ring, *r = make(&ring);
	const struct pn_trace_record *first;
	uint64_t marks = 0, dropped = 0, next = 0, number = 0;
	bool ended = false;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, put_many, r), 0);
	while (!ended) {
		uint32_t n;

		ended = pthread_tryjoin_np(thread, NULL) == 0;
		while ((n = trace_ring_peek(r, &first))) {
			for (uint32_t i = 0; i < n; i++) {
				if (first[i].type == PN_TRACE_DROP) {
					dropped += first[i].count;
					next += first[i].count;
					number += first[i].count;
				} else {
					assert_int_equal(first[i].value[0], next++);
					marks++;
				}
				assert_int_equal(first[i].number, number++);
			}
			trace_ring_took(r, n);
		}
		sched_yield();
	}
	/* Those dropped since the last that fitted stand in no record. */
	assert_int_equal(dropped + r->dropped, r->dropped_total);
	assert_int_equal(marks + r->dropped_total, RECORDS);
	trace_ring_fini(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_out_in_order_and_numbered),
		cmocka_unit_test(what_is_taken_in_part_stays_in_part),
		cmocka_unit_test(a_full_ring_drops_counts_and_says_so),
		cmocka_unit_test(what_was_lost_before_the_ring_is_counted_too),
		cmocka_unit_test(two_threads_lose_nothing_uncounted),
	};

	return cmocka_run_group_tests_name("trace-ring", tests, NULL, NULL);
}
