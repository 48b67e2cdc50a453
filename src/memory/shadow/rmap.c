/* SPDX-License-Identifier: MIT */
/* The reverse map: doubly linked lists through two arrays, and the hash that finds their heads. */
#include "memory/shadow/rmap.h"

#include <stdlib.h>
#include <string.h>

bool rmap_init(struct rmap *r, uint32_t entries)
{
	*r = (struct rmap){.bits = 8};
	while (UINT32_C(4) << r->bits < entries)
		r->bits++;
	r->next = calloc(entries, sizeof(*r->next));
	r->prev = calloc(entries, sizeof(*r->prev));
	r->bucket = malloc(sizeof(*r->bucket) << r->bits);
	if (!r->next || !r->prev || !r->bucket)
		return false;
	memset(r->bucket, 0xff, sizeof(*r->bucket) << r->bits);
	return true;
}

void rmap_fini(struct rmap *r)
{
	free(r->next);
	free(r->prev);
	free(r->bucket);
}

uint32_t *rmap_bucket(const struct rmap *r, gfn_t gfn, unsigned level)
{
	uint64_t key = (gfn << 2 | level) * UINT64_C(0x9e3779b97f4a7c15);

	return &r->bucket[key >> (64 - r->bits)];
}

void rmap_add(struct rmap *r, uint32_t *head, uint32_t entry)
{
	r->next[entry] = *head;
	r->prev[entry] = RMAP_NONE;
	if (*head != RMAP_NONE)
		r->prev[*head] = entry;
	*head = entry;
}

void rmap_remove(struct rmap *r, uint32_t *head, uint32_t entry)
{
	uint32_t next = r->next[entry], prev = r->prev[entry];

	if (next != RMAP_NONE)
		r->prev[next] = prev;
	if (prev == RMAP_NONE)
		*head = next;
	else
		r->next[prev] = next;
}
