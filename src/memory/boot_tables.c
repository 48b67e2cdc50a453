/* SPDX-License-Identifier: MIT */
/*
 * The first page tables. Every guest frame below 4 GiB at its own address and the first 2 GiB once
 * more at the top of the address space, by 2 MiB pages:
 *
 *     PML4[0]   -> low PDPT  [0..3]     -> PD 0..3   GVA = GPA, 0 to 4 GiB
 *     PML4[511] -> high PDPT [510..511] -> PD 0..1   PN_HIGH_BASE, GPA 0 to 2 GiB
 *     PD 0 [0]  -> PT                                the first 2 MiB in 4 KiB pages,
 *                                                    so that page 0 can be left out
 */
#include "memory/boot_tables.h"

#include "memory/format.h"

#include <penumbra/guest.h>
#include <string.h>

#define ENTRIES	 512
#define LARGE	 (UINT64_C(2) << 20)

#define LOW_END	 (UINT64_C(4) << 30)
#define HIGH_END (UINT64_C(2) << 30)

/* The tables in the order they lie in the boot area, a page each. */
enum { PT, PD, PDPT_LOW = PD + 4, PDPT_HIGH, PML4, PML5, TABLES };

_Static_assert(PN_BOOT_TABLES_GPA + TABLES * PAGE_SIZE <= PN_BOOT_STACK_TOP - PN_BOOT_STACK_SIZE,
	       "the boot tables run into the boot stack");

static gpa_t gpa_of(int table)
{
	return PN_BOOT_TABLES_GPA + (gpa_t)table * PAGE_SIZE;
}

int boot_tables_build(struct gmem *mem, unsigned levels)
{
	const uint64_t rw = PTE_PRESENT | PTE_WRITE;
	uint64_t(*t)[ENTRIES] = (void *)gmem_ptr(mem, gpa_of(0), TABLES * PAGE_SIZE);

	if (!t)
		return PN_ERR_NOT_MAPPED;
	memset(t, 0, TABLES * PAGE_SIZE);
	for (unsigned i = 1; i < ENTRIES; i++)
		t[PT][i] = i * PAGE_SIZE | rw;
	for (unsigned i = 0; i < 4 * ENTRIES; i++)
		t[PD + i / ENTRIES][i % ENTRIES] = i * LARGE | rw | PTE_PS;
	t[PD][0] = gpa_of(PT) | rw;
	for (int i = 0; i < 4; i++)
		t[PDPT_LOW][i] = gpa_of(PD + i) | rw;
	for (int i = 0; i < 2; i++)
		t[PDPT_HIGH][ENTRIES - 2 + i] = gpa_of(PD + i) | rw;
	t[PML4][0] = gpa_of(PDPT_LOW) | rw;
	t[PML4][ENTRIES - 1] = gpa_of(PDPT_HIGH) | rw;
	if (levels == 5) {
		t[PML5][0] = gpa_of(PML4) | rw;
		t[PML5][ENTRIES - 1] = gpa_of(PML4) | rw;
	}
	return PN_OK;
}

gpa_t boot_tables_root(unsigned levels)
{
	return gpa_of(levels == 5 ? PML5 : PML4);
}

bool boot_tables_map(gva_t gva, gpa_t gpa)
{
	if (gpa < PAGE_SIZE)
		return false;
	if (gva >= PN_HIGH_BASE)
		return gpa < HIGH_END && gva - PN_HIGH_BASE == gpa;
	return gpa < LOW_END && gva == gpa;
}
