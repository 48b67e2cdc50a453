/* SPDX-License-Identifier: MIT */
/* What stands where the guest was stopped. */
#include "sources/break_events.h"

#include "vcpu/fault_event.h"
#include "vcpu/state.h"
#include "vcpu/translate.h"
#include "x86.h"

#include <string.h>

/* Intel SDM vol. 3, 6.14.1. */
struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

#define GATE_PRESENT   0x80
#define GATE_KIND      0x1f
#define GATE_INTERRUPT 0x0e
#define GATE_TRAP      0x0f

/* What the processor has pushed for a #PF, from RSP upwards. SDM vol. 3, 6.14.2. */
struct frame {
	uint64_t error, rip, cs, rflags;
};

void break_scene_init(struct break_scene *s, struct vcpu *v, const struct kvm_sregs *sregs)
{
	s->vcpu = v;
	s->regs = &v->run->s.regs.regs;
	s->sregs = sregs;
	translate_init(&s->ctx, v, sregs);
}

bool break_translate(const struct break_scene *s, gva_t gva, gpa_t *gpa)
{
	struct walk_result r;

	if (translate(s->vcpu, &s->ctx, gva, WALK_FETCH, &r, NULL) != WALK_OK)
		return false;
	*gpa = r.gpa;
	return true;
}

bool break_peek(const struct break_scene *s, gva_t gva, void *to, size_t len)
{
	uint8_t *out = to;

	while (len) {
		size_t room = PAGE_SIZE - (gva & (PAGE_SIZE - 1)), part = len < room ? len : room;
		struct walk_result r;

		if (translate(s->vcpu, &s->ctx, gva, WALK_READ, &r, NULL) != WALK_OK ||
		    gmem_read(s->vcpu->mem, r.gpa, out, part))
			return false;
		gva += part;
		out += part;
		len -= part;
	}
	return true;
}

bool break_decode(struct break_scene *s, gva_t rip)
{
	uint8_t bytes[ZYDIS_MAX_INSTRUCTION_LENGTH];
	size_t len = sizeof(bytes), room = PAGE_SIZE - (rip & (PAGE_SIZE - 1));
	ZydisDecoder decoder;

	/* What follows need not be mapped. */
	if (!break_peek(s, rip, bytes, len)) {
		len = room < len ? room : len;
		if (!break_peek(s, rip, bytes, len))
			return false;
	}
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, len, &s->in, s->operand));
}

bool break_fault_handler(const struct break_scene *s, gva_t *handler)
{
	const uint32_t at = VECTOR_PF * sizeof(struct gate);
	struct gate g;

	if (s->sregs->idt.limit < at + sizeof(g) - 1 ||
	    !break_peek(s, s->sregs->idt.base + at, &g, sizeof(g)) || !(g.type & GATE_PRESENT) ||
	    ((g.type & GATE_KIND) != GATE_INTERRUPT && (g.type & GATE_KIND) != GATE_TRAP))
		return false;
	*handler = (gva_t)g.offset_high << 32 | (gva_t)g.offset_middle << 16 | g.offset_low;
	return true;
}

static struct pn_trace_record event(const struct break_scene *s, enum pn_trace_type type)
{
	return (struct pn_trace_record){
		.type = (uint8_t)type,
		.source = PN_SOURCE_BREAK,
		.mode = PN_MODE_HW,
		.rip = s->regs->rip,
	};
}

bool break_fault_event(const struct break_scene *s, struct pn_trace_record *r)
{
	struct exception x = {.vector = VECTOR_PF, .has_error = true, .cr2 = s->sregs->cr2};
	struct vcpu *v = s->vcpu;
	struct walk_regs regs = {
		.cr0 = s->sregs->cr0,
		.cr3 = s->sregs->cr3,
		.cr4 = s->sregs->cr4,
		.efer = s->sregs->efer,
		.maxphyaddr = (uint8_t)v->facts.maxphyaddr,
		.has_1g = v->facts.has_1g,
		.amd = v->facts.amd,
	};
	struct walk_context ctx;
	struct frame f;

	if (!break_peek(s, s->regs->rsp, &f, sizeof(f)))
		return false;
	x.error = (uint32_t)f.error;
	regs.rflags = f.rflags;
	if (regs.cr4 & CR4_PKE)
		state_get_pkru(v, &regs.pkru, NULL);
	walk_context_init(&ctx, &regs);
	*r = event(s, PN_TRACE_GUEST_FAULT);
	r->rip = f.rip;
	r->cpl = f.cs & 3;
	fault_event(r, v->mem, &ctx, &x);
	return true;
}

/* The registers as Zydis numbers them. */
static void take_registers(const struct break_scene *s, ZydisRegisterContext *all)
{
	const struct kvm_regs *r = s->regs;
	const uint64_t value[] = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
				  r->r8,  r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};

	memset(all, 0, sizeof(*all));
	for (unsigned i = 0; i < 16; i++) {
		all->values[ZYDIS_REGISTER_RAX + i] = value[i];
		all->values[ZYDIS_REGISTER_EAX + i] = (uint32_t)value[i];
	}
}

static uint64_t register_value(const struct break_scene *s, const ZydisDecodedOperand *operand)
{
	ZydisRegisterContext all;

	take_registers(s, &all);
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER ? all.values[operand->reg.value] : 0;
}

static gva_t address_of(const struct break_scene *s, const ZydisDecodedOperand *operand)
{
	ZydisRegisterContext all;
	ZyanU64 address = 0;

	take_registers(s, &all);
	if (ZYAN_FAILED(ZydisCalcAbsoluteAddressEx(&s->in, operand, s->regs->rip, &all, &address)))
		return 0;
	if (operand->mem.segment == ZYDIS_REGISTER_FS)
		address += s->sregs->fs.base;
	if (operand->mem.segment == ZYDIS_REGISTER_GS)
		address += s->sregs->gs.base;
	return address;
}

static struct pn_trace_record flush(const struct break_scene *s, enum pn_trace_flush kind,
				    enum pn_trace_cause cause)
{
	struct pn_trace_record r = event(s, PN_TRACE_FLUSH);

	r.kind = (uint8_t)kind;
	r.cause = (uint8_t)cause;
	return r;
}

static unsigned load_cr3(const struct break_scene *s, struct pn_trace_record r[BREAK_EVENTS])
{
	uint64_t value = register_value(s, &s->operand[1]);
	bool no_flush = s->sregs->cr4 & CR4_PCIDE && value & CR3_NOFLUSH;

	r[0] = event(s, PN_TRACE_CR3);
	r[0].value[0] = s->sregs->cr3;
	r[0].value[1] = no_flush ? value & ~CR3_NOFLUSH : value;
	r[1] = flush(s, PN_FLUSH_CONTEXT, PN_CAUSE_CR3);
	return no_flush ? 1 : 2;
}

unsigned break_events(const struct break_scene *s, enum break_kind kind,
		      struct pn_trace_record r[BREAK_EVENTS])
{
	switch (kind) {
	case BREAK_INVLPG:
		r[0] = flush(s, PN_FLUSH_PAGE, PN_CAUSE_INVLPG);
		r[0].address = address_of(s, &s->operand[0]);
		return 1;
	case BREAK_INVPCID: r[0] = flush(s, PN_FLUSH_PCID, PN_CAUSE_INVPCID); return 1;
	case BREAK_CR0: r[0] = flush(s, PN_FLUSH_ALL, PN_CAUSE_CR0); return 1;
	case BREAK_CR4: r[0] = flush(s, PN_FLUSH_ALL, PN_CAUSE_CR4); return 1;
	case BREAK_CR3: return load_cr3(s, r);
	case BREAK_NONE:
	case BREAK_FAULT:
	case BREAK_STEP:
	case BREAK_LIDT: break;
	}
	return 0;
}

/* Instructions after which RIP is what they have read, or the end of it. */
static bool leads_anywhere(const ZydisDecodedInstruction *in)
{
	switch (in->meta.category) {
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_INTERRUPT: return true;
	default: return false;
	}
}

unsigned break_next(const struct break_scene *s, gva_t next[BREAK_NEXT])
{
	ZyanU64 target;

	next[0] = s->regs->rip + s->in.length;
	switch (s->in.meta.category) {
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_CALL: break;
	default: return leads_anywhere(&s->in) ? 0 : 1;
	}
	if (s->operand[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
	    ZYAN_FAILED(ZydisCalcAbsoluteAddress(&s->in, &s->operand[0], s->regs->rip, &target)))
		return 0;
	next[s->in.meta.category == ZYDIS_CATEGORY_COND_BR] = target;
	return s->in.meta.category == ZYDIS_CATEGORY_COND_BR ? 2 : 1;
}
