/* SPDX-License-Identifier: MIT */
/* Descriptor-table registers, the task register, and the instructions that ask about selectors. */
#include "vcpu/emulate/private.h"

#include <string.h>

/* UMIP keeps programs from reading where the kernel's tables lie. SDM vol. 3, 2.5. */
static bool is_umip_fault(struct instruction *in)
{
	return in->cpu->cpl && in->cpu->cr4 & CR4_UMIP;
}

enum emulate_end emulate_lgdt_lidt(struct instruction *in)
{
	struct virtual_table table = {0};
	uint8_t image[10] = {0};
	unsigned base_bytes = virtual_is_64bit(in->cpu) ? 8 : 4;

	if (in->cpu->cpl)
		return raise_gp(in->e);
	if (!operand_read(in, 0, image, 2 + base_bytes))
		return EMULATE_EXCEPTION;
	memcpy(&table.limit, image, sizeof(table.limit));
	memcpy(&table.base, image + 2, base_bytes);
	if (!virtual_is_canonical(in->cpu, table.base))
		return raise_gp(in->e);
	if (in->zydis.mnemonic == ZYDIS_MNEMONIC_LGDT)
		in->cpu->gdtr = table;
	else
		in->cpu->idtr = table;
	return EMULATE_DONE;
}

enum emulate_end emulate_sgdt_sidt(struct instruction *in)
{
	bool is_gdt = in->zydis.mnemonic == ZYDIS_MNEMONIC_SGDT;
	const struct virtual_table *table = is_gdt ? &in->cpu->gdtr : &in->cpu->idtr;
	unsigned base_bytes = virtual_is_64bit(in->cpu) ? 8 : 4;
	uint8_t image[10];

	if (is_umip_fault(in))
		return raise_gp(in->e);
	memcpy(image, &table->limit, sizeof(table->limit));
	memcpy(image + 2, &table->base, sizeof(table->base));
	return operand_write(in, 0, image, 2 + base_bytes) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

enum emulate_end emulate_sldt_str(struct instruction *in)
{
	bool is_str = in->zydis.mnemonic == ZYDIS_MNEMONIC_STR;
	uint16_t selector = in->cpu->segment[is_str ? VIRTUAL_TR : VIRTUAL_LDTR].selector;

	if (is_umip_fault(in))
		return raise_gp(in->e);
	return operand_store(in, 0, selector) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

/* The descriptor that LLDT and LTR load: in the GDT, of one type, present, 16 bytes long. */
static bool read_system(struct instruction *in, uint16_t selector, unsigned type,
			struct descriptor *d)
{
	uint32_t error = selector_error(selector);

	if (selector & SELECTOR_TI) {
		raise_error(in->e, VECTOR_GP, error);
		return false;
	}
	if (!descriptor_read(in->e, selector, VECTOR_GP, 0, d))
		return false;
	if ((d->access & (SEGMENT_S | SEGMENT_TYPE)) != type) {
		raise_error(in->e, VECTOR_GP, error);
		return false;
	}
	if (!(d->access & SEGMENT_P)) {
		raise_error(in->e, VECTOR_NP, error);
		return false;
	}
	if (!descriptor_read_high(in->e, selector, 0, d))
		return false;
	/* Bits 8 to 12 of the last word are a type, too, and must be zero. */
	if (d->high >> 40 & 0x1f || !virtual_is_canonical(in->cpu, descriptor_base(d))) {
		raise_error(in->e, VECTOR_GP, error);
		return false;
	}
	return true;
}

enum emulate_end emulate_lldt(struct instruction *in)
{
	struct descriptor d;
	uint64_t selector;

	if (in->cpu->cpl)
		return raise_gp(in->e);
	if (!operand_load(in, 0, &selector))
		return EMULATE_EXCEPTION;
	if (selector_is_null((uint16_t)selector)) {
		in->cpu->segment[VIRTUAL_LDTR] = segment_null((uint16_t)selector, 0);
		return EMULATE_DONE;
	}
	if (!read_system(in, (uint16_t)selector, SYSTEM_LDT, &d))
		return EMULATE_EXCEPTION;
	in->cpu->segment[VIRTUAL_LDTR] = segment_from((uint16_t)selector, &d);
	return EMULATE_DONE;
}

enum emulate_end emulate_ltr(struct instruction *in)
{
	struct descriptor d;
	uint64_t selector;

	if (in->cpu->cpl || !operand_load(in, 0, &selector))
		return in->cpu->cpl ? raise_gp(in->e) : EMULATE_EXCEPTION;
	if (selector_is_null((uint16_t)selector))
		return raise_gp(in->e);
	if (!read_system(in, (uint16_t)selector, SYSTEM_TSS, &d) ||
	    !descriptor_mark(in->e, &d, SYSTEM_TSS_BUSY))
		return EMULATE_EXCEPTION;
	in->cpu->segment[VIRTUAL_TR] = segment_from((uint16_t)selector, &d);
	return EMULATE_DONE;
}

/* What LAR, LSL, VERR and VERW see of a selector. A fault of the table itself is still a fault. */
enum visibility { VISIBLE, INVISIBLE, FAULTED };

static enum visibility look_up(struct instruction *in, uint16_t selector, struct descriptor *d)
{
	unsigned dpl;

	if (selector_is_null(selector))
		return INVISIBLE;
	if (!descriptor_read(in->e, selector, VECTOR_GP, 0, d))
		return in->e->exception.vector == VECTOR_GP &&
				       in->e->exception.error == selector_error(selector)
			       ? INVISIBLE
			       : FAULTED;
	dpl = segment_dpl(d->access);
	if (!segment_is_conforming(d->access) &&
	    (in->cpu->cpl > dpl || (selector & SELECTOR_RPL) > dpl))
		return INVISIBLE;
	return VISIBLE;
}

static enum emulate_end set_zf(struct instruction *in, bool zf)
{
	in->regs->rflags = (in->regs->rflags & ~RFLAGS_ZF) | (zf ? RFLAGS_ZF : 0);
	return EMULATE_DONE;
}

enum emulate_end emulate_lar_lsl(struct instruction *in)
{
	bool is_lar = in->zydis.mnemonic == ZYDIS_MNEMONIC_LAR;
	struct descriptor d;
	uint64_t selector;
	uint16_t system_types = 1 << SYSTEM_LDT | 1 << SYSTEM_TSS | 1 << SYSTEM_TSS_BUSY |
				(is_lar ? 1 << SYSTEM_CALL : 0);

	if (in->operand[1].type == ZYDIS_OPERAND_TYPE_MEMORY) {
		selector = 0;
		if (!operand_read(in, 1, &selector, 2))
			return EMULATE_EXCEPTION;
	} else if (!operand_load(in, 1, &selector)) {
		return EMULATE_EXCEPTION;
	}
	switch (look_up(in, (uint16_t)selector, &d)) {
	case FAULTED: return EMULATE_EXCEPTION;
	case INVISIBLE: return set_zf(in, false);
	case VISIBLE: break;
	}
	if (!(d.access & SEGMENT_S) && !(system_types >> (d.access & SEGMENT_TYPE) & 1))
		return set_zf(in, false);
	register_set(in, in->operand[0].reg.value,
		     is_lar ? d.low >> 32 & 0x00f0ff00 : descriptor_limit(&d));
	return set_zf(in, true);
}

enum emulate_end emulate_verr_verw(struct instruction *in)
{
	bool is_read = in->zydis.mnemonic == ZYDIS_MNEMONIC_VERR;
	struct descriptor d;
	uint64_t selector;

	if (!operand_load(in, 0, &selector))
		return EMULATE_EXCEPTION;
	switch (look_up(in, (uint16_t)selector, &d)) {
	case FAULTED: return EMULATE_EXCEPTION;
	case INVISIBLE: return set_zf(in, false);
	case VISIBLE: break;
	}
	return set_zf(in, is_read ? segment_is_readable(d.access) : segment_is_writable(d.access));
}
