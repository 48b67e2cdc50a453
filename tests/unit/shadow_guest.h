/* SPDX-License-Identifier: MIT */
/*
 * A random guest on the model machine: what it picks, and what it has changed since its last flush,
 * so that a translation that lags behind can be told from one that was never right.
 */
#ifndef TESTS_SHADOW_GUEST_H
#define TESTS_SHADOW_GUEST_H

#include "shadow_fixture.h"

#define TABLES	14 /* RAM pages 16 on, used at every level */
#define FIRST	16
#define ROOTS	3
#define HISTORY 64

/* What has changed since the last flush of everything, so that it can be taken back. */
struct record {
	enum { RECORD_STORE, RECORD_INVLPG, RECORD_CR3 } kind;
	gpa_t gpa;
	uint64_t old; /* entry or CR3 */
	uint64_t pdptr[4];
	gva_t gva;
};

struct random_guest {
	struct machine m;
	uint64_t state;
	const uint8_t *choices; /* where roll() takes its numbers from, if not NULL; `left` bytes */
	size_t left;
	struct record record[HISTORY];
	unsigned records;
	enum walk_privilege privilege;
	gva_t warm[8]; /* have been reached, so that they are likelier to be again */
	unsigned reached, stale, refused;
};

/* 0 to n - 1; of choices that have come to their end, 0. */
uint64_t roll(struct random_guest *g, uint64_t n);

/* An index in a table, an address, an entry: seldom ones that nothing else has to do with. */
unsigned pick_index(struct random_guest *g, unsigned bits);
gva_t pick_gva(struct random_guest *g);
uint64_t pick_entry(struct random_guest *g);

/* Remembers a change, or that everything has been flushed. */
void note(struct random_guest *g, struct record r);
void forget(struct random_guest *g);

/* Stores an entry, without the core's knowledge. */
void put(struct random_guest *g, gpa_t gpa, uint64_t entry);

/* Whether the guest's tables, as they are now and under these registers, lead the access to `gpa`. */
bool leads_to(const struct random_guest *g, const struct walk_regs *regs,
	      const struct walk_query *q, gpa_t gpa, bool global);

/* Whether they did at some time since the flush that would have covered the access. */
bool was_right(struct random_guest *g, const struct walk_query *q, gpa_t gpa);

#endif
