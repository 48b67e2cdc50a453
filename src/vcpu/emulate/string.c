/* SPDX-License-Identifier: MIT */
/*
 * String instructions: the count and the pointers they share, and those that only move memory.
 * Each element is committed by itself, so a fault in the middle leaves RIP at the instruction with
 * RCX, RSI and RDI telling what is left. A long one gives RIP back to the guest now and then.
 */
#include "vcpu/emulate/private.h"

static uint64_t address_mask(const struct instruction *in)
{
	return mask_bytes(in->zydis.address_width / 8);
}

static bool is_repeated(const struct instruction *in)
{
	return in->zydis.attributes &
	       (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE);
}

/* Changes the part of a register that the address size covers; 32 bits clear the upper half. */
static uint64_t advance(const struct instruction *in, uint64_t reg, uint64_t by)
{
	uint64_t mask = address_mask(in), keep = in->zydis.address_width == 16 ? ~mask : 0;

	return (reg & keep) | ((reg + by) & mask);
}

static uint64_t elements_left(const struct instruction *in)
{
	return in->regs->rcx & address_mask(in);
}

bool string_goes_on(struct instruction *in, unsigned done)
{
	if (!is_repeated(in))
		return !done;
	return done < STRING_BATCH && elements_left(in);
}

void string_advance(struct instruction *in, unsigned bytes, bool source, bool destination)
{
	uint64_t step = in->regs->rflags & RFLAGS_DF ? -(uint64_t)bytes : bytes;

	if (source)
		in->regs->rsi = advance(in, in->regs->rsi, step);
	if (destination)
		in->regs->rdi = advance(in, in->regs->rdi, step);
	if (is_repeated(in))
		in->regs->rcx = advance(in, in->regs->rcx, ~UINT64_C(0));
	in->saved_regs.rsi = in->regs->rsi;
	in->saved_regs.rdi = in->regs->rdi;
	in->saved_regs.rcx = in->regs->rcx;
}

gva_t string_address(struct instruction *in, bool destination, unsigned *access)
{
	for (unsigned i = 0; i < in->zydis.operand_count; i++) {
		const ZydisDecodedOperand *op = &in->operand[i];

		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (op->mem.base == ZYDIS_REGISTER_RDI || op->mem.base == ZYDIS_REGISTER_EDI ||
		     op->mem.base == ZYDIS_REGISTER_DI) == destination)
			return operand_address(in, i, access);
	}
	*access = access_at_cpl(in->cpu);
	return 0;
}

enum emulate_end string_end(struct instruction *in, enum emulate_end end)
{
	if (is_repeated(in) && elements_left(in))
		in->next = in->regs->rip;
	return end;
}

/* The width of an element: the first operand's. */
static unsigned element_bytes(const struct instruction *in)
{
	return operand_bytes(in, 0);
}

static bool is_string(const struct instruction *in)
{
	return in->zydis.meta.category == ZYDIS_CATEGORY_STRINGOP && element_bytes(in) <= 8;
}

enum emulate_end emulate_movs(struct instruction *in)
{
	unsigned bytes = element_bytes(in), from_access, to_access;

	/* SSE2 has a MOVSD, too. */
	if (!is_string(in))
		return EMULATE_UNPRIVILEGED;
	for (unsigned n = 0; string_goes_on(in, n); n++) {
		gva_t from = string_address(in, false, &from_access);
		gva_t to = string_address(in, true, &to_access);
		uint64_t value;

		if (!memory_read(in->e, from, &value, bytes, from_access) ||
		    !memory_write(in->e, to, &value, bytes, to_access))
			return EMULATE_EXCEPTION;
		in->e->effects |= EFFECT_MEMORY;
		string_advance(in, bytes, true, true);
	}
	return string_end(in, EMULATE_DONE);
}

enum emulate_end emulate_stos(struct instruction *in)
{
	unsigned bytes = element_bytes(in), access;

	for (unsigned n = 0; string_goes_on(in, n); n++) {
		gva_t to = string_address(in, true, &access);

		if (!memory_write(in->e, to, &in->regs->rax, bytes, access))
			return EMULATE_EXCEPTION;
		in->e->effects |= EFFECT_MEMORY;
		string_advance(in, bytes, false, true);
	}
	return string_end(in, EMULATE_DONE);
}

enum emulate_end emulate_lods(struct instruction *in)
{
	unsigned bytes = element_bytes(in), access;

	for (unsigned n = 0; string_goes_on(in, n); n++) {
		gva_t from = string_address(in, false, &access);
		uint64_t value = 0;

		if (!memory_read(in->e, from, &value, bytes, access))
			return EMULATE_EXCEPTION;
		register_set(in, in->operand[0].reg.value, value);
		in->saved_regs.rax = in->regs->rax;
		string_advance(in, bytes, true, false);
	}
	return string_end(in, EMULATE_DONE);
}
