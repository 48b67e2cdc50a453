/* SPDX-License-Identifier: MIT */
/* The registers of something that was interrupted, in the order in which entry.S pushes them. */
#ifndef REGS_H
#define REGS_H

#define REGS_R11    0x20
#define REGS_VECTOR 0x78
#define REGS_RIP    0x88
#define REGS_CS	    0x90
#define REGS_RFLAGS 0x98
#define REGS_RSP    0xa0
#define REGS_SIZE   0xb0

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct regs {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector; /* VECTOR_...; 0 before the first trap */
	uint64_t error;	 /* the processor's error code, 0 if it gives none */
	uint64_t rip, cs, rflags, rsp, ss;
} __attribute__((aligned(16))); /* the processor aligns RSP0 before it pushes */

_Static_assert(offsetof(struct regs, r11) == REGS_R11, "entry.S");
_Static_assert(offsetof(struct regs, vector) == REGS_VECTOR, "entry.S");
_Static_assert(offsetof(struct regs, rip) == REGS_RIP, "entry.S");
_Static_assert(offsetof(struct regs, cs) == REGS_CS, "entry.S");
_Static_assert(offsetof(struct regs, rflags) == REGS_RFLAGS, "entry.S");
_Static_assert(offsetof(struct regs, rsp) == REGS_RSP, "entry.S");
_Static_assert(sizeof(struct regs) == REGS_SIZE, "entry.S");

/* Enters ring 3 with *regs; returns at the next trap, with *regs as it was then. entry.S. */
void user_run(struct regs *regs);

/* Where SYSCALL enters. Not to be called. */
void syscall_entry(void);

#endif
#endif
