/* SPDX-License-Identifier: MIT */
/* A vCPU's side of a trace. */
#include "vcpu/tracer.h"

void tracer_add(struct tracer *t, const struct pn_trace_record *event)
{
	struct pn_trace_record *r = &t->event[t->count];

	if (t->count == TRACER_EVENTS) {
		trace_ring_drop(t->ring);
		return;
	}
	t->count++;
	*r = *event;
	r->time = t->exit_ns - t->start_ns;
}

void tracer_end(struct tracer *t)
{
	uint64_t cost;

	if (!t)
		return;
	if (t->count) {
		cost = clock_ns() - t->exit_ns;
		t->event[0].cost = cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX;
	}
	for (unsigned i = 0; i < t->count; i++)
		trace_ring_put(t->ring, &t->event[i]);
	t->count = 0;
	trace_ring_promise(t->ring, UINT64_MAX);
}
