/* SPDX-License-Identifier: MIT */
/*
 * The world of a fuzzer's program: a few frames of guest memory, in each of which only a few words
 * are ever used, so that all of it can be compared after every step.
 *
 * Every frame may be a table of any level, a page, or both. `t` frames are what the generator likes
 * to use as tables, t0 to t3 as roots; `d` frames as pages. They lie so that large pages reach
 * them as well: a page of 2 MiB has frames of the world at the very indices that GVAs use, and so has
 * the page of 1 GiB at GPA 0.
 *
 *     2 MiB   d18 to d23   frames 0, 1, 3, 4, 510, 511 of the 2 MiB
 *     6 MiB   t0 to t31    frames 0 to 31
 *             d0 to d17    frames 32 to 47, 510, 511
 *     8 MiB   d24 to d29   as from 2 MiB on
 *
 * A root's entries 0 and 2, which are not of the world, hold the guest's home: the boot tables, and
 * a page of code for ring 3.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "memory/gmem.h"

#include <stdbool.h>

#define FUZZ_TABLES  32
#define FUZZ_PAGES   30
#define FUZZ_FRAMES  (FUZZ_TABLES + FUZZ_PAGES)
#define FUZZ_ROOTS   4
#define FUZZ_INDICES 5
#define FUZZ_WORDS   (FUZZ_FRAMES * FUZZ_INDICES)

/* Where large pages may lie: bytes, and the GPAs of 2 MiB each. */
#define FUZZ_LARGE   (UINT64_C(2) << 20)
#define FUZZ_REGIONS 3
#define FUZZ_RAM     (UINT64_C(16) << 20)

/* Entries of a root that belong to the guest. */
#define FUZZ_HOME_KERNEL 0
#define FUZZ_HOME_USER	 2

/* The indices that are used, of words in a frame and of entries in a table alike. */
extern const uint16_t fuzz_indices[FUZZ_INDICES];
extern const gpa_t fuzz_regions[FUZZ_REGIONS];

gpa_t fuzz_frame_gpa(unsigned frame);

/* The frame at a GPA, or FUZZ_FRAMES if there is none of the world's. */
unsigned fuzz_frame_at(gpa_t gpa);

/* The number of a frame's word, by its place in fuzz_indices. */
static inline unsigned fuzz_word(unsigned frame, unsigned place)
{
	return frame * FUZZ_INDICES + place;
}

/* The word at a GPA, or FUZZ_WORDS if there is none. */
unsigned fuzz_word_at(gpa_t gpa);
gpa_t fuzz_word_gpa(unsigned word);

/* The place of an index in fuzz_indices, or FUZZ_INDICES. */
unsigned fuzz_place(unsigned index);

/* The GVA, canonical, whose index at level n is index[n - 1]. */
gva_t fuzz_gva(const uint16_t index[5], unsigned levels);
unsigned fuzz_index(gva_t gva, unsigned level);

/* Whether a GVA is one that programs may use: made of those indices, and in a half that ring 3 can
 * reach on every host: all of the lower, the highest 2 GiB of the upper. */
bool fuzz_gva_is_valid(gva_t gva, unsigned levels);

/* Puts code into a frame. */
void fuzz_frame_code(void *frame);

#endif
