/* SPDX-License-Identifier: MIT */
/* Registers, memory operands and memory itself, as the instructions' handlers see them. */
#include "vcpu/emulate/private.h"

#include <string.h>

enum emulate_end raise_plain(struct emulate *e, enum vector vector)
{
	e->exception = (struct exception){.vector = (uint8_t)vector};
	return EMULATE_EXCEPTION;
}

enum emulate_end raise_error(struct emulate *e, enum vector vector, uint32_t error)
{
	e->exception =
		(struct exception){.vector = (uint8_t)vector, .has_error = true, .error = error};
	return EMULATE_EXCEPTION;
}

unsigned access_at_cpl(const struct virtual_cpu *cpu)
{
	return cpu->cpl == 3 ? EMULATE_USER : 0;
}

/* All of [gva, gva + len) must be canonical, which in compatibility mode it always is, and must not
 * wrap, for ops' sake. */
static bool check_canonical(struct emulate *e, gva_t gva, unsigned len, unsigned access)
{
	gva_t last = gva + len - 1;

	if (last >= gva && virtual_is_canonical(e->cpu, gva) && virtual_is_canonical(e->cpu, last))
		return true;
	raise_error(e, access & ACCESS_STACK ? VECTOR_SS : VECTOR_GP, 0);
	return false;
}

bool memory_read(struct emulate *e, gva_t gva, void *to, unsigned len, unsigned access)
{
	return check_canonical(e, gva, len, access) &&
	       e->ops->read(e->arg, gva, to, len, access & ~ACCESS_STACK, &e->exception);
}

bool memory_write(struct emulate *e, gva_t gva, const void *from, unsigned len, unsigned access)
{
	return check_canonical(e, gva, len, access) &&
	       e->ops->write(e->arg, gva, from, len, access & ~ACCESS_STACK, &e->exception);
}

bool memory_exchange(struct emulate *e, gva_t gva, const void *expected, const void *to,
		     unsigned len, unsigned access, bool *stored)
{
	uint8_t now[16];

	if (e->ops->exchange)
		return check_canonical(e, gva, len, access) &&
		       e->ops->exchange(e->arg, gva, expected, to, len, access & ~ACCESS_STACK,
					stored, &e->exception);
	if (!memory_read(e, gva, now, len, access | EMULATE_MODIFY))
		return false;
	*stored = !memcmp(now, expected, len);
	return !*stored || memory_write(e, gva, to, len, access);
}

uint64_t *general_register(struct kvm_regs *regs, unsigned number)
{
	/* __u64 is unsigned long long, uint64_t is unsigned long: the same here, but not in name. */
	void *const by_number[] = {
		&regs->rax, &regs->rcx, &regs->rdx, &regs->rbx, &regs->rsp, &regs->rbp,
		&regs->rsi, &regs->rdi, &regs->r8,  &regs->r9,	&regs->r10, &regs->r11,
		&regs->r12, &regs->r13, &regs->r14, &regs->r15,
	};

	return by_number[number & 15];
}

/* Where in which register a general-purpose operand lies. */
struct place {
	unsigned number, shift, bytes;
};

static struct place register_place(ZydisRegister reg)
{
	unsigned index = (unsigned)reg;

	if (reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15)
		return (struct place){index - ZYDIS_REGISTER_RAX, 0, 8};
	if (reg >= ZYDIS_REGISTER_EAX && reg <= ZYDIS_REGISTER_R15D)
		return (struct place){index - ZYDIS_REGISTER_EAX, 0, 4};
	if (reg >= ZYDIS_REGISTER_AX && reg <= ZYDIS_REGISTER_R15W)
		return (struct place){index - ZYDIS_REGISTER_AX, 0, 2};
	if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
		return (struct place){index - ZYDIS_REGISTER_AH, 8, 1};
	if (reg >= ZYDIS_REGISTER_SPL && reg <= ZYDIS_REGISTER_R15B)
		return (struct place){index - ZYDIS_REGISTER_SPL + 4, 0, 1};
	if (reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_BL)
		return (struct place){index - ZYDIS_REGISTER_AL, 0, 1};
	return (struct place){0, 0, 0};
}

uint64_t register_get(struct instruction *in, ZydisRegister reg)
{
	struct place p = register_place(reg);

	if (p.bytes)
		return *general_register(in->regs, p.number) >> p.shift & mask_bytes(p.bytes);
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return in->regs->rip + in->zydis.length;
	return 0;
}

void register_set(struct instruction *in, ZydisRegister reg, uint64_t value)
{
	struct place p = register_place(reg);
	uint64_t *whole = general_register(in->regs, p.number);
	uint64_t mask = mask_bytes(p.bytes) << p.shift;

	if (p.bytes == 4)
		mask = ~UINT64_C(0), value = (uint32_t)value;
	if (p.bytes)
		*whole = (*whole & ~mask) | (value << p.shift & mask);
}

unsigned operand_bytes(const struct instruction *in, unsigned index)
{
	return in->operand[index].size / 8;
}

/* The base that counts: in 64-bit mode, only FS and GS have one. */
static uint64_t segment_base(const struct virtual_cpu *cpu, ZydisRegister segment)
{
	unsigned name = (unsigned)segment - ZYDIS_REGISTER_ES;

	if (segment < ZYDIS_REGISTER_ES || segment > ZYDIS_REGISTER_GS)
		return 0;
	if (virtual_is_64bit(cpu) && name != VIRTUAL_FS && name != VIRTUAL_GS)
		return 0;
	return cpu->segment[name].base;
}

gva_t operand_address(struct instruction *in, unsigned index, unsigned *access)
{
	const ZydisDecodedOperandMem *mem = &in->operand[index].mem;
	uint64_t offset = mem->disp.has_displacement ? (uint64_t)mem->disp.value : 0;
	gva_t linear;

	if (mem->base != ZYDIS_REGISTER_NONE)
		offset += register_get(in, mem->base);
	if (mem->index != ZYDIS_REGISTER_NONE)
		offset += register_get(in, mem->index) * mem->scale;
	offset &= mask_bytes(in->zydis.address_width / 8);
	linear = segment_base(in->cpu, mem->segment) + offset;
	*access = access_at_cpl(in->cpu) | (mem->segment == ZYDIS_REGISTER_SS ? ACCESS_STACK : 0);
	return virtual_is_64bit(in->cpu) ? linear : (uint32_t)linear;
}

bool operand_read(struct instruction *in, unsigned index, void *to, unsigned len)
{
	unsigned access;
	gva_t gva = operand_address(in, index, &access);

	return memory_read(in->e, gva, to, len, access);
}

bool operand_write(struct instruction *in, unsigned index, const void *from, unsigned len)
{
	unsigned access;
	gva_t gva = operand_address(in, index, &access);

	return memory_write(in->e, gva, from, len, access);
}

bool operand_load(struct instruction *in, unsigned index, uint64_t *value)
{
	const ZydisDecodedOperand *op = &in->operand[index];

	*value = 0;
	switch (op->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER: *value = register_get(in, op->reg.value); return true;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE: *value = op->imm.value.u; return true;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		if (op->size / 8 <= sizeof(*value))
			return operand_read(in, index, value, op->size / 8);
		break;
	default: break;
	}
	raise_ud(in->e);
	return false;
}

bool operand_store(struct instruction *in, unsigned index, uint64_t value)
{
	const ZydisDecodedOperand *op = &in->operand[index];

	if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		register_set(in, op->reg.value, value);
		return true;
	}
	if (op->type == ZYDIS_OPERAND_TYPE_MEMORY && op->size / 8 <= sizeof(value))
		return operand_write(in, index, &value, op->size / 8);
	raise_ud(in->e);
	return false;
}
