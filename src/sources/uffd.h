/* SPDX-License-Identifier: MIT */
/*
 * Source uffd: the first touch of each page of guest RAM, whoever makes it: the guest through the
 * second dimension, or the VMM itself. Pages that are there at the start (the image, the boot tables)
 * give no event.
 */
#ifndef SOURCES_UFFD_H
#define SOURCES_UFFD_H

#include "sources/source.h"

extern const struct source_ops source_uffd;

#endif
