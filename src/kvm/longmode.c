/* SPDX-License-Identifier: MIT */
/* 64-bit mode without firmware: flat segments, a TSS, paging and NX on. */
#include "kvm/longmode.h"

#include "x86.h"

#include <penumbra/guest.h>

/* Segment types (Intel SDM vol. 3, 3.4.5.1 and 3.5). */
#define TYPE_DATA_RW_ACCESSED 3
#define TYPE_CODE_RX_ACCESSED 11
#define TYPE_TSS64_BUSY	      11

void longmode_gdt(uint64_t gdt[LONGMODE_GDT_ENTRIES], gva_t tss)
{
	gdt[0] = 0;
	gdt[PN_BOOT_CS / 8] = UINT64_C(0x00af9b000000ffff); /* 64-bit code, DPL 0 */
	gdt[PN_BOOT_DS / 8] = UINT64_C(0x00cf93000000ffff); /* data, DPL 0 */
	gdt[PN_BOOT_TR / 8] = (LONGMODE_TSS_SIZE - 1) | (tss & 0xffffff) << 16 |
			      UINT64_C(0x8b) << 40 | (tss >> 24 & 0xff) << 56;
	gdt[PN_BOOT_TR / 8 + 1] = tss >> 32;
}

void longmode_sregs(struct kvm_sregs *s, const struct longmode *start)
{
	const struct kvm_segment code = {
		.limit = 0xffffffff,
		.selector = PN_BOOT_CS,
		.type = TYPE_CODE_RX_ACCESSED,
		.present = 1,
		.s = 1,
		.l = 1,
		.g = 1,
	};
	const struct kvm_segment data = {
		.limit = 0xffffffff,
		.selector = PN_BOOT_DS,
		.type = TYPE_DATA_RW_ACCESSED,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};

	s->cs = code;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){
		.base = start->tss,
		.limit = LONGMODE_TSS_SIZE - 1,
		.selector = PN_BOOT_TR,
		.type = TYPE_TSS64_BUSY,
		.present = 1,
	};
	s->ldt = (struct kvm_segment){.unusable = 1};
	s->gdt = (struct kvm_dtable){
		.base = start->gdt,
		.limit = LONGMODE_GDT_ENTRIES * sizeof(uint64_t) - 1,
	};
	s->idt = (struct kvm_dtable){0};
	s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
	s->cr3 = start->cr3;
	s->cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | (start->la57 ? CR4_LA57 : 0);
	s->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
}
