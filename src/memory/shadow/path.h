/* SPDX-License-Identifier: MIT */
/*
 * What the processor finds in the shadow for one GVA: the real tables, read out of the pool from a
 * view's root on. Changes nothing.
 */
#ifndef MEMORY_SHADOW_PATH_H
#define MEMORY_SHADOW_PATH_H

#include "memory/shadow/shadow.h"

enum shadow_path_end {
	SHADOW_PATH_NO_ROOT, /* nobody has looked through this view yet: no tables */
	SHADOW_PATH_PAGE,    /* a page is mapped */
	SHADOW_PATH_ABSENT,  /* the last entry is not present: the next access is a hidden fault,
				or a guest fault */
	SHADOW_PATH_MONITOR, /* the top entry is the monitor's: out of the guest's reach */
	SHADOW_PATH_ASTRAY,  /* the last entry leads out of the pool: never seen, if all is well */
};

struct shadow_step {
	gpa_t gpa;	 /* of the entry, in the pool */
	uint64_t entry;	 /* as it is in the pool */
	uint64_t wanted; /* as it will be when the monitor has done its mail */
	uint16_t index;
	uint8_t level;
};

struct shadow_path {
	enum shadow_path_end end;
	gpa_t root; /* what CR3 holds for this view; not for SHADOW_PATH_NO_ROOT */
	unsigned count;
	struct shadow_step step[PT_LEVEL_MAX];
	gpa_t gpa;     /* of the byte, for SHADOW_PATH_PAGE */
	uint8_t shift; /* the page has 1 << shift bytes */
};

/* Follows a canonical `gva` through the view of the root that ctx selects. */
void shadow_path(struct shadow *s, const struct walk_context *ctx, enum shadow_view view, gva_t gva,
		 struct shadow_path *path);

/* "in no table yet", "page", ... for output. */
const char *shadow_path_end_name(enum shadow_path_end end);
const char *shadow_view_name(enum shadow_view view);

#endif
