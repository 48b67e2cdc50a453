/* SPDX-License-Identifier: MIT */
/* What is short and fits no family: flags, HLT, CPUID, TLB and cache, protection keys. */
#include "vcpu/emulate/private.h"

/* CPUID bits that mirror CR4. */
#define CPUID_1_ECX_OSXSAVE (UINT32_C(1) << 27)
#define CPUID_7_ECX_OSPKE   (UINT32_C(1) << 4)

enum emulate_end emulate_cli_sti(struct instruction *in)
{
	if (in->cpu->cpl > in->cpu->iopl)
		return raise_gp(in->e);
	in->cpu->interrupts = in->zydis.mnemonic == ZYDIS_MNEMONIC_STI;
	return EMULATE_DONE;
}

enum emulate_end emulate_popf(struct instruction *in)
{
	struct virtual_cpu *cpu = in->cpu;
	unsigned bytes = in->zydis.operand_width / 8;
	uint64_t flags = virtual_rflags(cpu, in->regs->rflags) & ~RFLAGS_RF, value = 0;
	uint64_t changes = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF |
			   RFLAGS_DF | RFLAGS_OF | RFLAGS_NT;

	if (!virtual_is_64bit(cpu) || bytes > 8)
		return EMULATE_UNKNOWN;
	if (!memory_read(in->e, in->regs->rsp, &value, bytes, access_at_cpl(cpu) | ACCESS_STACK))
		return EMULATE_EXCEPTION;
	in->regs->rsp += bytes;
	if (bytes > 2)
		changes |= RFLAGS_AC | RFLAGS_ID;
	if (cpu->cpl <= cpu->iopl)
		changes |= RFLAGS_IF;
	if (!cpu->cpl)
		changes |= RFLAGS_IOPL;
	in->regs->rflags = virtual_load_rflags(cpu, (flags & ~changes) | (value & changes));
	return EMULATE_DONE;
}

enum emulate_end emulate_hlt(struct instruction *in)
{
	if (in->cpu->cpl)
		return raise_gp(in->e);
	in->e->effects |= EFFECT_HALT;
	return EMULATE_DONE;
}

enum emulate_end emulate_cpuid(struct instruction *in)
{
	uint32_t leaf = (uint32_t)in->regs->rax, out[4];

	in->e->ops->cpuid(in->e->arg, leaf, (uint32_t)in->regs->rcx, out);
	if (leaf == 1)
		out[2] = (out[2] & ~CPUID_1_ECX_OSXSAVE) |
			 (in->cpu->cr4 & CR4_OSXSAVE ? CPUID_1_ECX_OSXSAVE : 0);
	if (leaf == 7 && !(uint32_t)in->regs->rcx)
		out[2] = (out[2] & ~CPUID_7_ECX_OSPKE) |
			 (in->cpu->cr4 & CR4_PKE ? CPUID_7_ECX_OSPKE : 0);
	in->regs->rax = out[0];
	in->regs->rbx = out[1];
	in->regs->rcx = out[2];
	in->regs->rdx = out[3];
	return EMULATE_DONE;
}

enum emulate_end emulate_stac_clac(struct instruction *in)
{
	if (in->cpu->cpl || !is_offered(in->e, FEATURE_SMAP))
		return raise_ud(in->e);
	in->cpu->ac = in->zydis.mnemonic == ZYDIS_MNEMONIC_STAC;
	return EMULATE_DONE;
}

enum emulate_end emulate_invlpg(struct instruction *in)
{
	unsigned access;

	if (in->cpu->cpl)
		return raise_gp(in->e);
	in->e->gva = operand_address(in, 0, &access);
	/* A non-canonical address has no translation to drop. */
	if (virtual_is_canonical(in->cpu, in->e->gva))
		in->e->effects |= EFFECT_INVLPG;
	return EMULATE_DONE;
}

/* SDM vol. 2, INVPCID. */
enum emulate_end emulate_invpcid(struct instruction *in)
{
	enum { ADDRESS, CONTEXT, ALL_AND_GLOBAL, ALL };
	uint64_t type, descriptor[2];

	if (!is_offered(in->e, FEATURE_INVPCID))
		return raise_ud(in->e);
	if (in->cpu->cpl)
		return raise_gp(in->e);
	type = register_get(in, in->operand[0].reg.value);
	if (type > ALL)
		return raise_gp(in->e);
	if (!operand_read(in, 1, descriptor, sizeof(descriptor)))
		return EMULATE_EXCEPTION;
	if (descriptor[0] & ~CR3_PCID)
		return raise_gp(in->e);
	if (type <= CONTEXT && descriptor[0] && !(in->cpu->cr4 & CR4_PCIDE))
		return raise_gp(in->e);
	if (type == ADDRESS && !virtual_is_canonical(in->cpu, descriptor[1]))
		return raise_gp(in->e);
	in->e->invpcid = (unsigned)type;
	in->e->pcid = descriptor[0];
	in->e->gva = descriptor[1];
	in->e->effects |= EFFECT_INVPCID;
	return EMULATE_DONE;
}

enum emulate_end emulate_wbinvd(struct instruction *in)
{
	if (in->cpu->cpl)
		return raise_gp(in->e);
	in->e->effects |= EFFECT_FLUSH_CACHE;
	return EMULATE_DONE;
}

/* MONITOR arms nothing, and so MWAIT is HLT that may end at once. */
enum emulate_end emulate_monitor(struct instruction *in)
{
	if (in->cpu->cpl || !is_offered(in->e, FEATURE_MONITOR))
		return raise_ud(in->e);
	if ((uint32_t)in->regs->rcx)
		return raise_gp(in->e);
	return EMULATE_DONE;
}

enum emulate_end emulate_mwait(struct instruction *in)
{
	if (in->cpu->cpl || !is_offered(in->e, FEATURE_MONITOR))
		return raise_ud(in->e);
	if ((uint32_t)in->regs->rcx > 1)
		return raise_gp(in->e);
	in->e->effects |= EFFECT_HALT;
	return EMULATE_DONE;
}

enum emulate_end emulate_rdpkru(struct instruction *in)
{
	if (!(in->cpu->cr4 & CR4_PKE))
		return raise_ud(in->e);
	if ((uint32_t)in->regs->rcx)
		return raise_gp(in->e);
	in->regs->rax = in->cpu->pkru;
	in->regs->rdx = 0;
	return EMULATE_DONE;
}

enum emulate_end emulate_wrpkru(struct instruction *in)
{
	if (!(in->cpu->cr4 & CR4_PKE))
		return raise_ud(in->e);
	if ((uint32_t)in->regs->rcx || (uint32_t)in->regs->rdx)
		return raise_gp(in->e);
	in->cpu->pkru = (uint32_t)in->regs->rax;
	in->e->effects |= EFFECT_XSTATE;
	return EMULATE_DONE;
}

enum emulate_end emulate_undefined(struct instruction *in)
{
	return raise_ud(in->e);
}
