/* SPDX-License-Identifier: MIT */
/* Moves: what stores a value without having looked at the one it replaces. */
#include "vcpu/emulate/private.h"

/* Stores to operand 0 what was made without looking at it. */
static enum emulate_end put(struct instruction *in, uint64_t value)
{
	if (!operand_store(in, 0, value))
		return EMULATE_EXCEPTION;
	if (in->operand[0].type == ZYDIS_OPERAND_TYPE_MEMORY)
		in->e->effects |= EFFECT_MEMORY;
	return EMULATE_DONE;
}

/* MOV in all its meanings, MOVNTI and MOVDIRI. */
enum emulate_end emulate_mov(struct instruction *in)
{
	uint64_t value;

	for (unsigned i = 0; i < 2; i++) {
		if (in->operand[i].type != ZYDIS_OPERAND_TYPE_REGISTER)
			continue;
		switch (ZydisRegisterGetClass(in->operand[i].reg.value)) {
		case ZYDIS_REGCLASS_CONTROL: return emulate_mov_control(in);
		case ZYDIS_REGCLASS_DEBUG: return emulate_mov_debug(in);
		case ZYDIS_REGCLASS_SEGMENT: return emulate_mov_segment(in);
		case ZYDIS_REGCLASS_TEST: return raise_ud(in->e);
		default: break;
		}
	}
	return operand_load(in, 1, &value) ? put(in, value) : EMULATE_EXCEPTION;
}

enum emulate_end emulate_movbe(struct instruction *in)
{
	uint64_t value;

	if (!operand_load(in, 1, &value))
		return EMULATE_EXCEPTION;
	return put(in, __builtin_bswap64(value) >> (64 - 8 * operand_bytes(in, 0)));
}

/* MOVZX, MOVSX, MOVSXD. */
enum emulate_end emulate_move_extended(struct instruction *in)
{
	unsigned unused = 64 - 8 * operand_bytes(in, 1);
	uint64_t value;

	if (!operand_load(in, 1, &value))
		return EMULATE_EXCEPTION;
	if (in->zydis.mnemonic != ZYDIS_MNEMONIC_MOVZX)
		value = (uint64_t)((int64_t)(value << unused) >> unused);
	register_set(in, in->operand[0].reg.value, value);
	return EMULATE_DONE;
}

/* The lower half of the opcode is the condition, its lowest bit turns it over. SDM vol. 1, app. B. */
enum emulate_end emulate_setcc(struct instruction *in)
{
	const uint64_t flags = in->regs->rflags;
	const bool less = !(flags & RFLAGS_SF) != !(flags & RFLAGS_OF);
	const bool conditions[] = {
		flags & RFLAGS_OF,
		flags & RFLAGS_CF,
		flags & RFLAGS_ZF,
		flags & (RFLAGS_CF | RFLAGS_ZF),
		flags & RFLAGS_SF,
		flags & RFLAGS_PF,
		less,
		less || flags & RFLAGS_ZF,
	};

	return put(in, conditions[in->zydis.opcode >> 1 & 7] != (in->zydis.opcode & 1));
}
