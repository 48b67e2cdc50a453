/* SPDX-License-Identifier: MIT */
/*
 * The four x86 page-table formats as data: how many levels, which GVA bits index each, which
 * entries may be pages, which bits are reserved. walk() is one loop over these tables.
 *
 *            GVA bits    5      4      3      2      1   offset   entry
 *   2-level        32                       31:22  21:12   11:0   4 bytes
 *   PAE            32               31:30   29:21  20:12   11:0   8 bytes
 *   4-level        48         47:39  38:30  29:21  20:12   11:0   8 bytes
 *   5-level        57  56:48  47:39  38:30  29:21  20:12   11:0   8 bytes
 *
 * Intel SDM vol. 3, 4.3 to 4.5; AMD APM vol. 2, 5.2 and 5.3.
 */
#ifndef MEMORY_FORMAT_H
#define MEMORY_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of an entry, the same in every format that has them. */
#define PTE_PRESENT    (UINT64_C(1) << 0)
#define PTE_WRITE      (UINT64_C(1) << 1)
#define PTE_USER       (UINT64_C(1) << 2)
#define PTE_PWT	       (UINT64_C(1) << 3)
#define PTE_PCD	       (UINT64_C(1) << 4)
#define PTE_ACCESSED   (UINT64_C(1) << 5)
#define PTE_DIRTY      (UINT64_C(1) << 6)
#define PTE_PS	       (UINT64_C(1) << 7) /* above level 1: the entry maps a page */
#define PTE_PAT	       (UINT64_C(1) << 7) /* at level 1 */
#define PTE_GLOBAL     (UINT64_C(1) << 8)
#define PTE_PAT_LARGE  (UINT64_C(1) << 12) /* in a large page's entry */
#define PTE_PKEY       (UINT64_C(0xf) << 59)
#define PTE_NX	       (UINT64_C(1) << 63)

#define PTE_PKEY_SHIFT 59

/* Bits hi to lo of an entry, as the manuals write them. */
#define PTE_BITS(hi, lo) ((UINT64_MAX >> (63 - (hi))) & (UINT64_MAX << (lo)))

#define PT_LEVEL_MAX	 5

/* What PTE_PS means at a level. */
enum pt_large {
	PT_LARGE_NEVER, /* no large pages; whether the bit is reserved is in pt_level.reserved */
	PT_LARGE_ALWAYS,
	PT_LARGE_PSE, /* a page under CR4.PSE, else ignored */
	PT_LARGE_1G,  /* a page if the processor has 1 GiB pages, else reserved */
};

struct pt_level {
	const char *name; /* of an entry: "PML4E", "PDPTE", "PDE", "PTE" */
	uint8_t shift;	  /* one entry covers 1 << shift bytes of GVA */
	uint8_t index_bits;
	enum pt_large large;
	/* Reserved whatever the registers are; pt_format says which more may be. */
	uint64_t reserved;	 /* in an entry that points to a table or to a 4 KiB page */
	uint64_t reserved_large; /* in an entry that maps a large page */
	uint64_t implied;	 /* flags the entry does not have: it behaves as if they were set */
	uint64_t pse36;		 /* in a large page's entry: bits that hold address bits 39:32 */
};

/* Address bits 39:32 lie so much lower in a PSE-36 entry. */
#define PT_PSE36_SHIFT 19

struct pt_format {
	const char *name;
	uint8_t levels;
	uint8_t gva_bits;    /* above 32, a GVA must be canonical */
	uint8_t entry_shift; /* an entry has 1 << entry_shift bytes */
	bool nx;	     /* bit 63 is PTE_NX under EFER.NXE, else reserved */
	bool pkey;	     /* PTE_PKEY means something under CR4.PKE */
	uint64_t root;	     /* bits of CR3 that hold the GPA of the top table */
	uint64_t address;    /* bits of an entry that hold a GPA; those past MAXPHYADDR are
				reserved */
	struct pt_level level[PT_LEVEL_MAX + 1]; /* by level: 1 is the lowest; [0] is unused */
};

extern const struct pt_format pt_format_2level;
extern const struct pt_format pt_format_pae;
extern const struct pt_format pt_format_4level;
extern const struct pt_format pt_format_5level;

/*
 * The format these registers select; NULL if paging is off. Combinations that no processor lets
 * in (LMA without PAE) are read as if the missing bit were there. Intel SDM vol. 3, 4.1.1.
 */
const struct pt_format *pt_format_select(uint64_t cr0, uint64_t cr4, uint64_t efer);

#endif
