/* SPDX-License-Identifier: MIT */
/*
 * What the differential fuzzer and its guest (guest/fuzz/) share: where things lie in guest-physical
 * memory, and the slots by which the host tells the guest what to do. The guest has no say in
 * anything: it goes from slot to slot, does what the slot's routine does, and keeps what came of it.
 *
 * Used by C and by assembly (everything above the __ASSEMBLER__ line).
 */
#ifndef FUZZ_LAYOUT_H
#define FUZZ_LAYOUT_H

/* OUT to it: all slots are done, the host fills them anew. */
#define FUZZ_PORT 0x465a

/* GPAs, and GVAs as well: the boot tables map them, and so does every root of a program. */
#define FUZZ_SLOTS 0xc00000
#define FUZZ_CPU   0xc01000 /* descriptor tables, made by the host */
#define FUZZ_GDTR  (FUZZ_CPU + 0x00)
#define FUZZ_IDTR  (FUZZ_CPU + 0x10)
#define FUZZ_GDT   (FUZZ_CPU + 0x40)
#define FUZZ_TSS   (FUZZ_CPU + 0x100)
#define FUZZ_IDT   (FUZZ_CPU + 0x200)
#define FUZZ_HOME  0xc02000 /* tables that the roots share, from here on */

#define FUZZ_ROOT  0x600000 /* t0, which a program starts on */

/* A slot: its routine, up to three arguments, and what came of it. */
#define FUZZ_SLOT_SIZE	 64
#define FUZZ_SLOT_DO	 0
#define FUZZ_SLOT_ARG	 8 /* three words */
#define FUZZ_SLOT_RAX	 32
#define FUZZ_SLOT_ERROR	 40
#define FUZZ_SLOT_CR2	 48 /* of other exceptions than #PF: RIP */
#define FUZZ_SLOT_VECTOR 56
#define FUZZ_BATCH	 60 /* slots, the last of which is the OUT */

/* Selectors; ring 3's are none that a host's kernel has (docs/guest-rules.md). */
#define FUZZ_CS	     0x08
#define FUZZ_DS	     0x10
#define FUZZ_TR	     0x18
#define FUZZ_USER_DS 0x3b
#define FUZZ_USER_CS 0x43

/* Interrupts are on: nothing sends one, and a vCPU that spins with them off cannot be stopped on
 * every host. */
#define FUZZ_RFLAGS 0x202

/*
 * FUZZ_SLOT_VECTOR if there was no exception. UD2 ends what ring 3 does: a fault, which KVM may deliver
 * as often as it likes. INT3 it brings as a #GP now and then (docs/hosts.md).
 */
#define FUZZ_NO_TRAP 0xff
#define FUZZ_UD	     6
#define FUZZ_PF	     14

/* Where every page of a program's has code: RET for ring 0, UD2 for ring 3. */
#define FUZZ_CODE_KERNEL 0x801
#define FUZZ_CODE_USER	 0x809

#ifndef __ASSEMBLER__

#include <stdint.h>

struct fuzz_slot {
	uint64_t routine, arg[3];
	uint64_t rax, error, cr2, vector;
};

#endif
#endif
