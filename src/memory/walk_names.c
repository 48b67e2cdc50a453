/* SPDX-License-Identifier: MIT */
/* The walker's enums in words. */
#include "memory/walk.h"

const char *walk_outcome_name(enum walk_outcome outcome)
{
	static const char *const name[] = {
		[WALK_OK] = "translation",
		[WALK_FAULT] = "page fault",
		[WALK_NONCANONICAL] = "non-canonical address",
		[WALK_NO_MEMORY] = "table entry outside every memory slot",
	};

	return name[outcome];
}

const char *walk_cause_name(enum walk_cause cause)
{
	static const char *const name[WALK_CAUSES] = {
		[WALK_CAUSE_NONE] = "no fault",
		[WALK_CAUSE_NOT_PRESENT] = "entry not present",
		[WALK_CAUSE_RESERVED_BIT] = "reserved bit set in an entry",
		[WALK_CAUSE_SUPERVISOR_PAGE] = "user access to a supervisor page",
		[WALK_CAUSE_SMEP] = "supervisor fetch from a user page (SMEP)",
		[WALK_CAUSE_SMAP] = "supervisor access to a user page (SMAP)",
		[WALK_CAUSE_READ_ONLY] = "write to a read-only page",
		[WALK_CAUSE_NO_EXECUTE] = "fetch from a no-execute page",
		[WALK_CAUSE_PKEY] = "forbidden by the page's protection key",
	};

	return name[cause];
}

const char *walk_access_name(enum walk_access access)
{
	static const char *const name[] = {
		[WALK_READ] = "read",
		[WALK_WRITE] = "write",
		[WALK_FETCH] = "fetch",
	};

	return name[access];
}

const char *walk_privilege_name(enum walk_privilege privilege)
{
	static const char *const name[] = {
		[WALK_USER] = "user",
		[WALK_SUPERVISOR] = "supervisor",
		[WALK_IMPLICIT] = "implicit supervisor",
	};

	return name[privilege];
}
