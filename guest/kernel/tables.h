/* SPDX-License-Identifier: MIT */
/*
 * Page tables (Intel SDM vol. 3, 4.5; AMD APM vol. 2, 5.3), of 4 or 5 levels: CR4.LA57 tells how
 * many, and everything else is the same. Level 1 entries map 4 KiB, level 2 can map 2 MiB, level 3
 * 1 GiB. tables.c is the only file that stores entries; it counts them in the report page, and
 * what it changes in a loaded space is flushed when it returns.
 */
#ifndef TABLES_H
#define TABLES_H

#include "address.h"

#include <stdbool.h>
#include <stdint.h>

#define LEVELS_MAX 5

/* Bytes one entry of `level` stands for, and the number of the lowest address bit it decodes. */
static inline unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static inline uint64_t level_size(unsigned level)
{
	return UINT64_C(1) << level_shift(level);
}

/* An entry: PTE_... of x86.h and an address. */
typedef uint64_t pte_t;

/* The entries on the way to a page. */
struct table_path {
	unsigned top;		     /* level of the root's entries: 4 or 5 */
	unsigned leaf;		     /* level of the entry that maps the page; 0: not mapped */
	pte_t entry[LEVELS_MAX + 1]; /* by level; 0 below the leaf */
};

/* How many leaf entries of a range have which bits. */
struct table_scan {
	uint64_t present, writable, user, executable, accessed, dirty;
	uint64_t writable_executable;
};

/* Makes the kernel's root. Spaces made later share what it maps. */
void tables_init(void);
gpa_t tables_kernel_root(void);

/* Makes a root with the kernel's part; 0 if no frame is left. */
gpa_t tables_new_root(void);

/* Frees a root made by tables_new_root(), which maps nothing of its own any more. */
void tables_free_root(gpa_t root);

/*
 * Maps `size` bytes at `gva` to `gpa` with `flags` (PTE_...), in pages of the highest level up to
 * `level` that alignment allows. Nothing may be mapped there. False if no frame for a table is
 * left: some of it may be mapped then.
 */
bool tables_map(gpa_t root, gva_t gva, gpa_t gpa, uint64_t size, unsigned level, pte_t flags);

/* Takes the page at `gva` out and puts `gpa` with `flags` there; accessed and dirty start at 0. */
void tables_replace(gpa_t root, gva_t gva, gpa_t gpa, pte_t flags);

/* Like two tables_replace(), but leaves the flushing to the caller: exchanges two 4 KiB pages. */
void tables_swap(gpa_t root, gva_t a, gva_t b);

/* Gives the pages that are mapped in [start, end) new flags; accessed and dirty stay. */
void tables_protect(gpa_t root, gva_t start, gva_t end, pte_t flags);

/* Clears accessed and dirty in [start, end), in the leaves and on all levels above. */
void tables_forget_use(gpa_t root, gva_t start, gva_t end);

/* Replaces the large page at `gva` by a table of pages one level smaller. False: there is no large
 * page, or no frame left. */
bool tables_split(gpa_t root, gva_t gva);

/*
 * Maps in `to` what `from` maps in [start, end), with accessed and dirty at 0. If `cow`, the pages
 * (4 KiB then) become read-only in both, and each frame gets one owner more; if not, both simply
 * map the same. False: no frame for a table is left.
 */
bool tables_clone(gpa_t to, gpa_t from, gva_t start, gva_t end, bool cow);

/* Unmaps what is mapped in [start, end), and frees tables that become empty. If `put`, the frame
 * of each 4 KiB page loses an owner. */
void tables_unmap(gpa_t root, gva_t start, gva_t end, bool put);

/* Reads the way to `gva`, changing nothing. */
struct table_path tables_path(gpa_t root, gva_t gva);

/* Counts the leaves in [start, end), changing nothing. */
struct table_scan tables_scan(gpa_t root, gva_t start, gva_t end);

#endif
