/* SPDX-License-Identifier: MIT */
/* Segment and gate descriptors as they lie in memory. Intel SDM vol. 3, 3.4.5, 5.8.3, 7.2.3. */
#ifndef VCPU_EMULATE_DESCRIPTOR_H
#define VCPU_EMULATE_DESCRIPTOR_H

#include "vcpu/virtual.h"

#include <stdbool.h>
#include <stdint.h>

/* struct virtual_segment.access: bits 8 to 23 of the descriptor's second word. */
#define SEGMENT_TYPE	   UINT16_C(0x000f)
#define SEGMENT_ACCESSED   UINT16_C(0x0001) /* of code and data */
#define SEGMENT_RW	   UINT16_C(0x0002) /* code: readable; data: writable */
#define SEGMENT_CONFORMING UINT16_C(0x0004) /* of code */
#define SEGMENT_CODE	   UINT16_C(0x0008)
#define SEGMENT_S	   UINT16_C(0x0010) /* code or data, not system */
#define SEGMENT_DPL_SHIFT  5
#define SEGMENT_P	   UINT16_C(0x0080)
#define SEGMENT_L	   UINT16_C(0x2000)
#define SEGMENT_DB	   UINT16_C(0x4000)
#define SEGMENT_G	   UINT16_C(0x8000)

/* Types of 64-bit system descriptors. */
#define SYSTEM_LDT	 2
#define SYSTEM_TSS	 9
#define SYSTEM_TSS_BUSY	 11
#define SYSTEM_CALL	 12
#define SYSTEM_INTERRUPT 14
#define SYSTEM_TRAP	 15

#define SELECTOR_RPL	 3
#define SELECTOR_TI	 4

static inline unsigned segment_dpl(uint16_t access)
{
	return access >> SEGMENT_DPL_SHIFT & 3;
}

static inline bool segment_is_code(uint16_t access)
{
	return (access & (SEGMENT_S | SEGMENT_CODE)) == (SEGMENT_S | SEGMENT_CODE);
}

static inline bool segment_is_conforming(uint16_t access)
{
	return segment_is_code(access) && access & SEGMENT_CONFORMING;
}

static inline bool segment_is_writable(uint16_t access)
{
	return (access & (SEGMENT_S | SEGMENT_CODE | SEGMENT_RW)) == (SEGMENT_S | SEGMENT_RW);
}

static inline bool segment_is_readable(uint16_t access)
{
	return access & SEGMENT_S && (!(access & SEGMENT_CODE) || access & SEGMENT_RW);
}

static inline bool selector_is_null(uint16_t selector)
{
	return !(selector & ~SELECTOR_RPL);
}

/* The error code that names it. SDM vol. 3, 6.13. */
static inline uint32_t selector_error(uint16_t selector)
{
	return selector & 0xfffcU;
}

#endif
