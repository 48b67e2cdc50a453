/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers: a table of those that exist, each with where it lives and what it
 * refuses; all others are #GP. Also the time-stamp counter. SDM vol. 4, ch. 2; AMD APM vol. 2,
 * appendix A.
 */
#include "vcpu/emulate/private.h"

/* What a write checks. */
enum rule {
	RULE_ANY,
	RULE_LOW32,    /* the upper half must be zero */
	RULE_TRUNCATE, /* the upper half is dropped */
	RULE_CANONICAL,
	RULE_SYSENTER, /* canonical; AMD drops the upper half */
	RULE_EFER,
	RULE_PAT,
	RULE_TSC,
	RULE_SAME, /* only what it reads */
	RULE_IGNORE,
};

#define NOWHERE UINT16_MAX

struct msr {
	uint32_t first, last;
	uint16_t field; /* offset in struct virtual_cpu; NOWHERE: reads `value` */
	uint8_t rule;
	uint8_t effect_bit; /* of what a write does; 0: nothing */
	uint64_t value;
};

#define FIELD(index, name, write_rule)                                                          \
	{                                                                                       \
		.first = (index), .last = (index), .field = offsetof(struct virtual_cpu, name), \
		.rule = (write_rule)                                                            \
	}
#define EFFECTIVE(index, name, write_rule, bit)                                                 \
	{                                                                                       \
		.first = (index), .last = (index), .field = offsetof(struct virtual_cpu, name), \
		.rule = (write_rule), .effect_bit = (bit)                                       \
	}
#define CONSTANT(from, to, reads, write_rule)                                          \
	{                                                                              \
		.first = (from), .last = (to), .field = NOWHERE, .rule = (write_rule), \
		.value = (reads)                                                       \
	}

/* Numbers of bits of enum emulate_effect. */
#define BIT_EFER     3
#define BIT_SEGMENTS 7
#define BIT_TSC_AUX  13
_Static_assert(EFFECT_EFER == 1 << BIT_EFER && EFFECT_SEGMENTS == 1 << BIT_SEGMENTS &&
		       EFFECT_TSC_AUX == 1 << BIT_TSC_AUX,
	       "effects in the table of MSRs");

/* APIC_BASE: the architectural address, the boot processor, not enabled. MISC_ENABLE: fast strings;
 * no branch trace, no PEBS. MTRR: enabled, no ranges, all write-back. */
#define APIC_BASE_OFF	UINT64_C(0xfee00100)
#define MISC_ENABLE	UINT64_C(0x1801)
#define MTRR_DEF_TYPE	UINT64_C(0x806)
#define MTRR_WRITE_BACK UINT64_C(0x0606060606060606)
#define FEATURE_LOCKED	UINT64_C(1)

static const struct msr msrs[] = {
	{.first = MSR_TSC, .last = MSR_TSC, .field = NOWHERE, .rule = RULE_TSC},
	CONSTANT(0x17, 0x17, 0, RULE_SAME), /* PLATFORM_ID */
	CONSTANT(0x1b, 0x1b, APIC_BASE_OFF, RULE_SAME),
	CONSTANT(0x3a, 0x3a, FEATURE_LOCKED, RULE_SAME), /* FEATURE_CONTROL */
	CONSTANT(0x8b, 0x8b, 0, RULE_IGNORE),		 /* BIOS_SIGN_ID */
	CONSTANT(0xfe, 0xfe, 0, RULE_SAME),		 /* MTRRCAP */
	FIELD(MSR_SYSENTER_CS, sysenter_cs, RULE_LOW32),
	FIELD(MSR_SYSENTER_ESP, sysenter_esp, RULE_SYSENTER),
	FIELD(MSR_SYSENTER_EIP, sysenter_eip, RULE_SYSENTER),
	CONSTANT(0x179, 0x179, 0, RULE_SAME), /* MCG_CAP */
	CONSTANT(0x17a, 0x17a, 0, RULE_SAME), /* MCG_STATUS */
	CONSTANT(0x1a0, 0x1a0, MISC_ENABLE, RULE_IGNORE),
	CONSTANT(0x200, 0x20f, 0, RULE_SAME), /* MTRR_PHYSBASE, MTRR_PHYSMASK */
	CONSTANT(0x250, 0x250, MTRR_WRITE_BACK, RULE_SAME),
	CONSTANT(0x258, 0x259, MTRR_WRITE_BACK, RULE_SAME),
	CONSTANT(0x268, 0x26f, MTRR_WRITE_BACK, RULE_SAME),
	FIELD(MSR_PAT, pat, RULE_PAT),
	CONSTANT(0x2ff, 0x2ff, MTRR_DEF_TYPE, RULE_SAME),
	EFFECTIVE(MSR_EFER, efer, RULE_EFER, BIT_EFER),
	FIELD(MSR_STAR, star, RULE_ANY),
	FIELD(MSR_LSTAR, lstar, RULE_CANONICAL),
	FIELD(MSR_CSTAR, cstar, RULE_CANONICAL),
	FIELD(MSR_SFMASK, sfmask, RULE_TRUNCATE),
	EFFECTIVE(MSR_FS_BASE, segment[VIRTUAL_FS].base, RULE_CANONICAL, BIT_SEGMENTS),
	EFFECTIVE(MSR_GS_BASE, segment[VIRTUAL_GS].base, RULE_CANONICAL, BIT_SEGMENTS),
	FIELD(MSR_KERNEL_GS_BASE, kernel_gs_base, RULE_CANONICAL),
	EFFECTIVE(MSR_TSC_AUX, tsc_aux, RULE_LOW32, BIT_TSC_AUX),
	CONSTANT(0xc0010010, 0xc0010010, 0, RULE_SAME), /* SYSCFG */
	CONSTANT(0xc0010015, 0xc0010015, 0, RULE_SAME), /* HWCR */
};

static const struct msr *find_msr(uint32_t index)
{
	for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
		if (index >= msrs[i].first && index <= msrs[i].last)
			return &msrs[i];
	return NULL;
}

static uint64_t read_msr(struct emulate *e, const struct msr *msr)
{
	if (msr->rule == RULE_TSC)
		return e->ops->tsc(e->arg);
	if (msr->field == NOWHERE)
		return msr->value;
	return *(const uint64_t *)((const char *)e->cpu + msr->field);
}

static bool is_efer(struct emulate *e, uint64_t *value)
{
	uint64_t old = e->cpu->efer, known = EFER_SCE | EFER_LME | EFER_LMA;

	if (is_offered(e, FEATURE_NX))
		known |= EFER_NXE;
	if (is_offered(e, FEATURE_FFXSR))
		known |= EFER_FFXSR;
	/* LME cannot change under paging; LMA follows the mode, whatever is written. */
	if (*value & ~known || (e->cpu->cr0 & CR0_PG && (*value ^ old) & EFER_LME))
		return false;
	*value = (*value & ~EFER_LMA) | (old & EFER_LMA);
	return true;
}

/* Types 2, 3 and 8 on do not exist. SDM vol. 3, 11.12.2. */
static bool is_pat(uint64_t value)
{
	for (unsigned i = 0; i < 8; i++) {
		uint64_t type = value >> 8 * i & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* Whether the rule lets *value in; *value becomes what is kept. */
static bool is_allowed(struct emulate *e, const struct msr *msr, uint64_t *value)
{
	switch ((enum rule)msr->rule) {
	case RULE_LOW32: return !(*value >> 32);
	case RULE_TRUNCATE: *value = (uint32_t)*value; return true;
	case RULE_CANONICAL: return virtual_is_canonical(e->cpu, *value);
	case RULE_SYSENTER:
		if (!is_amd(e))
			return virtual_is_canonical(e->cpu, *value);
		*value = (uint32_t)*value;
		return true;
	case RULE_EFER: return is_efer(e, value);
	case RULE_PAT: return is_pat(*value);
	case RULE_SAME: return *value == msr->value;
	case RULE_ANY:
	case RULE_TSC:
	case RULE_IGNORE: return true;
	}
	return false;
}

/* A null selector has been loaded, perhaps, which does not trap and may clear a base. */
static void update_bases(struct instruction *in)
{
	uint32_t index = (uint32_t)in->regs->rcx;

	if (in->e->ops->bases && (index == MSR_FS_BASE || index == MSR_GS_BASE))
		in->e->ops->bases(in->e->arg);
}

enum emulate_end emulate_rdmsr(struct instruction *in)
{
	const struct msr *msr = find_msr((uint32_t)in->regs->rcx);
	uint64_t value;

	if (in->cpu->cpl || !msr)
		return raise_gp(in->e);
	update_bases(in);
	value = read_msr(in->e, msr);
	in->regs->rax = (uint32_t)value;
	in->regs->rdx = value >> 32;
	return EMULATE_DONE;
}

enum emulate_end emulate_wrmsr(struct instruction *in)
{
	const struct msr *msr = find_msr((uint32_t)in->regs->rcx);
	uint64_t value = (uint64_t)(uint32_t)in->regs->rdx << 32 | (uint32_t)in->regs->rax;

	if (in->cpu->cpl || !msr || !is_allowed(in->e, msr, &value))
		return raise_gp(in->e);
	update_bases(in);
	if (msr->field != NOWHERE)
		*(uint64_t *)((char *)in->cpu + msr->field) = value;
	if (msr->effect_bit)
		in->e->effects |= 1U << msr->effect_bit;
	if (msr->rule == RULE_TSC) {
		in->e->tsc = value;
		in->e->effects |= EFFECT_TSC;
	}
	return EMULATE_DONE;
}

static enum emulate_end read_tsc(struct instruction *in)
{
	uint64_t tsc;

	if (in->cpu->cpl && in->cpu->cr4 & CR4_TSD)
		return raise_gp(in->e);
	tsc = in->e->ops->tsc(in->e->arg);
	in->regs->rax = (uint32_t)tsc;
	in->regs->rdx = tsc >> 32;
	return EMULATE_DONE;
}

enum emulate_end emulate_rdtsc(struct instruction *in)
{
	return read_tsc(in);
}

enum emulate_end emulate_rdtscp(struct instruction *in)
{
	if (!is_offered(in->e, FEATURE_RDTSCP))
		return raise_ud(in->e);
	in->regs->rcx = (uint32_t)in->cpu->tsc_aux;
	return read_tsc(in);
}

enum emulate_end emulate_rdpid(struct instruction *in)
{
	if (!is_offered(in->e, FEATURE_RDPID))
		return raise_ud(in->e);
	return operand_store(in, 0, in->cpu->tsc_aux) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

/* No counter exists, and so every number of one is wrong. */
enum emulate_end emulate_rdpmc(struct instruction *in)
{
	return raise_gp(in->e);
}
