/* SPDX-License-Identifier: MIT */
/* System calls and software interrupts: SYSCALL, SYSRET, SYSENTER, SYSEXIT, INT n, INT3, INT1. */
#include "vcpu/emulate/private.h"

#define SYSCALL_LENGTH 2

/* STAR: SYSCALL's selectors from bit 32 on, SYSRET's from bit 48 on. */
#define STAR_SYSCALL 32
#define STAR_SYSRET  48

/* What SYSRET takes out of R11. SDM vol. 2, SYSRET. */
#define SYSRET_FLAGS UINT64_C(0x3c7fd7)

/* SYSCALL from `rip_after`; false: #UD. From compatibility mode it exists on AMD only. */
static bool do_syscall(struct emulate *e, uint64_t rip_after, uint64_t *target)
{
	struct virtual_cpu *cpu = e->cpu;
	bool from_64bit = virtual_is_64bit(cpu);
	uint16_t selector = (uint16_t)(cpu->star >> STAR_SYSCALL) & (uint16_t)~SELECTOR_RPL;
	uint64_t flags = virtual_rflags(cpu, e->regs->rflags) & ~RFLAGS_RF;

	if (!(cpu->efer & EFER_SCE) || (!from_64bit && !is_amd(e))) {
		raise_ud(e);
		return false;
	}
	e->regs->rcx = rip_after;
	e->regs->r11 = flags;
	*target = from_64bit ? cpu->lstar : cpu->cstar;
	cpu->segment[VIRTUAL_CS] = segment_flat_code(selector, 0, true);
	cpu->segment[VIRTUAL_SS] = segment_flat_data((uint16_t)(selector + 8), 0);
	cpu->cpl = 0;
	e->regs->rflags = virtual_load_rflags(cpu, flags & ~cpu->sfmask);
	e->effects |= EFFECT_SEGMENTS | EFFECT_PRIVILEGE;
	return true;
}

bool emulate_syscall(struct emulate *e)
{
	uint64_t target;

	e->effects = 0;
	if (!do_syscall(e, e->regs->rip, &target)) {
		e->regs->rip -= SYSCALL_LENGTH;
		return false;
	}
	e->regs->rip = target;
	return true;
}

enum emulate_end emulate_syscall_instruction(struct instruction *in)
{
	return do_syscall(in->e, in->next, &in->next) ? EMULATE_DONE : EMULATE_EXCEPTION;
}

enum emulate_end emulate_sysret(struct instruction *in)
{
	struct virtual_cpu *cpu = in->cpu;
	bool to_64bit = in->zydis.operand_width == 64;
	uint16_t base = (uint16_t)(cpu->star >> STAR_SYSRET);

	if (!(cpu->efer & EFER_SCE) || !virtual_is_64bit(cpu))
		return raise_ud(in->e);
	if (cpu->cpl || (to_64bit && !virtual_is_canonical(cpu, in->regs->rcx)))
		return raise_gp(in->e);
	in->next = to_64bit ? in->regs->rcx : (uint32_t)in->regs->rcx;
	cpu->segment[VIRTUAL_CS] = segment_flat_code(
		(uint16_t)((base + (to_64bit ? 16 : 0)) | SELECTOR_RPL), 3, to_64bit);
	cpu->segment[VIRTUAL_SS] = segment_flat_data((uint16_t)((base + 8) | SELECTOR_RPL), 3);
	cpu->cpl = 3;
	in->regs->rflags = virtual_load_rflags(cpu, in->regs->r11 & SYSRET_FLAGS);
	in->e->effects |= EFFECT_SEGMENTS;
	return EMULATE_DONE;
}

/* Intel has SYSENTER in long mode, AMD does not. */
static bool has_sysenter(struct instruction *in)
{
	return is_offered(in->e, FEATURE_SEP) && !is_amd(in->e);
}

enum emulate_end emulate_sysenter(struct instruction *in)
{
	struct virtual_cpu *cpu = in->cpu;
	uint16_t selector = (uint16_t)cpu->sysenter_cs & (uint16_t)~SELECTOR_RPL;
	uint64_t flags = virtual_rflags(cpu, in->regs->rflags);

	if (!has_sysenter(in))
		return raise_ud(in->e);
	if (!selector)
		return raise_gp(in->e);
	in->next = cpu->sysenter_eip;
	in->regs->rsp = cpu->sysenter_esp;
	cpu->segment[VIRTUAL_CS] = segment_flat_code(selector, 0, true);
	cpu->segment[VIRTUAL_SS] = segment_flat_data((uint16_t)(selector + 8), 0);
	cpu->cpl = 0;
	in->regs->rflags = virtual_load_rflags(cpu, flags & ~(RFLAGS_IF | RFLAGS_RF));
	in->e->effects |= EFFECT_SEGMENTS;
	return EMULATE_DONE;
}

enum emulate_end emulate_sysexit(struct instruction *in)
{
	struct virtual_cpu *cpu = in->cpu;
	bool to_64bit = in->zydis.operand_width == 64;
	uint16_t base = (uint16_t)cpu->sysenter_cs & (uint16_t)~SELECTOR_RPL;
	uint64_t flags = virtual_rflags(cpu, in->regs->rflags);

	if (!has_sysenter(in))
		return raise_ud(in->e);
	if (cpu->cpl || !base)
		return raise_gp(in->e);
	if (to_64bit && (!virtual_is_canonical(cpu, in->regs->rcx) ||
			 !virtual_is_canonical(cpu, in->regs->rdx)))
		return raise_gp(in->e);
	in->next = to_64bit ? in->regs->rdx : (uint32_t)in->regs->rdx;
	in->regs->rsp = to_64bit ? in->regs->rcx : (uint32_t)in->regs->rcx;
	base = (uint16_t)(base + (to_64bit ? 32 : 16));
	cpu->segment[VIRTUAL_CS] = segment_flat_code((uint16_t)(base | SELECTOR_RPL), 3, to_64bit);
	cpu->segment[VIRTUAL_SS] = segment_flat_data((uint16_t)((base + 8) | SELECTOR_RPL), 3);
	cpu->cpl = 3;
	in->regs->rflags = virtual_load_rflags(cpu, flags);
	in->e->effects |= EFFECT_SEGMENTS;
	return EMULATE_DONE;
}

/* Goes through gate `vector` with RIP past the instruction. */
static enum emulate_end interrupt(struct instruction *in, unsigned vector, bool software)
{
	const struct exception x = {.vector = (uint8_t)vector};

	in->regs->rip = in->next;
	if (!deliver_once(in->e, &x, software))
		return EMULATE_EXCEPTION;
	in->next = in->regs->rip;
	in->flags_before &= ~RFLAGS_TF; /* the handler is not stepped */
	return EMULATE_DONE;
}

enum emulate_end emulate_int(struct instruction *in)
{
	return interrupt(in, (uint8_t)in->operand[0].imm.value.u, true);
}

enum emulate_end emulate_int3(struct instruction *in)
{
	return interrupt(in, VECTOR_BP, true);
}

enum emulate_end emulate_into(struct instruction *in)
{
	if (!(in->regs->rflags & RFLAGS_OF))
		return EMULATE_DONE;
	return interrupt(in, VECTOR_OF, true);
}

/* The gate's DPL does not count here. */
enum emulate_end emulate_int1(struct instruction *in)
{
	return interrupt(in, VECTOR_DB, false);
}
