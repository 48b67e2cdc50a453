/* SPDX-License-Identifier: MIT */
/* The first page tables of a guest, written by the host so that it starts with paging on. */
#ifndef MEMORY_BOOT_TABLES_H
#define MEMORY_BOOT_TABLES_H

#include "memory/gmem.h"

/*
 * Builds the tables that <penumbra/guest.h> promises, in the boot area from PN_BOOT_TABLES_GPA on,
 * with `levels` 4 or 5. Returns 0, or PN_ERR_NOT_MAPPED if the boot area is not RAM.
 */
int boot_tables_build(struct gmem *mem, unsigned levels);

/* The GPA for CR3. */
gpa_t boot_tables_root(unsigned levels);

/* Whether those tables translate `gva` to `gpa`. */
bool boot_tables_map(gva_t gva, gpa_t gpa);

#endif
