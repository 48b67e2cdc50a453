/* SPDX-License-Identifier: MIT */
/*
 * How many times a processor goes to memory for one walk: a model, from the architecture alone. In
 * one dimension each entry is one reference. In two, the address of each entry is a GPA, which the
 * host's tables translate first, and so is the page's own address at the end. With n guest entries
 * over m host entries that is n * (m + 1) + m = (n + 1) * (m + 1) - 1: 24 for 4 over 4, 35 for 5
 * over 5. Large pages, the guest's or the host's, take entries away.
 *
 * What the model leaves out: TLBs and their misses on the way, caches of host translations, and the
 * caches' own size. A page-walk cache that knows a guest entry saves that entry and all above it.
 * Intel SDM vol. 3, 4.10.3 and 28.4.1; AMD APM vol. 2, 5.4.1 and 15.25.
 */
#ifndef MEMORY_REFERENCES_H
#define MEMORY_REFERENCES_H

#include "memory/format.h"

#include <stdbool.h>
#include <stdint.h>

/* One walk. */
struct reference_walk {
	unsigned entries;	    /* of the tables walked, read from memory */
	uint8_t host[PT_LEVEL_MAX]; /* host entries read to find each of them */
	bool reaches_page;	    /* no: it ends in a fault, and no page is looked for */
	uint8_t host_page;	    /* host entries read to find the page */
};

/* Entries that `levels` of tables read for a page of 1 << page_shift bytes, 12, 21 or 30. */
unsigned references_entries(unsigned levels, unsigned page_shift);

/* The formula, all host pages alike. */
unsigned references_uniform(unsigned entries, unsigned host_entries);

/* References in one dimension and in two, if the first `cached` entries are known already. */
unsigned references_one(const struct reference_walk *w, unsigned cached);
unsigned references_two(const struct reference_walk *w, unsigned cached);

#endif
