/* SPDX-License-Identifier: MIT */
/* Tables beyond a space's area, made as they are needed. */
#include "paging.h"

static pte_t *table_of(pte_t entry)
{
	return kernel_pointer(entry & PTE_ADDRESS);
}

static pte_t *below(pte_t *entry)
{
	if (!*entry) {
		gpa_t page = page_take();

		page_zero(page);
		store(entry, page | TABLE_ENTRY);
	}
	return table_of(*entry);
}

pte_t *map_entry(const struct space *s, gva_t gva, unsigned shift)
{
	pte_t *t = s->root;

	for (unsigned at = 39; at > shift; at -= 9)
		t = below(&t[gva >> at & (ENTRIES - 1)]);
	return &t[gva >> shift & (ENTRIES - 1)];
}
