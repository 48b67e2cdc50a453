/* SPDX-License-Identifier: MIT */
/* Memory references of one walk. */
#include "memory/references.h"

#define PAGE_SHIFT_4K 12
#define INDEX_BITS    9

unsigned references_entries(unsigned levels, unsigned page_shift)
{
	return levels - (page_shift - PAGE_SHIFT_4K) / INDEX_BITS;
}

unsigned references_uniform(unsigned entries, unsigned host_entries)
{
	return (entries + 1) * (host_entries + 1) - 1;
}

unsigned references_one(const struct reference_walk *w, unsigned cached)
{
	return cached < w->entries ? w->entries - cached : 0;
}

unsigned references_two(const struct reference_walk *w, unsigned cached)
{
	unsigned n = w->reaches_page ? w->host_page : 0;

	for (unsigned i = cached; i < w->entries; i++)
		n += w->host[i] + 1u;
	return n;
}
