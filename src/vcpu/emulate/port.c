/* SPDX-License-Identifier: MIT */
/* Port I/O: who may, and IN, OUT, INS, OUTS. SDM vol. 1, 18.5; AMD APM vol. 2, 12.2.4. */
#include "vcpu/emulate/private.h"

/* Where a 64-bit TSS holds the offset of its I/O bitmap. */
#define TSS_IO_MAP 102U

bool port_is_allowed(struct emulate *e, uint16_t port, unsigned size)
{
	const struct virtual_segment *tr = &e->cpu->segment[VIRTUAL_TR];
	uint16_t map, bits;
	uint32_t offset;

	if (e->cpu->cpl <= e->cpu->iopl)
		return true;
	if (selector_is_null(tr->selector) || TSS_IO_MAP + 1 > tr->limit) {
		raise_gp(e);
		return false;
	}
	if (!memory_read(e, tr->base + TSS_IO_MAP, &map, sizeof(map), EMULATE_IMPLICIT))
		return false;
	/* Two bytes are read, for an access may straddle; both must lie in the segment. */
	offset = (uint32_t)map + port / 8;
	if (offset + 1 > tr->limit) {
		raise_gp(e);
		return false;
	}
	if (!memory_read(e, tr->base + offset, &bits, sizeof(bits), EMULATE_IMPLICIT))
		return false;
	if ((unsigned)bits >> port % 8 & ((1U << size) - 1)) {
		raise_gp(e);
		return false;
	}
	return true;
}

/* One access; the run may end with it. */
static enum emulate_end access_port(struct instruction *in, uint16_t port, unsigned size,
				    bool is_in, uint32_t *value)
{
	in->e->effects |= EFFECT_PORT;
	return in->e->ops->port(in->e->arg, port, size, is_in, value) ? EMULATE_DONE : EMULATE_STOP;
}

/* The port of IN and OUT: an immediate byte or DX. */
static uint16_t port_operand(struct instruction *in, unsigned index)
{
	const ZydisDecodedOperand *op = &in->operand[index];

	return op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? (uint8_t)op->imm.value.u
							: (uint16_t)in->regs->rdx;
}

enum emulate_end emulate_in(struct instruction *in)
{
	unsigned size = operand_bytes(in, 0);
	uint16_t port = port_operand(in, 1);
	uint32_t value = UINT32_MAX;
	enum emulate_end end;

	if (!port_is_allowed(in->e, port, size))
		return EMULATE_EXCEPTION;
	end = access_port(in, port, size, true, &value);
	register_set(in, in->operand[0].reg.value, value);
	return end;
}

enum emulate_end emulate_out(struct instruction *in)
{
	unsigned size = operand_bytes(in, 1);
	uint16_t port = port_operand(in, 0);
	uint32_t value = (uint32_t)register_get(in, in->operand[1].reg.value);

	if (!port_is_allowed(in->e, port, size))
		return EMULATE_EXCEPTION;
	return access_port(in, port, size, false, &value);
}

/* The width of a string instruction's element; INSQ does not exist and means INSD. */
static unsigned element_bytes(const struct instruction *in)
{
	switch (in->zydis.mnemonic) {
	case ZYDIS_MNEMONIC_INSB:
	case ZYDIS_MNEMONIC_OUTSB: return 1;
	case ZYDIS_MNEMONIC_INSW:
	case ZYDIS_MNEMONIC_OUTSW: return 2;
	default: return 4;
	}
}

enum emulate_end emulate_ins(struct instruction *in)
{
	unsigned bytes = element_bytes(in), access;
	uint16_t port = (uint16_t)in->regs->rdx;
	enum emulate_end end = EMULATE_DONE;

	if (!port_is_allowed(in->e, port, bytes))
		return EMULATE_EXCEPTION;
	for (unsigned n = 0; end == EMULATE_DONE && string_goes_on(in, n); n++) {
		gva_t to = string_address(in, true, &access);
		uint32_t value;

		/* The memory first: what a port has given cannot be given back. */
		if (!memory_read(in->e, to, &value, bytes, access | EMULATE_MODIFY))
			return EMULATE_EXCEPTION;
		value = UINT32_MAX;
		end = access_port(in, port, bytes, true, &value);
		if (!memory_write(in->e, to, &value, bytes, access))
			return EMULATE_EXCEPTION;
		string_advance(in, bytes, false, true);
	}
	return string_end(in, end);
}

enum emulate_end emulate_outs(struct instruction *in)
{
	unsigned bytes = element_bytes(in), access;
	uint16_t port = (uint16_t)in->regs->rdx;
	enum emulate_end end = EMULATE_DONE;

	if (!port_is_allowed(in->e, port, bytes))
		return EMULATE_EXCEPTION;
	for (unsigned n = 0; end == EMULATE_DONE && string_goes_on(in, n); n++) {
		gva_t from = string_address(in, false, &access);
		uint32_t value = 0;

		if (!memory_read(in->e, from, &value, bytes, access))
			return EMULATE_EXCEPTION;
		end = access_port(in, port, bytes, false, &value);
		string_advance(in, bytes, true, false);
	}
	return string_end(in, end);
}
