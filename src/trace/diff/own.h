/* SPDX-License-Identifier: MIT */
/*
 * The guest's own events in a trace: which they are, what makes two of them the same, and, where
 * several sources have seen the same ones, whose word is taken.
 */
#ifndef TRACE_DIFF_OWN_H
#define TRACE_DIFF_OWN_H

#include <penumbra/trace.h>
#include <stdbool.h>
#include <stdint.h>

/* The guest's own events. Flushes by a load of CR3 go with it; those by a change of mode are ours. */
enum diff_kind {
	DIFF_FAULT,
	DIFF_MARK,
	DIFF_CR3,
	DIFF_INVLPG,
	DIFF_INVPCID,
	DIFF_CR4,
	DIFF_CR0,
	DIFF_EFER,
	DIFF_CALL,
	DIFF_KINDS
};

extern const char *const diff_kind_names[DIFF_KINDS];

/* Events by mode, kind and source; and the source that is listened to. */
struct own_sources {
	uint64_t seen[2][DIFF_KINDS][PN_SOURCES];
	uint8_t chosen[2][DIFF_KINDS];
};

/* Which of the guest's own events a record is, enum diff_kind; -1: none. */
int own_kind(const struct pn_trace_record *r);

/* What makes two events the same. */
uint64_t own_key(const struct pn_trace_record *r, int kind);

/* Counts an event; when all are counted, chooses for each mode and kind the source that is nearest
 * to the processor. */
void own_see(struct own_sources *s, const struct pn_trace_record *r, int kind);
void own_choose(struct own_sources *s);

/* Whether an event is of the source chosen; and how many are. */
bool own_is_chosen(const struct own_sources *s, const struct pn_trace_record *r, int kind);
uint64_t own_count(const struct own_sources *s, int kind);

#endif
