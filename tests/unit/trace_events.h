/* SPDX-License-Identifier: MIT */
/*
 * A judge of trace-event files (Chrome's "Trace Event Format", the JSON object form): members,
 * their types, phases, order of time in each thread, slices that lie in one another, flows that begin
 * and end on a slice.
 */
#ifndef TESTS_UNIT_TRACE_EVENTS_H
#define TESTS_UNIT_TRACE_EVENTS_H

#include <jansson.h>

/* How many events of each phase there are. */
struct trace_events {
	unsigned phase[128];
};

/* Fails the test, with the event, if the text is no such file. The object is the caller's. */
json_t *trace_events_check(const char *text, struct trace_events *found);

#endif
