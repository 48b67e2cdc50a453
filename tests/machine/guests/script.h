/* SPDX-License-Identifier: MIT */
/*
 * The script guest: does what its command line says, one word after another, and keeps what came
 * of each. Shared with the tests, which read `initial` and `results` out of its memory.
 *
 *     r1 r2 r4 r8 ADDRESS          read 1 to 8 bytes
 *     w1 w2 w4 w8 ADDRESS VALUE    write
 *     o1 o2 o4 PORT VALUE          OUT
 *     i1 i2 i4 PORT                IN
 *     call NUMBER RDI RSI          host call
 *     print ADDRESS LENGTH         REP OUTSB to the console port
 *     say TEXT                     TEXT and a newline through the console port
 *     outs COUNT                   so many OUTs to a port of nobody
 *     map PAGE GPA, mapro          put GPA at SCRIPT_WINDOW, page PAGE of it; read-only.
 *                                  Further bits of the entry may come with the GPA
 *     table N GPA                  the table at GPA translates the window's 2 MiB number 1 + N;
 *                                  all is flushed. After `map` only
 *     sse ADDRESS VALUE            VALUE, twice, by one store of 16 bytes; not at a CPL 0 that is
 *                                  interpreted (docs/hosts.md)
 *     pkru VALUE                   into PKRU, with CR4.PKE set
 *     jump ADDRESS                 call what is there
 *     serve ADDRESS                per command: add 1 to the number at ADDRESS (see script.c)
 *     hammer ADDRESS               read ADDRESS for ever, counting
 *     spin, hlt, triple, deep      never come back
 *     exit STATUS
 *
 * Numbers are hexadecimal. Interrupts are on from the start: nothing sends one, and a vCPU that
 * spins with them off cannot be stopped on every host.
 */
#ifndef TESTS_GUESTS_SCRIPT_H
#define TESTS_GUESTS_SCRIPT_H

#include <stdint.h>

/* Where `map` puts pages; needs no entry the boot tables use. */
#define SCRIPT_WINDOW	    UINT64_C(0x8000000000)
#define SCRIPT_WINDOW_PAGES 512

#define SCRIPT_RESULTS	    128
#define SCRIPT_NO_TRAP	    UINT64_MAX

/* What the registers were at the first instruction (entry.S). */
struct script_initial {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rflags, cr0, cr2, cr3, cr4, efer;
	uint16_t cs, ds, es, fs, gs, ss, tr, pad;
	struct script_table {
		uint16_t limit;
		uint8_t base[14]; /* eight bytes, unaligned */
	} gdt, idt;
};

/* What one word came to. */
struct script_result {
	uint64_t value; /* read or returned */
	uint64_t trap;	/* number of the exception, or SCRIPT_NO_TRAP */
	uint64_t error, cr2;
};

#endif
