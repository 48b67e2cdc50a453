/* SPDX-License-Identifier: MIT */
/* Access to user memory from ring 0. Addresses are the user's own and may be anything. */
#ifndef USERCOPY_H
#define USERCOPY_H

#include "address.h"

#include <stdint.h>

/* Copies `bytes` from or to user memory of the active address space, faulting pages in. Returns 0,
 * or -1 if the space does not allow it; some bytes may have been copied then. */
int64_t usercopy_read(void *to, gva_t from, uint64_t bytes);
int64_t usercopy_write(gva_t to, const void *from, uint64_t bytes);

/*
 * Probes for the workload `user`: one access of one byte at `gva`. Return -1 if it went through,
 * or else the error code of the page fault, with the faulting address in *cr2. The raw ones make
 * it without STAC; raw_call executes the page, so call it only where SMEP must prevent that.
 */
int64_t usercopy_probe_write(gva_t gva, gva_t *cr2);
int64_t usercopy_raw_read(gva_t gva, gva_t *cr2);
int64_t usercopy_raw_write(gva_t gva, gva_t *cr2);
int64_t usercopy_raw_call(gva_t gva, gva_t *cr2);

#endif
