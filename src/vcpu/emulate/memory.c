/* SPDX-License-Identifier: MIT */
/*
 * General instructions that read or write memory: what a guest uses on its page tables and on what
 * is no RAM. With LOCK, and for XCHG always, the change is one ops->exchange, tried again when the
 * memory changed meanwhile; where there is no such op, it is a read and a write.
 */
#include "vcpu/emulate/alu.h"
#include "vcpu/emulate/private.h"

#include <string.h>

/* Loads, changes and stores operand 0, or memory at `gva` in its place (a bit string's word). */
struct target {
	gva_t gva;
	unsigned access, bytes;
	bool is_memory;
};

static bool find_target(struct instruction *in, struct target *t)
{
	*t = (struct target){.bytes = operand_bytes(in, 0)};
	t->is_memory = in->operand[0].type == ZYDIS_OPERAND_TYPE_MEMORY;
	if (t->bytes > 8 || (!t->is_memory && in->operand[0].type != ZYDIS_OPERAND_TYPE_REGISTER))
		return false;
	if (t->is_memory)
		t->gva = operand_address(in, 0, &t->access);
	return true;
}

static bool is_locked(const struct instruction *in)
{
	return in->zydis.attributes & ZYDIS_ATTRIB_HAS_LOCK ||
	       in->zydis.mnemonic == ZYDIS_MNEMONIC_XCHG;
}

static void set_flags(struct instruction *in, const struct alu *r)
{
	in->regs->rflags = (in->regs->rflags & ~r->changed) | (r->flags & r->changed);
}

typedef struct alu alu_fn(struct instruction *in, uint64_t old, uint64_t source, unsigned bytes);

/*
 * Puts `fn` of the target's value and `source` in its place and sets the flags. *old is what was
 * there.
 */
static enum emulate_end modify(struct instruction *in, const struct target *t, alu_fn *fn,
			       uint64_t source, uint64_t *old)
{
	bool stored = false;
	struct alu r;

	*old = 0;
	if (!t->is_memory) {
		*old = register_get(in, in->operand[0].reg.value);
		r = fn(in, *old, source, t->bytes);
		register_set(in, in->operand[0].reg.value, r.result);
	}
	while (t->is_memory && !stored) {
		if (!memory_read(in->e, t->gva, old, t->bytes, t->access | EMULATE_MODIFY))
			return EMULATE_EXCEPTION;
		r = fn(in, *old, source, t->bytes);
		stored = !is_locked(in) || !in->e->ops->exchange;
		if (stored ? !memory_write(in->e, t->gva, &r.result, t->bytes, t->access)
			   : !memory_exchange(in->e, t->gva, old, &r.result, t->bytes, t->access,
					      &stored))
			return EMULATE_EXCEPTION;
		in->e->effects |= EFFECT_MEMORY;
	}
	set_flags(in, &r);
	return EMULATE_DONE;
}

static struct alu arithmetic(struct instruction *in, uint64_t old, uint64_t source, unsigned bytes)
{
	unsigned carry = in->regs->rflags & RFLAGS_CF ? 1 : 0;

	switch (in->zydis.mnemonic) {
	case ZYDIS_MNEMONIC_ADD: return alu_add(old, source, 0, bytes);
	case ZYDIS_MNEMONIC_ADC: return alu_add(old, source, carry, bytes);
	case ZYDIS_MNEMONIC_SBB: return alu_sub(old, source, carry, bytes);
	case ZYDIS_MNEMONIC_OR: return alu_logic(old | source, bytes);
	case ZYDIS_MNEMONIC_XOR: return alu_logic(old ^ source, bytes);
	case ZYDIS_MNEMONIC_AND:
	case ZYDIS_MNEMONIC_TEST: return alu_logic(old & source, bytes);
	default: return alu_sub(old, source, 0, bytes); /* SUB, CMP */
	}
}

enum emulate_end emulate_arithmetic(struct instruction *in)
{
	struct target t;
	uint64_t source, old;
	struct alu r;

	if (!find_target(in, &t))
		return EMULATE_UNKNOWN;
	if (!operand_load(in, 1, &source))
		return EMULATE_EXCEPTION;
	if (in->zydis.mnemonic != ZYDIS_MNEMONIC_CMP && in->zydis.mnemonic != ZYDIS_MNEMONIC_TEST)
		return modify(in, &t, arithmetic, source, &old);
	if (!operand_load(in, 0, &old))
		return EMULATE_EXCEPTION;
	r = arithmetic(in, old, source, t.bytes);
	set_flags(in, &r);
	return EMULATE_DONE;
}

static struct alu unary(struct instruction *in, uint64_t old, uint64_t source, unsigned bytes)
{
	struct alu r;

	(void)source;
	switch (in->zydis.mnemonic) {
	case ZYDIS_MNEMONIC_INC: r = alu_add(old, 1, 0, bytes); break;
	case ZYDIS_MNEMONIC_DEC: r = alu_sub(old, 1, 0, bytes); break;
	case ZYDIS_MNEMONIC_NEG: return alu_sub(0, old, 0, bytes);
	default: return (struct alu){.result = ~old}; /* NOT */
	}
	r.changed &= ~RFLAGS_CF;
	return r;
}

enum emulate_end emulate_unary(struct instruction *in)
{
	struct target t;
	uint64_t old;

	return find_target(in, &t) ? modify(in, &t, unary, 0, &old) : EMULATE_UNKNOWN;
}

static struct alu shift(struct instruction *in, uint64_t old, uint64_t source, unsigned bytes)
{
	unsigned count = (unsigned)source & (bytes == 8 ? 63 : 31);
	unsigned carry = in->regs->rflags & RFLAGS_CF ? 1 : 0;

	switch (in->zydis.mnemonic) {
	case ZYDIS_MNEMONIC_ROL: return alu_rol(old, count, bytes);
	case ZYDIS_MNEMONIC_ROR: return alu_ror(old, count, bytes);
	case ZYDIS_MNEMONIC_RCL: return alu_rcl(old, count, carry, bytes);
	case ZYDIS_MNEMONIC_RCR: return alu_rcr(old, count, carry, bytes);
	case ZYDIS_MNEMONIC_SHL: return alu_shl(old, count, bytes);
	case ZYDIS_MNEMONIC_SHR: return alu_shr(old, count, bytes);
	default: return alu_sar(old, count, bytes);
	}
}

enum emulate_end emulate_shift(struct instruction *in)
{
	struct target t;
	uint64_t source, old;

	if (!find_target(in, &t))
		return EMULATE_UNKNOWN;
	if (!operand_load(in, 1, &source))
		return EMULATE_EXCEPTION;
	return modify(in, &t, shift, source, &old);
}

/* SHLD and SHRD: the bits that come in are the source's, and the count is operand 2. */
static struct alu shift_double(struct instruction *in, uint64_t old, uint64_t source,
			       unsigned bytes)
{
	uint64_t count;

	operand_load(in, 2, &count); /* CL or immediate: cannot fail */
	count &= bytes == 8 ? 63 : 31;
	return in->zydis.mnemonic == ZYDIS_MNEMONIC_SHLD
		       ? alu_shld(old, source, (unsigned)count, bytes)
		       : alu_shrd(old, source, (unsigned)count, bytes);
}

enum emulate_end emulate_shift_double(struct instruction *in)
{
	struct target t;
	uint64_t source, old;

	if (!find_target(in, &t) || !operand_load(in, 1, &source))
		return EMULATE_UNKNOWN;
	return modify(in, &t, shift_double, source, &old);
}

static struct alu bit(struct instruction *in, uint64_t old, uint64_t source, unsigned bytes)
{
	uint64_t mask = UINT64_C(1) << (source & (bytes * 8 - 1));
	struct alu r = {.result = old, .changed = RFLAGS_CF};

	r.flags = old & mask ? RFLAGS_CF : 0;
	switch (in->zydis.mnemonic) {
	case ZYDIS_MNEMONIC_BTS: r.result |= mask; break;
	case ZYDIS_MNEMONIC_BTR: r.result &= ~mask; break;
	case ZYDIS_MNEMONIC_BTC: r.result ^= mask; break;
	default: break;
	}
	return r;
}

/* A bit number in a register reaches beyond the word in memory, to both sides. */
enum emulate_end emulate_bit(struct instruction *in)
{
	struct target t;
	uint64_t source, old;
	struct alu r;

	if (!find_target(in, &t))
		return EMULATE_UNKNOWN;
	if (!operand_load(in, 1, &source))
		return EMULATE_EXCEPTION;
	if (t.is_memory && in->operand[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {
		unsigned unused = 64 - t.bytes * 8, shift_word = t.bytes == 8	? 6
								 : t.bytes == 4 ? 5
										: 4;
		int64_t number = (int64_t)(source << unused) >> unused;

		t.gva += (uint64_t)(number >> shift_word) * t.bytes;
	}
	if (in->zydis.mnemonic != ZYDIS_MNEMONIC_BT)
		return modify(in, &t, bit, source, &old);
	old = 0;
	if (!t.is_memory)
		old = register_get(in, in->operand[0].reg.value);
	else if (!memory_read(in->e, t.gva, &old, t.bytes, t.access))
		return EMULATE_EXCEPTION;
	r = bit(in, old, source, t.bytes);
	set_flags(in, &r);
	return EMULATE_DONE;
}

static struct alu take_source(struct instruction *in, uint64_t old, uint64_t source, unsigned bytes)
{
	(void)in;
	(void)old;
	(void)bytes;
	return (struct alu){.result = source};
}

static struct alu add(struct instruction *in, uint64_t old, uint64_t source, unsigned bytes)
{
	(void)in;
	return alu_add(old, source, 0, bytes);
}

/* XCHG and XADD: operand 1 gets what operand 0 was. Zydis gives the memory operand first. */
static enum emulate_end exchange_with_register(struct instruction *in, alu_fn *fn)
{
	struct target t;
	uint64_t source, old;
	enum emulate_end end;

	if (!find_target(in, &t) || in->operand[1].type != ZYDIS_OPERAND_TYPE_REGISTER)
		return EMULATE_UNKNOWN;
	source = register_get(in, in->operand[1].reg.value);
	if (!t.is_memory) /* XADD of a register with itself: the sum stays */
		register_set(in, in->operand[1].reg.value,
			     register_get(in, in->operand[0].reg.value));
	if (!t.is_memory && in->operand[0].reg.value == in->operand[1].reg.value)
		return modify(in, &t, fn, source, &old);
	end = modify(in, &t, fn, source, &old);
	if (end == EMULATE_DONE && t.is_memory)
		register_set(in, in->operand[1].reg.value, old);
	return end;
}

enum emulate_end emulate_xchg(struct instruction *in)
{
	return exchange_with_register(in, take_source);
}

enum emulate_end emulate_xadd(struct instruction *in)
{
	return exchange_with_register(in, add);
}

/* The source if the accumulator matches, else the old value again; flags as of CMP. */
static struct alu compare_exchange(struct instruction *in, uint64_t old, uint64_t source,
				   unsigned bytes)
{
	struct alu r = alu_sub(in->regs->rax & mask_bytes(bytes), old, 0, bytes);

	r.result = r.flags & RFLAGS_ZF ? source : old;
	return r;
}

enum emulate_end emulate_cmpxchg(struct instruction *in)
{
	static const ZydisRegister accumulators[] = {
		[1] = ZYDIS_REGISTER_AL,
		[2] = ZYDIS_REGISTER_AX,
		[4] = ZYDIS_REGISTER_EAX,
		[8] = ZYDIS_REGISTER_RAX,
	};
	struct target t;
	uint64_t source, old;
	enum emulate_end end;

	if (!find_target(in, &t))
		return EMULATE_UNKNOWN;
	if (!operand_load(in, 1, &source))
		return EMULATE_EXCEPTION;
	end = modify(in, &t, compare_exchange, source, &old);
	if (end == EMULATE_DONE && !(in->regs->rflags & RFLAGS_ZF))
		register_set(in, accumulators[t.bytes], old);
	return end;
}

/* CMPXCHG8B and CMPXCHG16B: RDX:RAX against memory, RCX:RBX into it. */
enum emulate_end emulate_cmpxchg_pair(struct instruction *in)
{
	unsigned half = in->zydis.mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B ? 8 : 4;
	unsigned len = 2 * half, access;
	gva_t gva = operand_address(in, 0, &access);
	uint8_t expected[16], to[16], now[16];
	bool stored = false;

	memcpy(expected, &in->regs->rax, half);
	memcpy(expected + half, &in->regs->rdx, half);
	memcpy(to, &in->regs->rbx, half);
	memcpy(to + half, &in->regs->rcx, half);
	if (half == 8 && gva & 15)
		return raise_gp(in->e);
	while (!stored) {
		if (!memory_read(in->e, gva, now, len, access | EMULATE_MODIFY))
			return EMULATE_EXCEPTION;
		if (memcmp(now, expected, len) != 0) {
			in->regs->rflags &= ~RFLAGS_ZF;
			in->regs->rax = in->regs->rdx = 0;
			memcpy(&in->regs->rax, now, half);
			memcpy(&in->regs->rdx, now + half, half);
			return EMULATE_DONE;
		}
		if (!memory_exchange(in->e, gva, expected, to, len, access, &stored))
			return EMULATE_EXCEPTION;
	}
	in->regs->rflags |= RFLAGS_ZF;
	in->e->effects |= EFFECT_MEMORY;
	return EMULATE_DONE;
}
