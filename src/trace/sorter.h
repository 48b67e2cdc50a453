/* SPDX-License-Identifier: MIT */
/*
 * Puts records in order of time that are nearly so: those of several sources, each of which came to
 * the file a little late. It holds the last SORTER_ROOM records and gives out the earliest of them;
 * one that is later than all those is given out when it comes.
 */
#ifndef TRACE_SORTER_H
#define TRACE_SORTER_H

#include <penumbra/trace.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SORTER_ROOM 16384 /* records: 1.2 MiB */

struct sorter_entry {
	uint64_t order; /* of two of one time, as they came */
	struct pn_trace_record record;
};

struct sorter {
	struct sorter_entry *heap; /* the earliest first */
	size_t count;
	uint64_t next;
};

/* False if there is no memory. */
bool sorter_init(struct sorter *s);
void sorter_fini(struct sorter *s);

/* Takes a record. True if one had to be given out for it: *out. */
bool sorter_put(struct sorter *s, const struct pn_trace_record *r, struct pn_trace_record *out);

/* After the last: gives out what is left, one by one; false if there is none. */
bool sorter_take(struct sorter *s, struct pn_trace_record *out);

#endif
