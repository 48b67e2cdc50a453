/* SPDX-License-Identifier: MIT */
/* The kinds of addresses as types, and the page. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdint.h>

typedef uint64_t gva_t; /* guest-virtual */
typedef uint64_t gpa_t; /* guest-physical */

#define PAGE_SHIFT 12
#define PAGE_SIZE  (UINT64_C(1) << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))
#define PAGE_WORDS (PAGE_SIZE / 8)

static inline uint64_t page_down(uint64_t address)
{
	return address & PAGE_MASK;
}

static inline uint64_t page_up(uint64_t address)
{
	return (address + PAGE_SIZE - 1) & PAGE_MASK;
}

/* What lies at an address of the kernel's. A GPA of RAM is one, too: that is the direct map. */
static inline void *kernel_pointer(uint64_t address)
{
	return (void *)address; /* NOLINT(performance-no-int-to-ptr) */
}

#endif
