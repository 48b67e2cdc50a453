/* SPDX-License-Identifier: MIT */
/* The event ring: two counters that only grow, each written by one thread. */
#include "trace/ring.h"

#include <stdlib.h>
#include <string.h>

bool trace_ring_init(struct trace_ring *r, unsigned bits)
{
	memset(r, 0, sizeof(*r));
	r->mask = (UINT32_C(1) << bits) - 1;
	r->promise = UINT64_MAX;
	r->record = calloc((size_t)r->mask + 1, sizeof(*r->record));
	return r->record != NULL;
}

void trace_ring_fini(struct trace_ring *r)
{
	free(r->record);
	r->record = NULL;
}

/* Whether `count` more records fit. The other thread's counter is read only if need be. */
static bool has_room(struct trace_ring *r, uint64_t head, uint32_t count)
{
	if (head + count - r->tail_seen <= (uint64_t)r->mask + 1)
		return true;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return head + count - r->tail_seen <= (uint64_t)r->mask + 1;
}

static void store(struct trace_ring *r, uint64_t at, const struct pn_trace_record *record)
{
	struct pn_trace_record *slot = &r->record[at & r->mask];

	*slot = *record;
	slot->number = r->number++;
}

void trace_ring_lose(struct trace_ring *r, uint32_t count)
{
	r->dropped += count;
	r->dropped_total += count;
	r->number += count;
}

void trace_ring_drop(struct trace_ring *r)
{
	trace_ring_lose(r, 1);
}

void trace_ring_put(struct trace_ring *r, const struct pn_trace_record *record)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint32_t need = r->dropped ? 2 : 1;

	if (__builtin_expect(!has_room(r, head, need), 0)) {
		trace_ring_drop(r);
		return;
	}
	if (r->dropped) {
		struct pn_trace_record drop = *record;

		drop.type = PN_TRACE_DROP;
		drop.count = r->dropped > UINT32_MAX ? UINT32_MAX : (uint32_t)r->dropped;
		r->dropped = 0;
		store(r, head++, &drop);
	}
	store(r, head++, record);
	atomic_store_explicit(&r->head, head, memory_order_release);
}

uint32_t trace_ring_peek(const struct trace_ring *r, const struct pn_trace_record **first)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t count = atomic_load_explicit(&r->head, memory_order_acquire) - tail;
	uint64_t straight = (uint64_t)r->mask + 1 - (tail & r->mask);

	*first = &r->record[tail & r->mask];
	return (uint32_t)(count < straight ? count : straight);
}

void trace_ring_took(struct trace_ring *r, uint32_t count)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + count, memory_order_release);
}
