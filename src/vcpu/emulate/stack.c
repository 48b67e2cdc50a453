/* SPDX-License-Identifier: MIT */
/* What stores to the stack: PUSH, PUSHF, the near CALL, ENTER. SDM vol. 1, ch. 6. */
#include "vcpu/emulate/private.h"

static bool push(struct instruction *in, const void *value, unsigned bytes)
{
	in->regs->rsp -= bytes;
	if (!memory_write(in->e, in->regs->rsp, value, bytes,
			  access_at_cpl(in->cpu) | ACCESS_STACK))
		return false;
	in->e->effects |= EFFECT_MEMORY;
	return true;
}

enum emulate_end emulate_push(struct instruction *in)
{
	const ZydisDecodedOperand *op = &in->operand[0];
	unsigned bytes = in->zydis.operand_width / 8;
	uint64_t value;

	if (!virtual_is_64bit(in->cpu) || bytes > 8)
		return EMULATE_UNKNOWN;
	if (op->type == ZYDIS_OPERAND_TYPE_REGISTER && op->reg.value >= ZYDIS_REGISTER_ES &&
	    op->reg.value <= ZYDIS_REGISTER_GS)
		value = in->cpu->segment[op->reg.value - ZYDIS_REGISTER_ES].selector;
	else if (!operand_load(in, 0, &value))
		return EMULATE_EXCEPTION;
	return push(in, &value, bytes) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

enum emulate_end emulate_pushf(struct instruction *in)
{
	unsigned bytes = in->zydis.operand_width / 8;
	uint64_t flags = virtual_rflags(in->cpu, in->regs->rflags) & ~(RFLAGS_RF | RFLAGS_VM);

	if (!virtual_is_64bit(in->cpu) || bytes > 8)
		return EMULATE_UNKNOWN;
	return push(in, &flags, bytes) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

enum emulate_end emulate_near_call(struct instruction *in)
{
	const ZydisDecodedOperand *op = &in->operand[0];
	uint64_t target, return_to = in->next;

	if (!virtual_is_64bit(in->cpu) || in->zydis.operand_width != 64)
		return EMULATE_UNKNOWN;
	if (!operand_load(in, 0, &target))
		return EMULATE_EXCEPTION;
	if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		target += return_to;
	if (!virtual_is_canonical(in->cpu, target))
		return raise_gp(in->e);
	in->next = target;
	return push(in, &return_to, sizeof(return_to)) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

/* Pushes RBP, and the pointers of the frames around it, if it is for a nested procedure. */
enum emulate_end emulate_enter(struct instruction *in)
{
	const unsigned bytes = sizeof(uint64_t);
	unsigned level = in->operand[1].imm.value.u & 31;
	uint64_t frame, outer, rbp = in->regs->rbp;

	if (!virtual_is_64bit(in->cpu) || in->zydis.operand_width != 64)
		return EMULATE_UNKNOWN;
	if (!push(in, &rbp, bytes))
		return EMULATE_EXCEPTION;
	frame = in->regs->rsp;
	for (unsigned i = 1; i < level; i++) {
		rbp -= bytes;
		if (!memory_read(in->e, rbp, &outer, bytes,
				 access_at_cpl(in->cpu) | ACCESS_STACK) ||
		    !push(in, &outer, bytes))
			return EMULATE_EXCEPTION;
	}
	if (level && !push(in, &frame, bytes))
		return EMULATE_EXCEPTION;
	in->regs->rbp = frame;
	in->regs->rsp -= (uint16_t)in->operand[0].imm.value.u;
	return EMULATE_DONE;
}
