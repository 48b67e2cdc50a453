/* SPDX-License-Identifier: MIT */
/*
 * One translation with all that stands behind it: the guest's entries as walk() reads them, the
 * memory slot and host memory behind each, and what the walk costs the processor. It is in this room
 * because it takes nothing but guest memory and paging registers; cli/explain_*.c print it.
 */
#ifndef MEMORY_EXPLAIN_H
#define MEMORY_EXPLAIN_H

#include "memory/backing.h"
#include "memory/references.h"
#include "memory/shadow/path.h"
#include "memory/walk.h"

struct explanation {
	struct walk_context ctx;
	struct walk_query query;
	struct walk_result result;
	struct walk_path path;
	struct backing entry[PT_LEVEL_MAX]; /* behind each step of the path */
	struct backing page;		    /* behind the byte itself, for WALK_OK */
	struct reference_walk guest;	    /* a processor's walk of the guest's own tables */
	unsigned host_levels;		    /* taken for the second dimension's tables */
	int smaps;			    /* backing_open() */

	bool shadowed;	       /* shadow mode: the processor walks these instead */
	enum shadow_view view; /* through which the access would go */
	struct shadow_path shadow;
	bool current;		    /* CR3 holds that view\'s root now */
	struct backing shadow_page; /* behind the page it maps */
	struct reference_walk real; /* the processor's walk of the shadow */
};

/*
 * Walks for x->query with the registers of x->ctx, both filled in by the caller, and fills in the
 * guest's side; flags in the tables stay as they are. The caller holds the memory's lock.
 */
void explain_walk(struct explanation *x, const struct gmem *mem);

/* Fills in the shadow's side for x->view. To be called after explain_walk. */
void explain_shadow(struct explanation *x, const struct gmem *mem, struct shadow *shadow);

/* The name of an entry of the guest's at a level: "PDE"; "" if paging is off. */
const char *explain_entry_name(const struct explanation *x, unsigned level);

/* Whether step i of the path maps a page. */
bool explain_is_leaf(const struct explanation *x, unsigned i);

/* The leading steps that a page-walk cache may hold: those that point to a table. */
unsigned explain_cacheable(const struct explanation *x);

#endif
