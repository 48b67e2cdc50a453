/* SPDX-License-Identifier: MIT */
/*
 * The conformance guest outside long mode, and what the test must know to run it: an image that is
 * loaded at CONF32_BASE and entered there with paging off, in flat 32-bit segments, EAX being the
 * number of levels. It exits by OUT to PN_PORT_EXIT.
 */
#ifndef TESTS_CONFORMANCE_GUEST32_H
#define TESTS_CONFORMANCE_GUEST32_H

#include "record.h"

/* All of the memory, and so all of it below one entry of 4 MiB, with the image in the first 2 MiB. */
#define CONF32_RAM   0x400000
#define CONF32_BASE  0x100000

#define CONF32_INDEX 16 /* in the image: struct conf32_index */
#define CONF32_SLOTS 3	/* PAE's top table has four entries, and the first is the guest's own */

/* Selectors; data segments are all ring 3's, so that they stay where they are. */
#define CONF32_CS	  0x08
#define CONF32_SS	  0x10
#define CONF32_TR	  0x18
#define CONF32_LDTR	  0x20
#define CONF32_USER_DS	  0x3b
#define CONF32_USER_CS	  0x43
#define CONF32_LDT_KERNEL 0x0c
#define CONF32_LDT_USER	  0x0f

#define CONF32_EFLAGS	  0x202 /* IF, as in the other guest */

/* Places in struct conf32_trap. */
#define CONF32_TRAP_EAX	   0
#define CONF32_TRAP_ERROR  4
#define CONF32_TRAP_CR2	   8
#define CONF32_TRAP_VECTOR 12

/* Exit statuses; 0 is after the last case. */
#define CONF32_NO_CR4	 1 /* a register could not be set */
#define CONF32_NO_PAGING 2 /* nor could CR0.PG */

#ifndef __ASSEMBLER__

/* GPAs of what the test reads and writes, all of 32 bits or as in record.h. */
struct conf32_index {
	uint32_t count, done, offered, cases, results, tables, top, data;
};

#endif
#endif
