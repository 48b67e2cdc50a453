/* SPDX-License-Identifier: MIT */
/*
 * Control and debug registers, XCR0. What a MOV to a control register must refuse is in SDM vol. 3,
 * 2.5, 4.1 and 4.10.1; vol. 2, MOV.
 */
#include "vcpu/emulate/private.h"

/* The bits that exist; the others below bit 32 ignore what is written. */
#define CR0_DEFINED                                                                                \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
	 CR0_PG)

static const struct {
	uint64_t bits;
	enum feature feature;
} cr4_bits[] = {
	{CR4_VME | CR4_PVI, FEATURE_VME},
	{CR4_TSD, FEATURE_TSC},
	{CR4_DE, FEATURE_DE},
	{CR4_PSE, FEATURE_PSE},
	{CR4_PAE, FEATURE_PAE},
	{CR4_MCE, FEATURE_MCE},
	{CR4_PGE, FEATURE_PGE},
	{CR4_OSFXSR, FEATURE_FXSR},
	{CR4_OSXMMEXCPT, FEATURE_SSE},
	{CR4_UMIP, FEATURE_UMIP},
	{CR4_LA57, FEATURE_LA57},
	{CR4_FSGSBASE, FEATURE_FSGSBASE},
	{CR4_PCIDE, FEATURE_PCID},
	{CR4_OSXSAVE, FEATURE_XSAVE},
	{CR4_SMEP, FEATURE_SMEP},
	{CR4_SMAP, FEATURE_SMAP},
	{CR4_PKE, FEATURE_PKU},
};

static enum emulate_end write_cr0(struct instruction *in, uint64_t value)
{
	struct virtual_cpu *cpu = in->cpu;
	uint64_t to = (value & CR0_DEFINED) | CR0_ET;

	if (value >> 32 || (to & CR0_PG && !(to & CR0_PE)) || (to & CR0_NW && !(to & CR0_CD)))
		return raise_gp(in->e);
	if (!(to & CR0_PG) && cpu->cr0 & CR0_PG) {
		if (virtual_is_64bit(cpu) || cpu->cr4 & CR4_PCIDE)
			return raise_gp(in->e);
		return EMULATE_UNKNOWN; /* out of long mode */
	}
	if (to & CR0_PG && !(cpu->cr0 & CR0_PG)) {
		if (cpu->efer & EFER_LME && !(cpu->cr4 & CR4_PAE))
			return raise_gp(in->e);
		if (!(cpu->efer & EFER_LME))
			return EMULATE_UNKNOWN;
		cpu->efer |= EFER_LMA;
		in->e->effects |= EFFECT_EFER;
	}
	cpu->cr0 = to;
	in->e->effects |= EFFECT_CR0;
	return EMULATE_DONE;
}

static enum emulate_end write_cr3(struct instruction *in, uint64_t value)
{
	struct virtual_cpu *cpu = in->cpu;
	bool no_flush = cpu->cr4 & CR4_PCIDE && value & CR3_NOFLUSH;

	if (no_flush)
		value &= ~CR3_NOFLUSH;
	if (value >> physical_bits(in->e))
		return raise_gp(in->e);
	cpu->cr3 = value;
	in->e->no_flush = no_flush;
	in->e->effects |= EFFECT_CR3;
	return EMULATE_DONE;
}

static enum emulate_end write_cr4(struct instruction *in, uint64_t value)
{
	struct virtual_cpu *cpu = in->cpu;
	uint64_t changed = value ^ cpu->cr4, offered = CR4_PCE;

	for (unsigned i = 0; i < sizeof(cr4_bits) / sizeof(cr4_bits[0]); i++)
		if (is_offered(in->e, cr4_bits[i].feature))
			offered |= cr4_bits[i].bits;
	/* A bit that is on may stay on: the host itself has put it there. */
	if (value & ~offered & changed)
		return raise_gp(in->e);
	if (cpu->efer & EFER_LMA && (changed & CR4_LA57 || !(value & CR4_PAE)))
		return raise_gp(in->e);
	if (changed & value & CR4_PCIDE && (!(cpu->efer & EFER_LMA) || cpu->cr3 & CR3_PCID))
		return raise_gp(in->e);
	cpu->cr4 = value;
	in->e->effects |= EFFECT_CR4;
	return EMULATE_DONE;
}

static enum emulate_end write_control(struct instruction *in, ZydisRegister reg, uint64_t value)
{
	switch (reg) {
	case ZYDIS_REGISTER_CR0: return write_cr0(in, value);
	case ZYDIS_REGISTER_CR2: in->cpu->cr2 = value; return EMULATE_DONE;
	case ZYDIS_REGISTER_CR3: return write_cr3(in, value);
	case ZYDIS_REGISTER_CR4: return write_cr4(in, value);
	case ZYDIS_REGISTER_CR8:
		if (value > 15)
			return raise_gp(in->e);
		in->cpu->cr8 = value;
		return EMULATE_DONE;
	default: return raise_ud(in->e);
	}
}

static const uint64_t *control_register(const struct virtual_cpu *cpu, ZydisRegister reg)
{
	switch (reg) {
	case ZYDIS_REGISTER_CR0: return &cpu->cr0;
	case ZYDIS_REGISTER_CR2: return &cpu->cr2;
	case ZYDIS_REGISTER_CR3: return &cpu->cr3;
	case ZYDIS_REGISTER_CR4: return &cpu->cr4;
	case ZYDIS_REGISTER_CR8: return &cpu->cr8;
	default: return NULL;
	}
}

enum emulate_end emulate_mov_control(struct instruction *in)
{
	ZydisRegister to = in->operand[0].reg.value, from = in->operand[1].reg.value;
	bool is_write = ZydisRegisterGetClass(to) == ZYDIS_REGCLASS_CONTROL;

	if (!control_register(in->cpu, is_write ? to : from))
		return raise_ud(in->e);
	if (in->cpu->cpl)
		return raise_gp(in->e);
	if (is_write)
		return write_control(in, to, register_get(in, from));
	register_set(in, to, *control_register(in->cpu, from));
	if (from == ZYDIS_REGISTER_CR2) {
		in->e->reg = (unsigned)ZydisRegisterGetId(to);
		in->e->effects |= EFFECT_CR2_READ;
	}
	return EMULATE_DONE;
}

enum emulate_end emulate_mov_debug(struct instruction *in)
{
	ZydisRegister to = in->operand[0].reg.value, from = in->operand[1].reg.value;
	bool is_write = ZydisRegisterGetClass(to) == ZYDIS_REGCLASS_DEBUG;
	unsigned number = (unsigned)(is_write ? to : from) - ZYDIS_REGISTER_DR0;
	struct virtual_cpu *cpu = in->cpu;
	uint64_t value;

	if (number > 7)
		return raise_ud(in->e);
	if (number == 4 || number == 5) {
		if (cpu->cr4 & CR4_DE)
			return raise_ud(in->e);
		number += 2;
	}
	if (cpu->cpl)
		return raise_gp(in->e);
	if (cpu->dr[7] & DR7_GD) {
		in->saved_cpu.dr[6] |= DR6_BD;
		return raise_plain(in->e, VECTOR_DB);
	}
	if (!is_write) {
		register_set(in, to, cpu->dr[number]);
		return EMULATE_DONE;
	}
	value = register_get(in, from);
	if (number >= 6 && value >> 32)
		return raise_gp(in->e);
	if (number == 6)
		value = (value & DR6_DEFINED) | DR6_ONES;
	if (number == 7)
		value = (value & DR7_DEFINED) | DR7_ONES;
	cpu->dr[number] = value;
	in->e->effects |= EFFECT_DEBUG;
	return EMULATE_DONE;
}

enum emulate_end emulate_clts(struct instruction *in)
{
	if (in->cpu->cpl)
		return raise_gp(in->e);
	in->cpu->cr0 &= ~CR0_TS;
	in->e->effects |= EFFECT_CR0;
	return EMULATE_DONE;
}

enum emulate_end emulate_lmsw(struct instruction *in)
{
	const uint64_t low = CR0_PE | CR0_MP | CR0_EM | CR0_TS;
	uint64_t value;

	if (in->cpu->cpl)
		return raise_gp(in->e);
	if (!operand_load(in, 0, &value))
		return EMULATE_EXCEPTION;
	/* It cannot clear PE. */
	value = (in->cpu->cr0 & ~(low & ~CR0_PE)) | (value & low);
	return write_cr0(in, value);
}

enum emulate_end emulate_smsw(struct instruction *in)
{
	if (in->cpu->cpl && in->cpu->cr4 & CR4_UMIP)
		return raise_gp(in->e);
	return operand_store(in, 0, in->cpu->cr0) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

/* XCR0. SDM vol. 1, 13.3: which components go only together. */
#define XCR0_X87    UINT64_C(0x1)
#define XCR0_SSE    UINT64_C(0x2)
#define XCR0_AVX    UINT64_C(0x4)
#define XCR0_MPX    UINT64_C(0x18)
#define XCR0_AVX512 UINT64_C(0xe0)
#define XCR0_AMX    UINT64_C(0x60000)

static bool is_xcr0(struct emulate *e, uint64_t value)
{
	static const struct {
		uint64_t bits, need;
	} rules[] = {
		{XCR0_AVX, XCR0_SSE},
		{XCR0_MPX, XCR0_MPX},
		{XCR0_AVX512, XCR0_AVX512 | XCR0_AVX},
		{XCR0_AMX, XCR0_AMX},
	};
	uint32_t out[4];

	e->ops->cpuid(e->arg, 0xd, 0, out);
	if (!(value & XCR0_X87) || value & ~((uint64_t)out[3] << 32 | out[0]))
		return false;
	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (value & rules[i].bits && (value & rules[i].need) != rules[i].need)
			return false;
	return true;
}

enum emulate_end emulate_xsetbv(struct instruction *in)
{
	uint64_t value = (uint64_t)(uint32_t)in->regs->rdx << 32 | (uint32_t)in->regs->rax;

	if (!(in->cpu->cr4 & CR4_OSXSAVE))
		return raise_ud(in->e);
	if (in->cpu->cpl || (uint32_t)in->regs->rcx || !is_xcr0(in->e, value))
		return raise_gp(in->e);
	in->cpu->xcr0 = value;
	in->e->effects |= EFFECT_XSTATE;
	return EMULATE_DONE;
}

enum emulate_end emulate_xgetbv(struct instruction *in)
{
	if (!(in->cpu->cr4 & CR4_OSXSAVE))
		return raise_ud(in->e);
	if ((uint32_t)in->regs->rcx)
		return raise_gp(in->e);
	in->regs->rax = (uint32_t)in->cpu->xcr0;
	in->regs->rdx = in->cpu->xcr0 >> 32;
	return EMULATE_DONE;
}
