/* SPDX-License-Identifier: MIT */
/*
 * 64-bit mode without firmware: the special registers of a vCPU that starts in long mode with
 * paging on (Intel SDM vol. 3, "Initializing
 * IA-32e Mode", tells the long way that this replaces).
 */
#ifndef KVM_LONGMODE_H
#define KVM_LONGMODE_H

#include <linux/kvm.h>
#include <penumbra/penumbra.h>

/* Entries of the flat GDT: null, code, data, and the two halves of a TSS descriptor. */
#define LONGMODE_GDT_ENTRIES 5

/* Bytes of the TSS at the end of the GDT's page frame: 64-bit TSS without an I/O bitmap. */
#define LONGMODE_TSS_SIZE 104

/* Where a vCPU starts. */
struct longmode {
	gpa_t cr3;
	gva_t gdt; /* of LONGMODE_GDT_ENTRIES descriptors, laid out by longmode_gdt */
	gva_t tss; /* of LONGMODE_TSS_SIZE bytes, zero */
	bool la57; /* five-level tables at cr3 */
};

/* Fills in the GDT that longmode_sregs points at; `tss` as in struct longmode. */
void longmode_gdt(uint64_t gdt[LONGMODE_GDT_ENTRIES], gva_t tss);

/*
 * Sets the control, segment and descriptor-table registers of *s (which KVM_GET_SREGS filled) to
 * the state that <penumbra/guest.h> promises.
 */
void longmode_sregs(struct kvm_sregs *s, const struct longmode *start);

#endif
