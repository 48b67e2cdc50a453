/* SPDX-License-Identifier: MIT */
/*
 * Where the guest is to be stopped: bytes of its text, found by reading it from end to end, each
 * with a HLT in its place while it is planted. HLT is what leaves ring 0 for userspace on every
 * host (vcpu/stop_at.h); INT3 and the debug registers do so on some (docs/hosts.md), and are the
 * guest's own to use.
 */
#ifndef SOURCES_BREAK_SITES_H
#define SOURCES_BREAK_SITES_H

#include "loader/image.h"
#include "memory/gmem.h"

enum break_kind {
	BREAK_NONE,
	BREAK_FAULT, /* the first instruction of the #PF handler */
	BREAK_STEP,  /* what comes after one of the others */
	BREAK_INVLPG,
	BREAK_INVPCID,
	BREAK_CR0, /* MOV to it */
	BREAK_CR3,
	BREAK_CR4,
	BREAK_LIDT,
};

struct break_site {
	gpa_t gpa;
	enum break_kind kind;
	uint8_t byte; /* what belongs there, while planted */
	bool planted;
};

struct break_sites {
	unsigned count;
	struct break_site *site; /* sorted by GPA */
};

/*
 * Finds the instructions of the image's text that matter for the events in `types` (bits 1 << enum
 * pn_trace_type). What looks like one among data is one as well. Returns 0 or PN_ERR_NOMEM; the
 * caller holds the memory's lock.
 */
int break_sites_find(struct break_sites *s, const struct image *image, const struct gmem *mem,
		     uint32_t types);
void break_sites_free(struct break_sites *s);

/* The site at `gpa`, or NULL. */
struct break_site *break_sites_at(const struct break_sites *s, gpa_t gpa);

/*
 * Puts HLT there, and the byte back: unless the guest has written over it since. Nothing happens
 * where no byte can be written. The caller holds the memory's lock, and the vCPU stands.
 */
void break_plant(struct break_site *site, const struct gmem *mem);
void break_take(struct break_site *site, const struct gmem *mem);

#endif
