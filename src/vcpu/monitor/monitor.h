/* SPDX-License-Identifier: MIT */
/*
 * The monitor: the ring-0 program that Penumbra keeps inside the VM in shadow mode, and its memory.
 * Read by the host (C) and by the monitor itself (assembly), so that every offset is written once.
 *
 * The VMM area is a memory slot of its own at the top of guest-physical space. Every shadow root
 * maps it, for ring 0 only, in one reserved top-level slot:
 *
 *   offset     at MONITOR_BASE_n + offset         rights
 *   0x000000   stubs and code                     read, execute
 *   0x004000   mail: what to do before going on   read, write
 *   0x008000   GDT                                read, write (accessed and busy bits)
 *   0x009000   IDT                                read
 *   0x00a000   TSS                                read
 *   0x00b000   stack, growing down from 0xc000    read, write
 *   0x00d000   stack for #DF, NMI and #MC         read, write
 *   0x010000   tables that map all this           not mapped: nobody changes them
 *   0x200000   pool of shadow tables              read, write, in 2 MiB pages
 *
 * The guest runs at CPL 3 and can reach none of it.
 */
#ifndef VCPU_MONITOR_MONITOR_H
#define VCPU_MONITOR_MONITOR_H

/* Of the top table, whether of four levels or of five: with either, what systems leave to a VMM. */
#define MONITOR_SLOT   256
#define MONITOR_BASE_4 0xffff800000000000 /* to 0xffff807fffffffff */
#define MONITOR_BASE_5 0xff00000000000000 /* to 0xff00ffffffffffff */

#define MONITOR_CODE   0x000000
#define MONITOR_MAIL   0x004000
#define MONITOR_GDT    0x008000
#define MONITOR_TSS    0x00a000
#define MONITOR_IDT    0x009000
#define MONITOR_STACK  0x00c000 /* top */
#define MONITOR_IST    0x00e000 /* top */
#define MONITOR_TABLES 0x010000
#define MONITOR_POOL   0x200000

/*
 * Selectors of the monitor's GDT. Ring 3's lie where no guest has its own: a guest kernel's IRETQ,
 * which is at CPL 3 in truth, must find its selector invalid and trap.
 */
#define MONITOR_CS	0x08
#define MONITOR_DS	0x10
#define MONITOR_USER_DS 0xfeb
#define MONITOR_USER_CS 0xff3
#define MONITOR_TR	0x18

/*
 * An OUT to the first is a trap of the guest handed to the host; to the second: the mail is done, and
 * the host has asked to be told. To the third: a #PF; RAX holds CR2, and the frame the guest's RAX
 * where the vector belongs. To the fourth: the same, but that CR2 is only in CR2.
 */
#define MONITOR_PORT	       0xf0
#define MONITOR_PORT_MAIL      0xf1
#define MONITOR_PORT_FAULT     0xf2
#define MONITOR_PORT_FAULT_CR2 0xf3

/* A stub of this size for each vector; SYSCALL arrives under a number past them. */
#define MONITOR_STUB_SIZE      32
#define MONITOR_VECTORS	       256
#define MONITOR_VECTOR_SYSCALL 256

/* Struct monitor_mail. */
#define MONITOR_MAIL_COUNT    0
#define MONITOR_MAIL_AGAIN    4
#define MONITOR_MAIL_RSP      8
#define MONITOR_MAIL_CR2      16
#define MONITOR_MAIL_CR2_SITE 24
#define MONITOR_MAIL_CR2_NEXT 32
#define MONITOR_MAIL_CR2_TO   40
#define MONITOR_MAIL_CR2_TEXT 48
#define MONITOR_MAIL_LIST     64
#define MONITOR_MAIL_MAX      660

/* No RIP: it is not canonical. */
#define MONITOR_NO_SITE 0x8000000000000000

/* Bytes of code for each register that CR2 may be moved to. */
#define MONITOR_CR2_SIZE 16

/* What an entry of the list asks for. */
#define MONITOR_STORE  0 /* 8 bytes at `where` become `value` */
#define MONITOR_ZERO   1 /* `value` times 8 bytes from `where` on become 0 */
#define MONITOR_INVLPG 2 /* of GVA `where` */
#define MONITOR_CR3    3 /* becomes `value` */
#define MONITOR_WRMSR  4 /* MSR `where` becomes `value` */
#define MONITOR_CR4    5 /* becomes `value` */
#define MONITOR_CR0    6 /* becomes `value` */

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

/* What the host leaves for the monitor, and the monitor for the host. */
struct monitor_mail {
	uint32_t count; /* entries to be done before the guest goes on; the monitor clears it */
	uint32_t again; /* come back to the host when the list is done. One look takes in both */
	uint64_t rsp;	/* of the guest, for two instructions of the SYSCALL stub */
	uint64_t cr2;	/* the guest's */
	/* GVA of an instruction of the guest's that reads it, or MONITOR_NO_SITE; of the one behind
	 * it; of the monitor's code for the register it goes to; and the bytes it begins with. */
	uint64_t cr2_site, cr2_next, cr2_to;
	uint32_t cr2_text;
	uint32_t unused[3];
	struct monitor_entry {
		uint64_t kind, where, value;
	} list[MONITOR_MAIL_MAX];
};

_Static_assert(offsetof(struct monitor_mail, count) == MONITOR_MAIL_COUNT, "");
_Static_assert(offsetof(struct monitor_mail, rsp) == MONITOR_MAIL_RSP, "");
_Static_assert(offsetof(struct monitor_mail, cr2) == MONITOR_MAIL_CR2, "");
_Static_assert(offsetof(struct monitor_mail, cr2_site) == MONITOR_MAIL_CR2_SITE, "");
_Static_assert(offsetof(struct monitor_mail, cr2_next) == MONITOR_MAIL_CR2_NEXT, "");
_Static_assert(offsetof(struct monitor_mail, cr2_to) == MONITOR_MAIL_CR2_TO, "");
_Static_assert(offsetof(struct monitor_mail, cr2_text) == MONITOR_MAIL_CR2_TEXT, "");
_Static_assert(offsetof(struct monitor_mail, again) == MONITOR_MAIL_AGAIN, "");
_Static_assert(offsetof(struct monitor_mail, list) == MONITOR_MAIL_LIST, "");
_Static_assert(sizeof(struct monitor_mail) <= MONITOR_GDT - MONITOR_MAIL, "");

/* What lies below MONITOR_STACK when a trap of the guest has been handed over: its registers as the
 * processor pushed them. The host changes it, and IRETQ takes it from there. */
struct monitor_frame {
	/* On the way to the host: 0 to 255, or MONITOR_VECTOR_SYSCALL; at MONITOR_PORT_FAULT..., the
	 * guest's RAX. On the way back: the guest's RAX. */
	uint64_t vector;
	uint64_t error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* The code, position-independent, to be copied to MONITOR_CODE (monitor.S). */
extern const uint8_t monitor_start[], monitor_end[];
extern const uint8_t monitor_stubs[];	/* one per vector */
extern const uint8_t monitor_fault[];	/* a stub for #PF that leaves CR2 where it is */
extern const uint8_t monitor_syscall[]; /* for MSR_LSTAR */
extern const uint8_t monitor_peek[];	/* where the monitor looks at the guest's text */
extern const uint8_t monitor_cr2[];   /* MONITOR_CR2_SIZE bytes a register, in the order of ModRM */
extern const uint8_t monitor_enter[]; /* does the mail and goes to the frame on the stack */

#endif
#endif
