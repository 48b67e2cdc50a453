/* SPDX-License-Identifier: MIT */
/*
 * The probe guest: snippets that each do one thing whose outcome tells what the host is. They are
 * position-independent, lie in one block that is copied into the VM whole, and end by themselves
 * with an OUT. Shared by probe_guest.S and the host side.
 */
#ifndef KVM_PROBE_GUEST_H
#define KVM_PROBE_GUEST_H

/* OUT to one of these ends a snippet: its work is done, or an exception came (vector in AL). */
#define PROBE_PORT_END	     0xe0
#define PROBE_PORT_EXCEPTION 0xe1

/* Where things lie in the VM: GPA, and GVA alike. */
#define PROBE_GDT	0x1000
#define PROBE_TSS	0x1100
#define PROBE_IDT	0x2000
#define PROBE_PT	0x3000
#define PROBE_PD	0x4000
#define PROBE_PDPT	0x5000
#define PROBE_PML4	0x6000
#define PROBE_PML5	0x7000
#define PROBE_CODE	0x8000
#define PROBE_CODE_SIZE 0x2000
#define PROBE_STACK	0xb000 /* top of the ring-0 stack, one page */
#define PROBE_USTACK	0xc000 /* top of the ring-3 stack, one page */
#define PROBE_DATA	0xc000 /* one page */
#define PROBE_RAM	0x10000

/* GVAs whose page-table entries point at PROBE_DATA and are not present. */
#define PROBE_ABSENT	   0x100000
#define PROBE_ABSENT_PAGES 64

/* A second way to GPA 0 by one 1 GiB page, and one that only five-level paging can have. */
#define PROBE_GVA_1G   0x40000000
#define PROBE_GVA_LA57 0x1000000000000

/* Selectors of the ring-3 segments; those of ring 0 are PN_BOOT_*. */
#define PROBE_USER_DS 0x2b
#define PROBE_USER_CS 0x33

/* What probe_guest_iopl leaves in EBX: the instruction it came to. */
#define PROBE_AT_PUSHF 0
#define PROBE_AT_CLI   1
#define PROBE_AT_STI   2
#define PROBE_AT_END   3

/* Bytes between the stubs of two vectors. */
#define PROBE_STUB_SIZE 16

#ifndef __ASSEMBLER__

#include <stdint.h>

/* The whole block. */
extern const uint8_t probe_guest[], probe_guest_end[];

/* Entry points: 32 exception stubs, then the snippets; probe_guest.S tells what each does. */
extern const uint8_t probe_guest_stubs[], probe_guest_page_fault[];
extern const uint8_t probe_guest_touch[], probe_guest_load[], probe_guest_iopl[];
extern const uint8_t probe_guest_int3[], probe_guest_steps[], probe_guest_triple_fault[];
extern const uint8_t probe_guest_spin[];

#endif
#endif
