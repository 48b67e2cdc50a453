/* SPDX-License-Identifier: MIT */
/* The second dimension of one address: the memory slot a GPA lies in, and the host memory there. */
#ifndef MEMORY_BACKING_H
#define MEMORY_BACKING_H

#include "memory/gmem.h"

struct backing {
	bool in_slot; /* else nothing below means anything */
	gpa_t slot_gpa;
	uint64_t slot_size; /* bytes */
	bool readonly;
	const uint8_t *hva; /* of the byte asked for */
	uint8_t host_shift; /* the host's page has 1 << host_shift bytes; 0: not told */
	uint8_t map_shift; /* the largest page the host can map it with, by that and by how slot and
			       host memory lie; 12 if the size is not told */
};

/* What the two below read: a descriptor of /proc/self/smaps, or -1. */
int backing_open(void);

/* Finds what is behind a GPA. The caller holds the memory's lock. `smaps` may be -1. */
void backing_find(struct backing *b, const struct gmem *mem, gpa_t gpa, int smaps);

/*
 * The size of the host's page at an HVA of this process, as a shift: from /proc/self/smaps, which
 * tells hugetlb pages apart from others, and says of others whether any is huge. 0 if it cannot be
 * known from that: some of the mapping's pages are huge and some are not.
 */
uint8_t backing_host_shift(int smaps, const void *hva);

#endif
