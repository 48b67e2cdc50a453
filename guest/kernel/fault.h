/* SPDX-License-Identifier: MIT */
/* Page faults: what each one is, and what is done about it. */
#ifndef FAULT_H
#define FAULT_H

#include "address.h"

#include <stdbool.h>
#include <stdint.h>

/* What a page fault turned out to be. Those below FAULT_RESOLVED let the process go on. */
enum fault_kind {
	FAULT_DEMAND_ZERO,   /* first use of a page that starts as zeroes */
	FAULT_FILE,	     /* first use of a page that is filled from a file */
	FAULT_IMAGE,	     /* first use of a page of the user image */
	FAULT_COPY_ON_WRITE, /* write to a page with other owners: copied */
	FAULT_LAST_OWNER,    /* write to a page whose other owners are gone: made writable */
	FAULT_SPURIOUS,	     /* the entry allows the access by now */
	FAULT_RESOLVED,	     /* not a kind */
	FAULT_PROTECTION = FAULT_RESOLVED, /* the area does not allow the access */
	FAULT_SUPERVISOR,		   /* user access to a kernel page */
	FAULT_NOWHERE,			   /* no area there */
	FAULT_NO_MEMORY,		   /* no frame left */
	FAULT_SMEP,			   /* ring 0 was about to execute a user page */
	FAULT_SMAP,			   /* ring 0 touched a user page without STAC */
	FAULT_KINDS,
};

struct fault {
	gva_t gva;
	gva_t rip;
	uint64_t error; /* PF_ERR_... */
	enum fault_kind kind;
};

/* The words for them: "demand-zero". */
extern const char *const fault_names[FAULT_KINDS];

static inline bool fault_is_resolved(enum fault_kind kind)
{
	return kind < FAULT_RESOLVED;
}

struct process;

/*
 * Deals with the page fault at `gva` with error code `error`, taken at `rip` with `rflags` while
 * `p` was active: maps what its areas say, writes the fault down in the process's records and
 * the area's counts, and returns its kind. If it is not resolved, nothing else has changed.
 */
enum fault_kind fault_handle(struct process *p, gva_t gva, uint64_t error, gva_t rip,
			     uint64_t rflags);

#endif
