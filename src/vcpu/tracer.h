/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's side of a trace. Events gather while an exit is handled; when the vCPU is about to run
 * again their cost is known, and they go into the ring. An exit may have several: the first carries
 * the cost of all.
 */
#ifndef VCPU_TRACER_H
#define VCPU_TRACER_H

#include "clock.h"
#include "trace/ring.h"

#include <penumbra/penumbra.h>

#define TRACER_EVENTS 16

struct tracer {
	struct trace_ring *ring;
	uint32_t types; /* wanted: bits 1 << enum pn_trace_type */
	uint64_t start_ns;
	uint64_t exit_ns; /* when KVM_RUN returned */
	unsigned count;
	struct pn_trace_record event[TRACER_EVENTS];
};

/* KVM_RUN has returned. `t` may be NULL: nothing is traced. */
static inline void tracer_begin(struct tracer *t)
{
	if (!t)
		return;
	t->exit_ns = clock_ns();
	trace_ring_promise(t->ring, t->exit_ns - t->start_ns);
}

/* What is wanted of an event before it is worth looking closer. */
static inline bool tracer_wants(const struct tracer *t, enum pn_trace_type type)
{
	return t && t->types & 1u << type;
}

/* Adds an event to the exit at hand; its time is filled in. Too many for one exit are lost, and counted. */
void tracer_add(struct tracer *t, const struct pn_trace_record *event);

/* The vCPU is about to run: hands the events over. */
void tracer_end(struct tracer *t);

#endif
