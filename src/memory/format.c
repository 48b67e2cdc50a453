/* SPDX-License-Identifier: MIT */
/*
 * The page-table formats, level by level, as the manuals' tables give them.
 * Intel SDM vol. 3, tables 4-4 to 4-6 (2-level), 4-8 to 4-11 (PAE), 4-14 to 4-20 (4- and 5-level).
 *
 * Not stated here because it depends on registers or CPUID: PTE_NX without EFER.NXE, address bits
 * past MAXPHYADDR, PTE_PS of a PDPTE without 1 GiB pages, bit 8 of the top levels on AMD. See
 * walk_context_init().
 */
#include "memory/format.h"

#include "x86.h"

#include <stddef.h>

/* The tables, a level to a paragraph. */
/* clang-format off */
const struct pt_format pt_format_2level = {
	.name = "2-level", .levels = 2, .gva_bits = 32, .entry_shift = 2,
	.root = PTE_BITS(31, 12),
	.address = PTE_BITS(31, 12),
	.level = {
		[2] = {.name = "PDE", .shift = 22, .index_bits = 10, .large = PT_LARGE_PSE,
		       .reserved_large = PTE_BITS(21, 21),
		       .pse36 = PTE_BITS(20, 13)},
		[1] = {.name = "PTE", .shift = 12, .index_bits = 10},
	},
};

const struct pt_format pt_format_pae = {
	.name = "PAE", .levels = 3, .gva_bits = 32, .entry_shift = 3, .nx = true,
	.root = PTE_BITS(31, 5),
	.address = PTE_BITS(51, 12),
	.level = {
		/* A PDPTE grants everything, has no A flag, and no NX even under EFER.NXE. */
		[3] = {.name = "PDPTE", .shift = 30, .index_bits = 2,
		       .reserved = PTE_BITS(63, 52) | PTE_BITS(8, 5) | PTE_BITS(2, 1),
		       .implied = PTE_WRITE | PTE_USER | PTE_ACCESSED},
		[2] = {.name = "PDE", .shift = 21, .index_bits = 9, .large = PT_LARGE_ALWAYS,
		       .reserved = PTE_BITS(62, 52),
		       .reserved_large = PTE_BITS(62, 52) | PTE_BITS(20, 13)},
		[1] = {.name = "PTE", .shift = 12, .index_bits = 9,
		       .reserved = PTE_BITS(62, 52)},
	},
};

/* The levels that 4-level and 5-level paging share. */
#define LONG_MODE_LEVELS_4_TO_1 \
	[4] = {.name = "PML4E", .shift = 39, .index_bits = 9, \
	       .reserved = PTE_PS}, \
	[3] = {.name = "PDPTE", .shift = 30, .index_bits = 9, .large = PT_LARGE_1G, \
	       .reserved_large = PTE_BITS(29, 13)}, \
	[2] = {.name = "PDE", .shift = 21, .index_bits = 9, .large = PT_LARGE_ALWAYS, \
	       .reserved_large = PTE_BITS(20, 13)}, \
	[1] = {.name = "PTE", .shift = 12, .index_bits = 9}

const struct pt_format pt_format_4level = {
	.name = "4-level", .levels = 4, .gva_bits = 48, .entry_shift = 3, .nx = true, .pkey = true,
	.root = PTE_BITS(51, 12),
	.address = PTE_BITS(51, 12),
	.level = {
		LONG_MODE_LEVELS_4_TO_1,
	},
};

const struct pt_format pt_format_5level = {
	.name = "5-level", .levels = 5, .gva_bits = 57, .entry_shift = 3, .nx = true, .pkey = true,
	.root = PTE_BITS(51, 12),
	.address = PTE_BITS(51, 12),
	.level = {
		[5] = {.name = "PML5E", .shift = 48, .index_bits = 9,
		       .reserved = PTE_PS},
		LONG_MODE_LEVELS_4_TO_1,
	},
};
/* clang-format on */

const struct pt_format *pt_format_select(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	if (!(cr0 & CR0_PG))
		return NULL;
	if (efer & EFER_LMA)
		return cr4 & CR4_LA57 ? &pt_format_5level : &pt_format_4level;
	return cr4 & CR4_PAE ? &pt_format_pae : &pt_format_2level;
}
