/* SPDX-License-Identifier: MIT */
/*
 * The hostile guest: does one bad thing, named on its command line, and keeps what it got for it.
 * Shared with the tests, which read `hostile_record` out of its memory.
 *
 *     NAME [A [B [C]]]     the case, and its hexadecimal numbers (the table in guest.c)
 *
 * It exits with 0 if it came to the end of the case, 98 if there is no such case. Interrupts are
 * on: nothing sends one, and a vCPU that spins with them off cannot be stopped on every host.
 */
#ifndef TESTS_HOSTILE_GUEST_H
#define TESTS_HOSTILE_GUEST_H

/* 512 pages for the cases to map what they like; nothing else is below this top-level entry. */
#define HOSTILE_WINDOW	  0x8000000000
#define HOSTILE_PAGE(n)	  (HOSTILE_WINDOW + (n)*0x1000)
#define HOSTILE_USER_PAGE 500 /* the user's code, executable for user and kernel */

/* Its own selectors; ring 3's are none that a host's kernel has (docs/guest-rules.md). */
#define HOSTILE_CS	0x08
#define HOSTILE_DS	0x10
#define HOSTILE_TR	0x18
#define HOSTILE_USER_DS 0x3b
#define HOSTILE_USER_CS 0x43

#define HOSTILE_FRAMES	8
#define HOSTILE_VALUES	8
#define HOSTILE_NO_TRAP (-1)

#ifndef __ASSEMBLER__

#include <stdint.h>

/* One exception, as its handler found it on the stack. */
struct hostile_frame {
	uint64_t vector, error, rip, cs, rflags, rsp, ss, cr2;
};

struct hostile_record {
	uint64_t traps, values; /* so many there were; the first of them are kept */
	struct hostile_frame frame[HOSTILE_FRAMES];
	uint64_t value[HOSTILE_VALUES];
};

#endif
#endif
