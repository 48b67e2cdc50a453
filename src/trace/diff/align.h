/* SPDX-License-Identifier: MIT */
/*
 * Aligns two lists of events that should be the same: event by event, and where they differ by the
 * nearest place where they agree again. Only ALIGN_WINDOW events of each are looked at, so that the
 * lists may be of any length; where they do not agree again within that, what was looked at is
 * counted as different.
 */
#ifndef TRACE_DIFF_ALIGN_H
#define TRACE_DIFF_ALIGN_H

#include <penumbra/trace.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALIGN_WINDOW ((size_t)512)

/* An event of the guest's own, and what the mode added to it up to the next one. */
struct align_event {
	uint64_t key; /* equal: the same event */
	unsigned kind;
	struct pn_trace_record record;
	uint64_t number;     /* in its list, from 0 */
	uint64_t between;    /* events that are not the guest's own, up to the next that is */
	uint64_t cost_ns;    /* its own and theirs */
	uint64_t elapsed_ns; /* until the next; 0 for the last */
};

struct align_handler {
	/* The next event of a list (0 or 1); false at its end. */
	bool (*next)(void *arg, unsigned side, struct align_event *event);
	void (*same)(void *arg, const struct align_event *a, const struct align_event *b);
	/* So many of each list stand where the other has something else: at least one of both. */
	void (*differ)(void *arg, const struct align_event *a, size_t a_count,
		       const struct align_event *b, size_t b_count);
	void *arg;
};

/* Aligns to the end of both. False if there is no memory. */
bool align(const struct align_handler *handler);

#endif
