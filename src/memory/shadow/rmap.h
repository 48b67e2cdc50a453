/* SPDX-License-Identifier: MIT */
/*
 * The reverse map: from a guest page to the shadow entries that map it, and from a shadow table to
 * the entries that point to it. An entry of the pool is in one list at a time, so the links are two
 * arrays as long as the pool has entries, and nothing is ever allocated.
 *
 * Pages share a bucket by hash: who reads a bucket's list must look at each entry for its page.
 */
#ifndef MEMORY_RMAP_H
#define MEMORY_RMAP_H

#include <penumbra/penumbra.h>
#include <stdbool.h>
#include <stdint.h>

#define RMAP_NONE UINT32_MAX

struct rmap {
	uint32_t *next, *prev; /* by entry of the pool */
	uint32_t *bucket;      /* heads, by hash of page and level */
	unsigned bits;	       /* there are 1 << bits buckets */
};

/* For a pool of `entries` entries. False if there is no memory. */
bool rmap_init(struct rmap *r, uint32_t entries);
void rmap_fini(struct rmap *r);

/* The head of the list that holds the entries mapping the page `gfn` whole at `level`: 1 for 4 KiB,
 * 2 for 2 MiB, 3 for 1 GiB. */
uint32_t *rmap_bucket(const struct rmap *r, gfn_t gfn, unsigned level);

/* Puts an entry into a list that starts at *head, or takes it out of it. */
void rmap_add(struct rmap *r, uint32_t *head, uint32_t entry);
void rmap_remove(struct rmap *r, uint32_t *head, uint32_t entry);

#endif
