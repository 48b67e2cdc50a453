/* SPDX-License-Identifier: MIT */
/* The kernel's own part of every address space. */
#ifndef KERNEL_MAP_H
#define KERNEL_MAP_H

#include "address.h"

#include <penumbra/guest.h>

/*
 * Builds the kernel's tables (the direct map of all RAM, and the image with the rights of its
 * segments) and leaves the host's for them. Later spaces share what is mapped here.
 */
void kernel_map_init(const struct pn_boot_info *boot);

/* Maps the page at `gpa`, which is not RAM, at the same GVA. It is never unmapped. */
void kernel_map_device(gpa_t gpa);

#endif
