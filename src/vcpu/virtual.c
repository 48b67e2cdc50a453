/* SPDX-License-Identifier: MIT */
/* The bits of RFLAGS that a deprivileged guest does not get to hold, and what mode it is in. */
#include "vcpu/virtual.h"

#include "vcpu/emulate/descriptor.h"
#include "x86.h"

/* What the real register can take over from the guest as it is. */
#define RFLAGS_REAL                                                                          \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF | \
	 RFLAGS_OF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

uint64_t virtual_rflags(const struct virtual_cpu *cpu, uint64_t real)
{
	uint64_t flags = (real & RFLAGS_REAL) | RFLAGS_FIXED;

	if (cpu->cpl < 3)
		flags = (flags & ~RFLAGS_AC) | (cpu->ac ? RFLAGS_AC : 0);
	return flags | (cpu->interrupts ? RFLAGS_IF : 0) |
	       ((uint64_t)cpu->iopl << RFLAGS_IOPL_SHIFT & RFLAGS_IOPL);
}

uint64_t virtual_load_rflags(struct virtual_cpu *cpu, uint64_t value)
{
	uint64_t real = (value & RFLAGS_REAL) | RFLAGS_FIXED | RFLAGS_IF;

	cpu->interrupts = value & RFLAGS_IF;
	cpu->iopl = (uint8_t)((value & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT);
	cpu->ac = cpu->cpl < 3 && value & RFLAGS_AC;
	return cpu->cpl < 3 ? real & ~RFLAGS_AC : real;
}

bool virtual_is_64bit(const struct virtual_cpu *cpu)
{
	return cpu->efer & EFER_LMA && cpu->segment[VIRTUAL_CS].access & SEGMENT_L;
}

bool virtual_is_canonical(const struct virtual_cpu *cpu, uint64_t gva)
{
	unsigned unused = cpu->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (uint64_t)((int64_t)(gva << unused) >> unused) == gva;
}
