/* SPDX-License-Identifier: MIT */
/*
 * The physical frames: who has how many of them. A frame has as many owners as places that would
 * have to give it up before somebody else may have it: one for each page-table entry that maps it
 * for a process. GPA 0 stands for "none".
 */
#ifndef FRAMES_H
#define FRAMES_H

#include "address.h"

#include <penumbra/guest.h>
#include <stdbool.h>

/* Takes over the RAM of the map, but for the boot area, the image and the frame table itself. */
void frames_init(const struct pn_boot_info *boot);

/* A frame with one owner; 0 if none is left. Its contents are anything, or zeroes. */
gpa_t frame_alloc(void);
gpa_t frame_alloc_zeroed(void);

/* One owner more; one less. The last one gives it back. */
void frame_get(gpa_t frame);
void frame_put(gpa_t frame);

/* The last owner gives back a frame that holds only zeroes. */
void frame_put_zeroed(gpa_t frame);

uint32_t frame_owners(gpa_t frame);

/* For page-table frames: the number of present entries, kept by tables.c. */
uint32_t *frame_entries(gpa_t table);

/*
 * A block: the memory of one page of `level` (2: 2 MiB, 3: 1 GiB), aligned, with one owner; 0 if
 * there is none. Contents are anything. frame_get() adds an owner; the last one to call block_put()
 * gives it back.
 */
gpa_t block_alloc(unsigned level);
void block_put(gpa_t block, unsigned level);

/* Frames that nobody owns, those in blocks included. */
uint64_t frames_free(void);

#endif
