/* SPDX-License-Identifier: MIT */
/*
 * The event ring of one vCPU: one thread puts, one takes, no lock. A full ring never stalls the one
 * that puts: the record is dropped and counted, and the next that fits is preceded by a DROP record.
 */
#ifndef TRACE_RING_H
#define TRACE_RING_H

#include <penumbra/trace.h>
#include <stdatomic.h>
#include <stdbool.h>

struct trace_ring {
	struct pn_trace_record *record;
	uint32_t mask; /* records, less one */

	/* The putting thread's. */
	_Alignas(64) atomic_uint_fast64_t head;
	uint64_t tail_seen; /* as last read */
	uint64_t dropped;   /* since the last record that fitted */
	uint64_t dropped_total;
	uint32_t number;
	atomic_uint_fast64_t promise;

	/* The taking thread's. */
	_Alignas(64) atomic_uint_fast64_t tail;
};

/* Makes a ring of 1 << bits records (bits 4 to 24). Returns false if there is no memory. */
bool trace_ring_init(struct trace_ring *r, unsigned bits);
void trace_ring_fini(struct trace_ring *r);

/* Puts a record; its number is filled in here. */
void trace_ring_put(struct trace_ring *r, const struct pn_trace_record *record);

/* Counts a record that was lost before it came here, as if the ring had been full. */
void trace_ring_drop(struct trace_ring *r);

/* The same for `count` of them. */
void trace_ring_lose(struct trace_ring *r, uint32_t count);

/*
 * No record of an earlier time will be put from now on (ns, as in records): whoever has several rings
 * need wait for this one no longer. UINT64_MAX, as in a new ring: one that comes is put at once.
 */
static inline void trace_ring_promise(struct trace_ring *r, uint64_t time)
{
	atomic_store_explicit(&r->promise, time, memory_order_release);
}

/*
 * The records that can be taken, in one piece: stores the address of the first and returns how many
 * there are; 0 for an empty ring. They stay where they are until trace_ring_took() gives back the
 * first `count` of them.
 */
uint32_t trace_ring_peek(const struct trace_ring *r, const struct pn_trace_record **first);
void trace_ring_took(struct trace_ring *r, uint32_t count);

#endif
