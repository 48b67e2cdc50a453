/* SPDX-License-Identifier: MIT */
/* Address spaces: what a process may find where, as data. The fault handler reads it. */
#ifndef SPACE_H
#define SPACE_H

#include "address.h"
#include "fault.h"
#include "tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where an area's pages come from. */
enum area_kind {
	AREA_ZERO,  /* zeroes, on the first fault */
	AREA_FILE,  /* pattern() of the seed `source`, on the first fault; private */
	AREA_IMAGE, /* the image's frames from GPA `source` on; private once written */
	AREA_BLOCK, /* large pages, mapped from the start; fork() shares them */
};

/* Error codes of user faults are below this. */
#define AREA_ERRORS 32

struct area {
	gva_t start, end; /* whole pages */
	enum area_kind kind;
	unsigned prot;	 /* PROT_... of syscall.h */
	unsigned level;	 /* AREA_BLOCK: of its page when it was mapped */
	uint64_t source; /* see enum area_kind; AREA_BLOCK: the block's GPA */
	uint32_t faults[FAULT_KINDS];
	uint32_t errors[AREA_ERRORS]; /* the same faults, by error code */
};

#define SPACE_AREAS 8

struct space {
	gpa_t root; /* 0: there is none */
	unsigned count;
	struct area area[SPACE_AREAS];
};

/* Makes a space with the user image and a stack. False: no frame is left. */
bool space_create(struct space *s);

/* Makes `s` a copy of `from`, as fork() does. False: no frame is left. */
bool space_clone(struct space *s, struct space *from);

/* Takes everything down; if the space is loaded, the kernel's root is loaded instead. */
void space_destroy(struct space *s);

/* Makes it the loaded one. */
void space_activate(const struct space *s);

/*
 * Adds an area; counts start at 0. An AREA_BLOCK gets a block of `level` and is mapped at once.
 * NULL if it is not whole pages of user space, meets another, or memory or places have run out.
 */
struct area *space_add(struct space *s, struct area area);

/* The area that holds `gva`, or NULL. */
struct area *space_find(struct space *s, gva_t gva);

/* Changes what an area allows, for pages already mapped, too. */
void space_protect(struct space *s, struct area *a, unsigned prot);

/* The flags of a page-table entry for a page with all the rights in `prot`. */
pte_t space_flags(unsigned prot);

/* Faults of the area, of all kinds. */
uint32_t area_faults(const struct area *a);

#endif
