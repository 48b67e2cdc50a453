/* SPDX-License-Identifier: MIT */
/*
 * A second statement of x86 paging, to hold walk() against: the Intel SDM's chapter 4 transcribed
 * paragraph by paragraph, with bit numbers instead of names, no tables, no masks made beforehand
 * and no thought for speed. It shares walk()'s questions and none of its data.
 */
#ifndef TESTS_WALK_ORACLE_H
#define TESTS_WALK_ORACLE_H

#include "memory/walk.h"

struct oracle_answer {
	enum walk_outcome outcome;
	unsigned error_code;
	unsigned reasons; /* 1 << enum walk_cause, for everything that is wrong with the access */

	/* For WALK_OK. */
	gpa_t gpa;
	unsigned shift;
	bool writable, user, nx, global, dirty;
	unsigned pkey, pat;

	/* Entries looked at, in order, whatever the outcome. */
	unsigned count;
	unsigned entry_size; /* bytes */
	struct {
		gpa_t gpa;
		uint64_t value;
		bool has_accessed; /* has an accessed flag at all, and in memory */
	} entry[5];
};

void oracle_walk(const struct gmem *mem, const struct walk_regs *regs,
		 const struct walk_query *query, struct oracle_answer *answer);

/* What differs between walk()'s answer, with its path, and the oracle's; NULL: nothing. */
const char *oracle_difference(const struct walk_query *q, const struct walk_result *r,
			      const struct walk_path *path, const struct oracle_answer *a);

#endif
