/* SPDX-License-Identifier: MIT */
/* What the kernel wrote for a tracepoint, as a record of a trace. */
#ifndef SOURCES_KERNEL_EVENTS_H
#define SOURCES_KERNEL_EVENTS_H

#include "trace/tracepoints.h"

#include <event-parse.h>

/* A tracepoint as this kernel lays it out. */
struct kernel_event {
	int id; /* the kernel's */
	enum pn_trace_tracepoint kind;
	struct tep_format_field *field[TRACEPOINT_FIELDS]; /* NULL: this kernel has it not */
};

struct kernel_events {
	unsigned count;
	struct kernel_event event[PN_TRACEPOINTS];
	bool two_dimensions; /* the address of a kvm_page_fault is a GPA; else it is a GVA */
};

/*
 * The type of the record that a tracepoint becomes. An exception that KVM injects anew, as its delivery
 * met a fault of the second dimension, is no other exception: that is one of type KERNEL.
 */
enum pn_trace_type kernel_event_type(const struct kernel_events *k, enum pn_trace_tracepoint kind);

/*
 * Adds a tracepoint, and makes the handle know it. Returns false if this kernel has none of that
 * name.
 */
bool kernel_events_add(struct kernel_events *k, struct tep_handle *tep,
		       enum pn_trace_tracepoint kind);

/*
 * Fills all of *r but its time, number and mode from what the kernel wrote. Returns false for a
 * tracepoint that was not added, or data too short for it.
 */
bool kernel_events_read(const struct kernel_events *k, int id, const void *data, int size,
			struct pn_trace_record *r);

#endif
