/* SPDX-License-Identifier: MIT */
/*
 * The tracepoints of the host's kernel that a trace can hold: what each is called, and which of its
 * fields goes into which member of a record. One table for the source that records them and for
 * all that prints them (docs/trace-format.md shows it).
 */
#ifndef TRACE_TRACEPOINTS_H
#define TRACE_TRACEPOINTS_H

#include <penumbra/trace.h>
#include <stdbool.h>

/* A member of a record that a field can go into. */
enum tracepoint_member {
	MEMBER_NONE, /* ends a list of fields */
	MEMBER_ADDRESS,
	MEMBER_VALUE0,
	MEMBER_VALUE1,
	MEMBER_ERROR,
	MEMBER_COUNT,
	MEMBER_LEVEL,
	MEMBER_CAUSE,
	MEMBER_RIP,
};

struct tracepoint_field {
	const char *name; /* the kernel's */
	enum tracepoint_member member;
	unsigned shift;	   /* to the left: a frame's number becomes its address */
	uint64_t mask;	   /* first, of those bits; 0: all */
	const char *words; /* what it is called in print; NULL: as the kernel calls it */
};

#define TRACEPOINT_FIELDS 6

struct tracepoint {
	const char *system, *name;
	struct tracepoint_field field[TRACEPOINT_FIELDS + 1];
};

/* By enum pn_trace_tracepoint. */
extern const struct tracepoint tracepoints[PN_TRACEPOINTS];

/* Whether a field of the tracepoint goes into that member. */
bool tracepoint_has(unsigned kind, enum tracepoint_member member);

/* What a record has in a member. */
uint64_t tracepoint_member_of(const struct pn_trace_record *r, enum tracepoint_member member);

#endif
