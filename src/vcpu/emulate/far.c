/* SPDX-License-Identifier: MIT */
/*
 * Transfers through a code selector: far CALL, JMP, RET and IRET, in 64-bit mode. SDM vol. 3, 5.8;
 * vol. 2, under each. A return may lead to compatibility mode; call gates and task gates are not
 * emulated.
 */
#include "vcpu/emulate/private.h"

static bool refuse(struct emulate *e, enum vector vector, uint16_t selector)
{
	raise_error(e, vector, selector_error(selector));
	return false;
}

/* Checks that hold for whatever way into a code segment, and loads CS; then RIP must fit it. */
static bool enter_code(struct instruction *in, uint16_t selector, struct descriptor *d,
		       uint64_t rip)
{
	if (!(d->access & SEGMENT_P))
		return refuse(in->e, VECTOR_NP, selector);
	if ((d->access & (SEGMENT_L | SEGMENT_DB)) == (SEGMENT_L | SEGMENT_DB))
		return refuse(in->e, VECTOR_GP, selector);
	if (d->access & SEGMENT_L ? !virtual_is_canonical(in->cpu, rip) : rip > descriptor_limit(d))
		return refuse(in->e, VECTOR_GP, 0);
	if (!descriptor_mark(in->e, d, SEGMENT_ACCESSED))
		return false;
	in->cpu->segment[VIRTUAL_CS] = segment_from(selector, d);
	in->next = rip;
	in->e->effects |= EFFECT_SEGMENTS;
	return true;
}

/* The segment a far CALL or JMP leads to; privilege stays as it is. */
static enum emulate_end read_branch_target(struct instruction *in, uint16_t selector,
					   struct descriptor *d)
{
	unsigned cpl = in->cpu->cpl, dpl;
	bool fits;

	if (selector_is_null(selector))
		return raise_gp(in->e);
	if (!descriptor_read(in->e, selector, VECTOR_GP, 0, d))
		return EMULATE_EXCEPTION;
	if (!(d->access & SEGMENT_S) && (d->access & SEGMENT_TYPE) == SYSTEM_CALL)
		return EMULATE_UNKNOWN;
	dpl = segment_dpl(d->access);
	if (segment_is_conforming(d->access))
		fits = dpl <= cpl;
	else
		fits = dpl == cpl && (selector & SELECTOR_RPL) <= cpl;
	if (!segment_is_code(d->access) || !fits)
		return raise_error(in->e, VECTOR_GP, selector_error(selector));
	return EMULATE_DONE;
}

/* The far pointer in memory: offset of `bytes` bytes, then the selector. */
static bool read_far_pointer(struct instruction *in, unsigned bytes, uint64_t *offset,
			     uint16_t *selector)
{
	uint8_t pointer[10] = {0};

	if (!operand_read(in, 0, pointer, bytes + 2))
		return false;
	*offset = 0;
	for (unsigned i = 0; i < bytes; i++)
		*offset |= (uint64_t)pointer[i] << 8 * i;
	*selector = (uint16_t)(pointer[bytes] | pointer[bytes + 1] << 8);
	return true;
}

static enum emulate_end far_branch(struct instruction *in, bool is_call)
{
	const struct virtual_segment old_cs = in->cpu->segment[VIRTUAL_CS];
	unsigned bytes = in->zydis.operand_width / 8;
	uint64_t return_to = in->next, offset, frame[2];
	enum emulate_end end;
	struct descriptor d;
	uint16_t selector;

	if (in->zydis.meta.branch_type != ZYDIS_BRANCH_TYPE_FAR)
		return is_call ? emulate_near_call(in) : EMULATE_UNPRIVILEGED;
	if (!virtual_is_64bit(in->cpu) || in->operand[0].type != ZYDIS_OPERAND_TYPE_MEMORY)
		return EMULATE_UNKNOWN;
	if (!read_far_pointer(in, bytes, &offset, &selector))
		return EMULATE_EXCEPTION;
	end = read_branch_target(in, selector, &d);
	if (end != EMULATE_DONE)
		return end;
	selector = (uint16_t)((selector & ~SELECTOR_RPL) | in->cpu->cpl);
	if (!enter_code(in, selector, &d, offset))
		return EMULATE_EXCEPTION;
	if (!is_call)
		return EMULATE_DONE;

	frame[0] = return_to;
	frame[1] = old_cs.selector;
	if (bytes == 4)
		frame[0] = (uint32_t)return_to | (uint64_t)old_cs.selector << 32;
	if (bytes == 2)
		frame[0] = (uint16_t)return_to | (uint32_t)old_cs.selector << 16;
	in->regs->rsp -= 2ULL * bytes;
	return memory_write(in->e, in->regs->rsp, frame, 2 * bytes,
			    access_at_cpl(in->cpu) | ACCESS_STACK)
		       ? EMULATE_DONE
		       : EMULATE_EXCEPTION;
}

enum emulate_end emulate_far_call(struct instruction *in)
{
	return far_branch(in, true);
}

enum emulate_end emulate_far_jump(struct instruction *in)
{
	return far_branch(in, false);
}

/* Data segments that the outer privilege must not inherit are emptied. SDM vol. 2, RET. */
static void drop_inner_segments(struct virtual_cpu *cpu)
{
	static const uint8_t names[] = {VIRTUAL_ES, VIRTUAL_DS, VIRTUAL_FS, VIRTUAL_GS};

	for (unsigned i = 0; i < sizeof(names); i++) {
		struct virtual_segment *s = &cpu->segment[names[i]];

		if (selector_is_null(s->selector) || segment_is_conforming(s->access) ||
		    segment_dpl(s->access) >= cpu->cpl)
			continue;
		s->selector = 0;
		s->access = 0;
	}
}

/*
 * The common end of RET and IRET: CS, then SS and RSP if `with_stack`. Checks in the manual's
 * order; the privilege becomes the RPL of CS.
 */
static bool return_to(struct instruction *in, uint16_t cs, uint64_t rip, bool with_stack,
		      uint16_t ss, uint64_t rsp)
{
	struct virtual_cpu *cpu = in->cpu;
	unsigned rpl = cs & SELECTOR_RPL, dpl, old_cpl = cpu->cpl;
	struct descriptor d;

	if (selector_is_null(cs))
		return refuse(in->e, VECTOR_GP, 0);
	if (!descriptor_read(in->e, cs, VECTOR_GP, 0, &d))
		return false;
	dpl = segment_dpl(d.access);
	if (!segment_is_code(d.access) || rpl < cpu->cpl ||
	    (segment_is_conforming(d.access) ? dpl > rpl : dpl != rpl))
		return refuse(in->e, VECTOR_GP, cs);
	if (!enter_code(in, cs, &d, rip))
		return false;
	cpu->cpl = (uint8_t)rpl;
	if (!with_stack)
		return true;
	if (!segment_load_stack(in->e, ss, rpl, d.access & SEGMENT_L && rpl < 3))
		return false;
	in->regs->rsp = d.access & SEGMENT_L ? rsp : (uint32_t)rsp;
	if (rpl > old_cpl)
		drop_inner_segments(cpu);
	return true;
}

static uint64_t word(const uint8_t *frame, unsigned index, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)frame[index * bytes + i] << 8 * i;
	return value;
}

enum emulate_end emulate_far_return(struct instruction *in)
{
	unsigned bytes = in->zydis.operand_width / 8;
	unsigned access = access_at_cpl(in->cpu) | ACCESS_STACK;
	uint64_t release = 0, rsp = in->regs->rsp, outer_rsp = 0;
	uint8_t frame[4 * 8];
	bool is_outer;
	uint16_t cs, ss = 0;

	if (in->zydis.meta.branch_type != ZYDIS_BRANCH_TYPE_FAR)
		return EMULATE_UNPRIVILEGED;
	if (!virtual_is_64bit(in->cpu))
		return EMULATE_UNKNOWN;
	if (in->operand[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		release = (uint16_t)in->operand[0].imm.value.u;
	if (!memory_read(in->e, rsp, frame, 2 * bytes, access))
		return EMULATE_EXCEPTION;
	cs = (uint16_t)word(frame, 1, bytes);
	is_outer = (cs & SELECTOR_RPL) > in->cpu->cpl;
	rsp += 2ULL * bytes + release;
	if (is_outer) {
		if (!memory_read(in->e, rsp, frame + 2ULL * bytes, 2 * bytes, access))
			return EMULATE_EXCEPTION;
		outer_rsp = word(frame, 2, bytes) + release;
		ss = (uint16_t)word(frame, 3, bytes);
	}
	if (!return_to(in, cs, word(frame, 0, bytes), is_outer, ss, outer_rsp))
		return EMULATE_EXCEPTION;
	if (is_outer) {
		/* AC is the real flag's business at CPL 3 and this file's nowhere else. */
		uint64_t flags = virtual_rflags(&in->saved_cpu, in->regs->rflags);

		in->regs->rflags = virtual_load_rflags(in->cpu, flags);
	} else {
		in->regs->rsp = rsp;
	}
	return EMULATE_DONE;
}

/* What IRET loads of RFLAGS. VM cannot be set in long mode. */
static uint64_t iret_flags(const struct virtual_cpu *cpu, uint64_t old, uint64_t popped,
			   unsigned bytes)
{
	uint64_t changes = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF |
			   RFLAGS_DF | RFLAGS_OF | RFLAGS_NT;

	if (bytes > 2)
		changes |= RFLAGS_RF | RFLAGS_AC | RFLAGS_ID;
	if (cpu->cpl <= cpu->iopl)
		changes |= RFLAGS_IF;
	if (!cpu->cpl)
		changes |= RFLAGS_IOPL;
	return (old & ~changes) | (popped & changes);
}

enum emulate_end emulate_iret(struct instruction *in)
{
	unsigned bytes = in->zydis.operand_width / 8;
	uint64_t old = virtual_rflags(in->cpu, in->regs->rflags), flags;
	uint8_t frame[5 * 8];

	if (!virtual_is_64bit(in->cpu))
		return EMULATE_UNKNOWN;
	if (old & RFLAGS_NT)
		return raise_gp(in->e);
	if (!memory_read(in->e, in->regs->rsp, frame, 5 * bytes,
			 access_at_cpl(in->cpu) | ACCESS_STACK))
		return EMULATE_EXCEPTION;
	flags = iret_flags(in->cpu, old & ~RFLAGS_RF, word(frame, 2, bytes), bytes);
	if (!return_to(in, (uint16_t)word(frame, 1, bytes), word(frame, 0, bytes), true,
		       (uint16_t)word(frame, 4, bytes), word(frame, 3, bytes)))
		return EMULATE_EXCEPTION;
	in->regs->rflags = virtual_load_rflags(in->cpu, flags);
	in->cpu->nmi_blocked = false;
	return EMULATE_DONE;
}
