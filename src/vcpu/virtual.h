/* SPDX-License-Identifier: MIT */
/*
 * The virtual CPU state: what the processor would be if the guest had it to itself. In shadow mode
 * the guest runs at CPL 3, kernel and user alike, and this is what it believes: its control and
 * descriptor registers, its MSRs, its privilege. General registers, RIP and RFLAGS are the real
 * ones and live in struct kvm_regs. Plain data, no pointers: a page both sides can see.
 */
#ifndef VCPU_VIRTUAL_H
#define VCPU_VIRTUAL_H

#include <stdbool.h>
#include <stdint.h>

/* A descriptor-table register. */
struct virtual_table {
	uint64_t base; /* GVA */
	uint16_t limit;
};

/* A segment register with the hidden part that a load has filled in. */
struct virtual_segment {
	uint16_t selector;
	uint16_t access; /* bits 8 to 23 of the descriptor's second word: type, S, DPL, P, ..., G */
	uint32_t limit;	 /* bytes, scaled by G */
	uint64_t base;	 /* GVA */
};

enum virtual_segment_name {
	VIRTUAL_ES,
	VIRTUAL_CS,
	VIRTUAL_SS,
	VIRTUAL_DS,
	VIRTUAL_FS,
	VIRTUAL_GS,
	VIRTUAL_LDTR,
	VIRTUAL_TR,
	VIRTUAL_SEGMENTS
};

struct virtual_cpu {
	uint64_t cr0, cr2, cr3, cr4, cr8, xcr0;
	uint64_t efer, star, lstar, cstar, sfmask, kernel_gs_base, pat, tsc_aux;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t dr[8]; /* 4 and 5 unused */
	struct virtual_table gdtr, idtr;
	struct virtual_segment segment[VIRTUAL_SEGMENTS]; /* FS and GS bases are here as well */
	uint32_t pkru;
	uint8_t cpl; /* 0 to 3 */
	uint8_t iopl;
	bool interrupts; /* RFLAGS.IF as the guest set it */
	bool ac;	 /* RFLAGS.AC below CPL 3 (STAC, CLAC, IRET); false at CPL 3, where the real
			     flag is the guest's */
	bool nmi_blocked; /* until IRET */
};

/* RFLAGS as the guest sees it: the real one, with the bits kept here put in. */
uint64_t virtual_rflags(const struct virtual_cpu *cpu, uint64_t real);

/*
 * Takes over `value` as the guest's RFLAGS at its privilege cpu->cpl (set that first) and returns
 * what the real register is to hold: IF set, IOPL 0, AC only at CPL 3. Bits that no 64-bit guest
 * can set (VM, VIF, VIP, reserved ones) are dropped. Which bits may change is for the caller.
 */
uint64_t virtual_load_rflags(struct virtual_cpu *cpu, uint64_t value);

/* Whether the guest executes 64-bit code: CS.L under EFER.LMA. Else it is compatibility mode. */
bool virtual_is_64bit(const struct virtual_cpu *cpu);

/* Whether a GVA is canonical: under CR4.LA57 bits 56 to 63 are equal, else bits 47 to 63. */
bool virtual_is_canonical(const struct virtual_cpu *cpu, uint64_t gva);

#endif
