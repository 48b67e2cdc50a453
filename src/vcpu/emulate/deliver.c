/* SPDX-License-Identifier: MIT */
/*
 * Delivery of an exception through the guest's own IDT, onto the guest's own stack, as the
 * processor would have done it had the guest been at its privilege.
 * SDM vol. 3, 6.12 to 6.15; vol. 2, INT n;
 * AMD APM vol. 2, 8.9. All in 64-bit mode: a guest of ours is never outside long mode.
 */
#include "vcpu/emulate/private.h"

/* Error codes that name a selector or a vector. SDM vol. 3, 6.13. */
#define ERROR_EXT 1U /* the event came from outside the program */
#define ERROR_IDT 2U

/* Offsets in a 64-bit TSS. SDM vol. 3, 8.7. */
#define TSS_RSP0 4U
#define TSS_IST1 36U

/* A gate of the IDT, taken apart. SDM vol. 3, 6.14.1. */
struct gate {
	uint64_t offset;
	uint16_t selector;
	unsigned ist, type, dpl;
	bool present;
};

/* Where delivery leads. */
struct target {
	struct gate gate;
	struct virtual_segment cs;
	unsigned cpl;
	uint64_t rsp;
};

static bool refuse(struct emulate *e, enum vector vector, uint32_t error)
{
	raise_error(e, vector, error);
	return false;
}

static bool read_gate(struct emulate *e, unsigned vector, uint32_t ext, bool software,
		      struct gate *gate)
{
	const struct virtual_table *idtr = &e->cpu->idtr;
	uint32_t error = vector * 8 | ERROR_IDT | ext;
	uint64_t raw[2];

	if (vector * 16 + 15 > idtr->limit)
		return refuse(e, VECTOR_GP, error);
	if (!memory_read(e, idtr->base + (uint64_t)vector * 16, raw, sizeof(raw), EMULATE_IMPLICIT))
		return false;
	*gate = (struct gate){
		.offset = (raw[0] & 0xffff) | (raw[0] >> 48) << 16 | raw[1] << 32,
		.selector = (uint16_t)(raw[0] >> 16),
		.ist = raw[0] >> 32 & 7,
		.type = raw[0] >> 40 & 0x1f,
		.dpl = raw[0] >> 45 & 3,
		.present = raw[0] >> 47 & 1,
	};
	if (gate->type != SYSTEM_INTERRUPT && gate->type != SYSTEM_TRAP)
		return refuse(e, VECTOR_GP, error);
	if (software && gate->dpl < e->cpu->cpl)
		return refuse(e, VECTOR_GP, error);
	return gate->present || refuse(e, VECTOR_NP, error);
}

/* The handler's code segment, and with it the privilege to come. */
static bool find_code(struct emulate *e, uint32_t ext, struct target *t)
{
	uint16_t selector = t->gate.selector & (uint16_t)~SELECTOR_RPL;
	struct descriptor d;

	if (selector_is_null(selector))
		return refuse(e, VECTOR_GP, ext);
	if (!descriptor_read(e, selector, VECTOR_GP, ext, &d))
		return false;
	if (!segment_is_code(d.access) || segment_dpl(d.access) > e->cpu->cpl ||
	    (d.access & (SEGMENT_L | SEGMENT_DB)) != SEGMENT_L)
		return refuse(e, VECTOR_GP, selector | ext);
	if (!(d.access & SEGMENT_P))
		return refuse(e, VECTOR_NP, selector | ext);
	t->cpl = segment_is_conforming(d.access) ? e->cpu->cpl : segment_dpl(d.access);
	if (!virtual_is_canonical(e->cpu, t->gate.offset))
		return refuse(e, VECTOR_GP, ext);
	if (!descriptor_mark(e, &d, SEGMENT_ACCESSED))
		return false;
	t->cs = segment_from((uint16_t)(selector | t->cpl), &d);
	return true;
}

/* A stack pointer of the guest's TSS. */
static bool read_tss(struct emulate *e, uint32_t offset, uint32_t ext, uint64_t *rsp)
{
	const struct virtual_segment *tr = &e->cpu->segment[VIRTUAL_TR];

	if (selector_is_null(tr->selector) || offset + 7 > tr->limit)
		return refuse(e, VECTOR_TS, selector_error(tr->selector) | ext);
	return memory_read(e, tr->base + offset, rsp, sizeof(*rsp), EMULATE_IMPLICIT);
}

static bool find_stack(struct emulate *e, uint32_t ext, struct target *t)
{
	t->rsp = e->regs->rsp;
	if (t->gate.ist) {
		if (!read_tss(e, TSS_IST1 + (t->gate.ist - 1) * 8, ext, &t->rsp))
			return false;
	} else if (t->cpl < e->cpu->cpl) {
		if (!read_tss(e, TSS_RSP0 + t->cpl * 8, ext, &t->rsp))
			return false;
	}
	t->rsp &= ~UINT64_C(15);
	return true;
}

/* RFLAGS as pushed: a fault's handler is to come back to the instruction without its breakpoint
 * firing again (SDM vol. 3, 17.3.1.1). */
static uint64_t pushed_rflags(const struct emulate *e, unsigned vector, bool software)
{
	bool is_fault = !software && vector < 32 && vector != VECTOR_DB && vector != VECTOR_BP &&
			vector != VECTOR_OF && vector != VECTOR_MC && vector != 2;

	return (virtual_rflags(e->cpu, e->regs->rflags) & ~RFLAGS_RF) | (is_fault ? RFLAGS_RF : 0);
}

static bool push_frame(struct emulate *e, const struct exception *x, bool software, uint32_t ext,
		       struct target *t)
{
	const struct virtual_segment *segment = e->cpu->segment;
	/* From low to high; without an error code, the first word stays out. */
	const uint64_t frame[6] = {
		x->error,
		e->regs->rip,
		segment[VIRTUAL_CS].selector,
		pushed_rflags(e, x->vector, software),
		e->regs->rsp,
		segment[VIRTUAL_SS].selector,
	};
	unsigned words = x->has_error ? 6 : 5;
	unsigned access = t->cpl == 3 ? EMULATE_USER : 0;

	t->rsp -= words * 8ULL;
	if (!virtual_is_canonical(e->cpu, t->rsp) ||
	    !virtual_is_canonical(e->cpu, t->rsp + words * 8ULL - 1))
		return refuse(e, VECTOR_SS, ext);
	return memory_write(e, t->rsp, &frame[6 - words], words * 8, access);
}

bool deliver_once(struct emulate *e, const struct exception *x, bool software)
{
	struct virtual_cpu *cpu = e->cpu;
	uint32_t ext = software ? 0 : ERROR_EXT;
	bool had_ac = cpu->ac;
	struct target t = {0};
	uint64_t flags;

	if (!read_gate(e, x->vector, ext, software, &t.gate) || !find_code(e, ext, &t) ||
	    !find_stack(e, ext, &t))
		return false;
	flags = virtual_rflags(cpu, e->regs->rflags);
	flags &= ~(RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM);
	if (t.gate.type == SYSTEM_INTERRUPT)
		flags &= ~RFLAGS_IF;
	if (t.cpl < 3)
		flags &= ~RFLAGS_AC;

	if (!push_frame(e, x, software, ext, &t))
		return false;

	if (t.cpl < cpu->cpl)
		cpu->segment[VIRTUAL_SS] = segment_null((uint16_t)t.cpl, t.cpl);
	cpu->segment[VIRTUAL_CS] = t.cs;
	e->effects |= EFFECT_SEGMENTS;
	if (t.cpl != cpu->cpl || had_ac)
		e->effects |= EFFECT_PRIVILEGE;
	cpu->cpl = (uint8_t)t.cpl;
	e->regs->rflags = virtual_load_rflags(cpu, flags);
	e->regs->rsp = t.rsp;
	e->regs->rip = t.gate.offset;
	/* A handler for debug exceptions can use the debug registers. SDM vol. 3, 17.2.4. */
	if (x->vector == VECTOR_DB && !software && cpu->dr[7] & DR7_GD) {
		cpu->dr[7] &= ~DR7_GD;
		e->effects |= EFFECT_DEBUG;
	}
	return true;
}

/* SDM vol. 3, table 6-4. */
static bool is_contributory(unsigned vector)
{
	return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP) ||
	       vector == VECTOR_CP;
}

/* What comes of a second exception while the first is delivered (table 6-5). False: shutdown. */
static bool combine(const struct exception *first, bool software, struct exception *second)
{
	bool grave = is_contributory(second->vector) || second->vector == VECTOR_PF;

	if (software || !grave)
		return true;
	if (first->vector == VECTOR_DF)
		return false;
	if (first->vector == VECTOR_PF ||
	    (is_contributory(first->vector) && is_contributory(second->vector)))
		*second = (struct exception){.vector = VECTOR_DF, .has_error = true};
	return true;
}

bool deliver_exception(struct emulate *e, const struct exception *exception, bool software)
{
	struct exception now = *exception;

	e->effects = 0;
	if (now.vector == VECTOR_PF && !software)
		e->cpu->cr2 = now.cr2;
	while (!deliver_once(e, &now, software)) {
		struct exception then = e->exception;

		/* CR2 tells of the last page fault, even of one that ends in a double fault. */
		if (then.vector == VECTOR_PF)
			e->cpu->cr2 = then.cr2;
		if (!combine(&now, software, &then)) {
			e->exception = now;
			return false;
		}
		now = then;
		software = false;
	}
	e->exception = now;
	return true;
}
