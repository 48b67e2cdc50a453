/* SPDX-License-Identifier: MIT */
/* The kernel image and the user image: which addresses, which rights. Filled in by image.S. */
#ifndef IMAGE_H
#define IMAGE_H

#include "address.h"
#include "programs.h"

struct segment {
	gva_t start, end; /* whole pages; may be empty */
	gpa_t gpa;	  /* of the byte at start */
	uint64_t prot;	  /* PROT_... of syscall.h; 0: must not be mapped */
};

#define KERNEL_SEGMENTS 5
#define USER_SEGMENTS	3

/* Ascending and without gaps, both in GVA and in GPA. */
extern const struct segment kernel_segments[KERNEL_SEGMENTS];
extern const struct segment user_segments[USER_SEGMENTS];

/* Where a process starts, and the programs it can be told to run. */
extern const gva_t user_start_gva;
extern const gva_t program_gva[PROGRAM_COUNT];

#endif
