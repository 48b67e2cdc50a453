/* SPDX-License-Identifier: MIT */
/* What the two sides of `user` have agreed upon. */
#ifndef FAULTS_H
#define FAULTS_H

#include "layout.h"

/* Offsets of the areas. */
#define FAULTS_DATA	0x0000 /* two pages, writable */
#define FAULTS_CONSTANT 0x2000 /* one page, read-only */
#define FAULTS_CODE	0x3000 /* one page, writable and then executable */
#define FAULTS_HOLE	0x5000 /* nothing */

/* Byte of a page that is touched, where any would do. */
#define FAULTS_BYTE 0x2b7

/* Faults that come back to ring 3. */
#define FAULTS_CAUGHT 16

/* What the kernel writes to the second data page. */
#define FAULTS_FROM_KERNEL 0x70656e756d627261

/* user_die(): how. */
#define DIE_PAGE_FAULT	   0 /* writes DIE_GVA */
#define DIE_INVALID_OPCODE 1
#define DIE_PROTECTION	   2
#define DIE_BREAKPOINT	   3
#define DIE_WAYS	   4
#define DIE_GVA		   (USER_AREA + 0x123458)

#endif
