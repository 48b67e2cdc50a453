/* SPDX-License-Identifier: MIT */
/*
 * Segment registers: descriptors read from the guest's GDT and LDT, the checks of a load (SDM
 * vol. 3, 5.6; vol. 2, MOV), and the instructions that load a register or swap a base.
 */
#include "vcpu/emulate/private.h"

bool descriptor_read(struct emulate *e, uint16_t selector, enum vector vector, uint32_t ext,
		     struct descriptor *d)
{
	const struct virtual_segment *ldt = &e->cpu->segment[VIRTUAL_LDTR];
	uint32_t offset = selector & ~UINT32_C(7), limit = e->cpu->gdtr.limit;
	uint32_t error = selector_error(selector) | ext;
	gva_t base = e->cpu->gdtr.base;

	if (selector & SELECTOR_TI) {
		base = ldt->base;
		limit = selector_is_null(ldt->selector) ? 0 : ldt->limit;
	}
	*d = (struct descriptor){.gva = base + offset};
	if (offset + 7 > limit) {
		raise_error(e, vector, error);
		return false;
	}
	if (!memory_read(e, d->gva, &d->low, sizeof(d->low), EMULATE_IMPLICIT))
		return false;
	d->access = (uint16_t)(d->low >> 40);
	return true;
}

bool descriptor_read_high(struct emulate *e, uint16_t selector, uint32_t ext, struct descriptor *d)
{
	const struct virtual_segment *ldt = &e->cpu->segment[VIRTUAL_LDTR];
	uint32_t offset = selector & ~UINT32_C(7);
	uint32_t limit = selector & SELECTOR_TI ? ldt->limit : e->cpu->gdtr.limit;

	if (offset + 15 > limit) {
		raise_error(e, VECTOR_GP, selector_error(selector) | ext);
		return false;
	}
	return memory_read(e, d->gva + 8, &d->high, sizeof(d->high), EMULATE_IMPLICIT);
}

bool descriptor_mark(struct emulate *e, struct descriptor *d, uint16_t bits)
{
	bool stored = false;

	while ((d->access & bits) != bits) {
		uint8_t expected = (uint8_t)d->access, to = expected | (uint8_t)bits;

		if (!memory_exchange(e, d->gva + 5, &expected, &to, 1, EMULATE_IMPLICIT, &stored))
			return false;
		/* Another vCPU changed it: what it is now was not checked, but its type bits are
		 * set all the same, as the processor's locked cycle would. */
		if (!stored &&
		    !memory_read(e, d->gva + 5, &expected, 1, EMULATE_IMPLICIT | EMULATE_MODIFY))
			return false;
		d->access = (uint16_t)((d->access & 0xff00) | (stored ? to : expected));
	}
	return true;
}

uint64_t descriptor_base(const struct descriptor *d)
{
	uint64_t base = (d->low >> 16 & 0xffffff) | (d->low >> 56) << 24;

	return d->access & SEGMENT_S ? base : base | d->high << 32;
}

uint32_t descriptor_limit(const struct descriptor *d)
{
	uint32_t limit = (uint32_t)((d->low & 0xffff) | (d->low >> 32 & 0xf0000));

	return d->access & SEGMENT_G ? limit << 12 | 0xfff : limit;
}

struct virtual_segment segment_from(uint16_t selector, const struct descriptor *d)
{
	return (struct virtual_segment){
		.selector = selector,
		.access = d->access,
		.limit = descriptor_limit(d),
		.base = descriptor_base(d),
	};
}

struct virtual_segment segment_flat_code(uint16_t selector, unsigned dpl, bool is_64bit)
{
	return (struct virtual_segment){
		.selector = selector,
		.access = (uint16_t)(SEGMENT_G | (is_64bit ? SEGMENT_L : SEGMENT_DB) | 0xf00 |
				     SEGMENT_P | dpl << SEGMENT_DPL_SHIFT | SEGMENT_S |
				     SEGMENT_CODE | SEGMENT_RW | SEGMENT_ACCESSED),
		.limit = UINT32_MAX,
	};
}

struct virtual_segment segment_flat_data(uint16_t selector, unsigned dpl)
{
	return (struct virtual_segment){
		.selector = selector,
		.access = (uint16_t)(SEGMENT_G | SEGMENT_DB | 0xf00 | SEGMENT_P |
				     dpl << SEGMENT_DPL_SHIFT | SEGMENT_S | SEGMENT_RW |
				     SEGMENT_ACCESSED),
		.limit = UINT32_MAX,
	};
}

struct virtual_segment segment_null(uint16_t selector, unsigned dpl)
{
	return (struct virtual_segment){
		.selector = selector,
		.access = (uint16_t)(dpl << SEGMENT_DPL_SHIFT),
	};
}

static bool refuse(struct emulate *e, enum vector vector, uint16_t selector)
{
	raise_error(e, vector, selector_error(selector));
	return false;
}

bool segment_load_stack(struct emulate *e, uint16_t selector, unsigned cpl, bool may_be_null)
{
	struct descriptor d;

	if (selector_is_null(selector)) {
		if (!may_be_null || (selector & SELECTOR_RPL) != cpl)
			return refuse(e, VECTOR_GP, 0);
		e->cpu->segment[VIRTUAL_SS] = segment_null(selector, cpl);
		e->effects |= EFFECT_SEGMENTS;
		return true;
	}
	if (!descriptor_read(e, selector, VECTOR_GP, 0, &d))
		return false;
	if ((selector & SELECTOR_RPL) != cpl || !segment_is_writable(d.access) ||
	    segment_dpl(d.access) != cpl)
		return refuse(e, VECTOR_GP, selector);
	if (!(d.access & SEGMENT_P))
		return refuse(e, VECTOR_SS, selector);
	if (!descriptor_mark(e, &d, SEGMENT_ACCESSED))
		return false;
	e->cpu->segment[VIRTUAL_SS] = segment_from(selector, &d);
	e->effects |= EFFECT_SEGMENTS;
	return true;
}

bool segment_load_data(struct emulate *e, enum virtual_segment_name name, uint16_t selector)
{
	struct descriptor d;
	unsigned dpl;

	if (selector_is_null(selector)) {
		e->cpu->segment[name] = segment_null(selector, 0);
		e->effects |= EFFECT_SEGMENTS;
		return true;
	}
	if (!descriptor_read(e, selector, VECTOR_GP, 0, &d))
		return false;
	dpl = segment_dpl(d.access);
	if (!segment_is_readable(d.access))
		return refuse(e, VECTOR_GP, selector);
	if (!segment_is_conforming(d.access) &&
	    ((selector & SELECTOR_RPL) > dpl || e->cpu->cpl > dpl))
		return refuse(e, VECTOR_GP, selector);
	if (!(d.access & SEGMENT_P))
		return refuse(e, VECTOR_NP, selector);
	if (!descriptor_mark(e, &d, SEGMENT_ACCESSED))
		return false;
	e->cpu->segment[name] = segment_from(selector, &d);
	e->effects |= EFFECT_SEGMENTS;
	return true;
}

static bool load(struct emulate *e, enum virtual_segment_name name, uint16_t selector)
{
	if (name == VIRTUAL_SS)
		return segment_load_stack(e, selector, e->cpu->cpl,
					  virtual_is_64bit(e->cpu) && e->cpu->cpl < 3);
	return segment_load_data(e, name, selector);
}

/* ES to GS; the operand is known to be one of them. */
static enum virtual_segment_name segment_name(ZydisRegister reg)
{
	return (enum virtual_segment_name)(reg - ZYDIS_REGISTER_ES);
}

enum emulate_end emulate_mov_segment(struct instruction *in)
{
	ZydisRegister to = in->operand[0].reg.value;
	uint64_t selector;

	if (in->operand[0].type == ZYDIS_OPERAND_TYPE_REGISTER && to >= ZYDIS_REGISTER_ES &&
	    to <= ZYDIS_REGISTER_GS) {
		if (to == ZYDIS_REGISTER_CS)
			return raise_ud(in->e);
		/* Sixteen bits, whatever the register's width. */
		if (!operand_load(in, 1, &selector) ||
		    !load(in->e, segment_name(to), (uint16_t)selector))
			return EMULATE_EXCEPTION;
		return EMULATE_DONE;
	}
	selector = in->cpu->segment[segment_name(in->operand[1].reg.value)].selector;
	return operand_store(in, 0, selector) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

/* LFS, LGS, LSS: the offset first, the selector behind it. */
enum emulate_end emulate_load_far_pointer(struct instruction *in)
{
	static const struct {
		ZydisMnemonic mnemonic;
		enum virtual_segment_name name;
	} names[] = {
		{ZYDIS_MNEMONIC_LFS, VIRTUAL_FS},
		{ZYDIS_MNEMONIC_LGS, VIRTUAL_GS},
		{ZYDIS_MNEMONIC_LSS, VIRTUAL_SS},
	};
	unsigned bytes = operand_bytes(in, 0);
	enum virtual_segment_name name = VIRTUAL_SS;
	uint8_t pointer[10] = {0};
	uint64_t offset = 0;
	uint16_t selector = 0;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].mnemonic == in->zydis.mnemonic)
			name = names[i].name;
	if (bytes > 8)
		return raise_ud(in->e);
	if (!operand_read(in, 1, pointer, bytes + 2))
		return EMULATE_EXCEPTION;
	for (unsigned i = 0; i < bytes; i++)
		offset |= (uint64_t)pointer[i] << 8 * i;
	selector = (uint16_t)(pointer[bytes] | pointer[bytes + 1] << 8);
	if (!load(in->e, name, selector))
		return EMULATE_EXCEPTION;
	register_set(in, in->operand[0].reg.value, offset);
	return EMULATE_DONE;
}

/* POP, of segment registers and of anything else. */
enum emulate_end emulate_pop(struct instruction *in)
{
	const ZydisDecodedOperand *op = &in->operand[0];
	unsigned bytes = in->zydis.operand_width / 8;
	uint64_t value = 0;

	if (bytes > 8)
		return raise_ud(in->e);
	if (!virtual_is_64bit(in->cpu))
		return EMULATE_UNKNOWN;
	if (!memory_read(in->e, in->regs->rsp, &value, bytes,
			 access_at_cpl(in->cpu) | ACCESS_STACK))
		return EMULATE_EXCEPTION;
	/* An address that uses RSP means the one after the POP; so does a POP into RSP. */
	in->regs->rsp += bytes;
	if (op->type == ZYDIS_OPERAND_TYPE_REGISTER && op->reg.value >= ZYDIS_REGISTER_ES &&
	    op->reg.value <= ZYDIS_REGISTER_GS)
		return load(in->e, segment_name(op->reg.value), (uint16_t)value)
			       ? EMULATE_DONE
			       : EMULATE_EXCEPTION;
	return operand_store(in, 0, value) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

enum emulate_end emulate_swapgs(struct instruction *in)
{
	struct virtual_cpu *cpu = in->cpu;
	uint64_t base = cpu->segment[VIRTUAL_GS].base;

	if (!virtual_is_64bit(cpu))
		return raise_ud(in->e);
	if (cpu->cpl)
		return raise_gp(in->e);
	cpu->segment[VIRTUAL_GS].base = cpu->kernel_gs_base;
	cpu->kernel_gs_base = base;
	in->e->effects |= EFFECT_SEGMENTS;
	return EMULATE_DONE;
}

/* RDFSBASE and its three relatives; NULL: #UD. */
static uint64_t *base_of(struct instruction *in)
{
	bool is_fs = in->zydis.mnemonic == ZYDIS_MNEMONIC_RDFSBASE ||
		     in->zydis.mnemonic == ZYDIS_MNEMONIC_WRFSBASE;

	if (!virtual_is_64bit(in->cpu) || !(in->cpu->cr4 & CR4_FSGSBASE))
		return NULL;
	return &in->cpu->segment[is_fs ? VIRTUAL_FS : VIRTUAL_GS].base;
}

enum emulate_end emulate_read_base(struct instruction *in)
{
	const uint64_t *base = base_of(in);

	if (!base)
		return raise_ud(in->e);
	return operand_store(in, 0, *base) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

enum emulate_end emulate_write_base(struct instruction *in)
{
	uint64_t *base = base_of(in), value;

	if (!base)
		return raise_ud(in->e);
	if (!operand_load(in, 0, &value))
		return EMULATE_EXCEPTION;
	if (!virtual_is_canonical(in->cpu, value))
		return raise_gp(in->e);
	*base = value;
	in->e->effects |= EFFECT_SEGMENTS;
	return EMULATE_DONE;
}
