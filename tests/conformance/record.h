/* SPDX-License-Identifier: MIT */
/*
 * What the conformance guest and its test share: a case, which is one access through one set of
 * page-table entries under given registers, and what came of it. The test writes a batch of cases
 * into the guest's memory; the guest does them one after another, without an exit of its own, and
 * leaves a result for each.
 *
 * Every case has one of CONF_SLOTS ways down the tables, each with tables of its own below an
 * entry of the top table. All lead to the same page, `conf_data`, at GVAs that have its low bits,
 * so that any entry on the way may map it as a page of 4 KiB, 2 MiB or 1 GiB.
 */
#ifndef TESTS_CONFORMANCE_RECORD_H
#define TESTS_CONFORMANCE_RECORD_H

/* Registers of a case; what is not named is as at boot. */
#define CONF_WP	  0x01 /* CR0 */
#define CONF_NXE  0x02 /* EFER */
#define CONF_SMEP 0x04 /* CR4 */
#define CONF_SMAP 0x08
#define CONF_PKE  0x10
#define CONF_PGE  0x20
#define CONF_AC	  0x40 /* RFLAGS, at the access */

/* The protection key of the page of user code, which PKRU leaves alone: shadow mode has no code that
 * can be run and not read (docs/guest-rules.md). */
#define CONF_USER_KEY 5

/* CR4, in a case of two levels. */
#define CONF_PSE 0x80

/* Not a register: whether CPL 3 loads segments from the guest's LDT (docs/hosts.md, kvm_pvm). */
#define CONF_LDT   0x80

#define CONF_SLOTS 8
#define CONF_TOP   1 /* index in the top table of slot 0's entry */
#define CONF_BATCH 4096

/* Where conf_data has code: what a fetch goes to. */
#define CONF_CODE_USER	 0x40
#define CONF_CODE_KERNEL 0x80

/* A vector's place if the access went through. INT3 ends a user's access that did. */
#define CONF_NO_TRAP   0xff
#define CONF_VECTOR_BP 3
#define CONF_VECTOR_GP 13
#define CONF_VECTOR_PF 14

#ifndef __ASSEMBLER__

#include <stdint.h>

/* In the order of enum walk_access, the user's before the kernel's; then implicit ones. */
enum conf_access {
	CONF_USER_READ,
	CONF_USER_WRITE,
	CONF_USER_FETCH,
	CONF_KERNEL_READ,
	CONF_KERNEL_WRITE,
	CONF_KERNEL_FETCH,
	CONF_IMPLICIT_READ,  /* of a segment descriptor, in an LDT that lies there; in ring 0 */
	CONF_IMPLICIT_USER,  /* the same, for ring 3's segment register */
	CONF_IMPLICIT_WRITE, /* a descriptor is read, and gets its accessed bit; in ring 0 */
	CONF_IMPLICIT_WRITE_USER,
	CONF_ACCESSES
};

/* What makes the processor forget. */
enum conf_flush {
	CONF_FLUSH_PAGE,    /* INVLPG */
	CONF_FLUSH_CONTEXT, /* MOV to CR3: where no page of the slot was ever global */
	CONF_FLUSH_ALL,	    /* CR4.PGE turned over and back */
};

/* 64 bytes each. entry[] is by level - 1; a guest of four levels has no entry[4]. Entries of two
 * levels have 32 bits. */
struct conf_case {
	uint64_t entry[5];
	uint32_t pkru;	/* counts under CONF_PKE */
	uint8_t regs;	/* CONF_WP... */
	uint8_t access; /* enum conf_access */
	uint8_t slot;
	uint8_t set;	/* the test's: which of its sets the case is of ... */
	uint64_t index; /* ... and which of that set's */
	uint8_t leaf;	/* the level that is meant to map the page */
	uint8_t first;	/* an access before the one that is judged, with no flush between them, so
			   that there is something to be remembered; CONF_ACCESSES: none */
	uint8_t flush;	/* enum conf_flush: what follows the stores to the entries */
	uint8_t reserved[5];
};

struct conf_result {
	uint64_t entry[5]; /* after the access */
	uint64_t cr2;	   /* of a #PF */
	uint64_t value;	   /* read; or what was in the page after a write */
	uint32_t error;
	uint8_t vector;
	uint8_t reserved[3];
};

/* What a read finds, and what a write leaves. */
#define CONF_READS  UINT64_C(0x600d600d600d600d)
#define CONF_WRITES UINT64_C(0x3333cccc3333cccc)

/* The second word there: a data segment of ring 3, not accessed yet and accessed. */
#define CONF_UNUSED UINT64_C(0x00cff2000000ffff)
#define CONF_USED   UINT64_C(0x00cff3000000ffff)

#endif
#endif
