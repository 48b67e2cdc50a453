/* SPDX-License-Identifier: MIT */
/*
 * The instruction emulator (src/vcpu/emulate/emulate.h) in the small world of the unit tests. The
 * input is the virtual CPU's state and code:
 *
 *   u8 who: kernel or user and how; u32 choices of registers and features; u8 count of general
 *   registers to set, each u8 which and how, and a value; u8 count of stores to memory, each u16
 *   where and u64 what; the rest is code at RIP, of which up to STEPS instructions are done in a row
 *
 * Held true of each instruction:
 *   - an exception leaves registers and virtual CPU as they were (but for what a REP instruction has
 *     done, and DR6 with #DB), has an error code if its vector has one, and no effects;
 *   - what is not emulated has changed nothing, and is named in one printable line;
 *   - what is done leaves RIP behind the instruction, by Zydis' measure, unless it is a branch or a
 *     REP instruction that goes on; where a branch leads is canonical;
 *   - the real RFLAGS keep IF, and no IOPL, VM or reserved bit; AC is real only at CPL 3;
 *   - CPL, CRs, EFER and bases stay what a processor could hold;
 *   - memory that may not be written has not changed;
 * and a SYSCALL that does not trap goes to the kernel, or is #UD at its own RIP;
 * and the exception, delivered, finds a handler at a canonical RIP, or is a triple fault that leaves
 * registers as they were.
 */
#include "world_input.h"

#include <Zydis/Zydis.h>

#define STEPS 6

static bool is_load(unsigned mnemonic)
{
	return mnemonic == ZYDIS_MNEMONIC_LODSB || mnemonic == ZYDIS_MNEMONIC_LODSW ||
	       mnemonic == ZYDIS_MNEMONIC_LODSD || mnemonic == ZYDIS_MNEMONIC_LODSQ;
}

static void check_unchanged(const struct world *w, bool repeated, bool debug)
{
	struct kvm_regs regs = w->regs;
	struct virtual_cpu cpu = w->cpu;

	if (repeated) {
		regs.rcx = w->old_regs.rcx;
		regs.rsi = w->old_regs.rsi;
		regs.rdi = w->old_regs.rdi;
		/* REP CMPS and SCAS go on with the flags of the last element, LODS has loaded it. */
		regs.rflags = w->old_regs.rflags;
		if (is_load(w->e.mnemonic))
			regs.rax = w->old_regs.rax;
	}
	if (debug) {
		cpu.dr[6] = w->old_cpu.dr[6];
		cpu.dr[7] = w->old_cpu.dr[7];
	}
	CHECK_TRUE("registers", memcmp(&regs, &w->old_regs, sizeof(regs)) == 0);
	CHECK_TRUE("virtual CPU", memcmp(&cpu, &w->old_cpu, sizeof(cpu)) == 0);
	CHECK_NUMBER("nothing done", "effects", w->e.effects, 0);
}

static void check_exception_code(const struct world *w)
{
	const struct exception *x = &w->e.exception;
	const uint32_t with_error = 1u << VECTOR_DF | 1u << VECTOR_TS | 1u << VECTOR_NP |
				    1u << VECTOR_SS | 1u << VECTOR_GP | 1u << VECTOR_PF |
				    1u << VECTOR_AC | 1u << VECTOR_CP;

	CHECK_TRUE("exception", x->vector < 32);
	CHECK_NUMBER("exception", "has an error code", x->has_error, with_error >> x->vector & 1);
	CHECK_TRUE("exception", x->vector == VECTOR_PF || x->error <= UINT16_MAX);
	CHECK_TRUE("exception", x->vector != VECTOR_PF || virtual_is_canonical(&w->cpu, x->cr2));
}

static void check_state(const struct world *w)
{
	const struct virtual_cpu *c = &w->cpu;
	uint64_t flags = w->regs.rflags;

	CHECK_TRUE("CPL", c->cpl <= 3 && c->iopl <= 3 && !(c->ac && c->cpl == 3));
	CHECK_TRUE("RFLAGS", flags & RFLAGS_FIXED && flags & RFLAGS_IF &&
				     !(flags & (RFLAGS_IOPL | RFLAGS_VM)) && flags >> 22 == 0);
	CHECK_TRUE("RFLAGS.AC", c->cpl == 3 || !(flags & RFLAGS_AC));
	CHECK_TRUE("CR0", c->cr0 & CR0_PE && c->cr0 & CR0_PG && c->cr0 >> 32 == 0);
	CHECK_TRUE("CR4", c->cr4 & CR4_PAE && c->cr4 >> 32 == 0 && !(c->cr4 & CR4_VMXE));
	CHECK_TRUE("EFER", c->efer & EFER_LMA && c->efer & EFER_LME);
	CHECK_TRUE("CR8", c->cr8 <= 15);
	CHECK_TRUE("DR6, DR7", c->dr[6] >> 32 == 0 && c->dr[7] >> 32 == 0);
	CHECK_TRUE("bases", virtual_is_canonical(c, c->gdtr.base) &&
				    virtual_is_canonical(c, c->idtr.base) &&
				    virtual_is_canonical(c, c->kernel_gs_base) &&
				    virtual_is_canonical(c, c->lstar));
	for (unsigned i = 0; i < VIRTUAL_SEGMENTS; i++)
		CHECK_TRUE("segment bases", virtual_is_canonical(c, c->segment[i].base));
	CHECK_TRUE("RIP", virtual_is_canonical(c, w->regs.rip));
}

/* The instruction at RIP as Zydis sees it; false if it does not. */
static bool decode(struct world *w, ZydisDecodedInstruction *out)
{
	bool wide = virtual_is_64bit(&w->cpu);
	uint64_t at = w->regs.rip - CODE_PAGE;
	ZydisDecoder decoder;

	if (at > 0x2000 - 15 || (!wide && !(w->cpu.segment[VIRTUAL_CS].access & 0x4000)))
		return false;
	ZydisDecoderInit(&decoder,
			 wide ? ZYDIS_MACHINE_MODE_LONG_64 : ZYDIS_MACHINE_MODE_LONG_COMPAT_32,
			 wide ? ZYDIS_STACK_WIDTH_64 : ZYDIS_STACK_WIDTH_32);
	return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, w->memory + at, 15, out));
}

static bool is_branch(const ZydisDecodedInstruction *i)
{
	switch (i->meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_INTERRUPT:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_UNCOND_BR: return true;
	default: return false;
	}
}

static void check_rip(const struct world *w, const ZydisDecodedInstruction *i)
{
	uint64_t went = w->regs.rip - w->old_regs.rip;

	CHECK_NUMBER("done", "mnemonic", w->e.mnemonic, i->mnemonic);
	if (is_branch(i))
		return;
	if (went == 0)
		CHECK_TRUE("RIP stays at REP",
			   i->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
					    ZYDIS_ATTRIB_HAS_REPNE));
	else
		CHECK_NUMBER("done", "RIP goes", went, i->length);
}

static void check_delivery(struct world *w)
{
	struct exception x = w->e.exception;

	w->old_regs = w->regs;
	if (deliver_exception(&w->e, &x, false))
		check_state(w);
	else
		CHECK_TRUE("triple fault", memcmp(&w->regs, &w->old_regs, sizeof(w->regs)) == 0);
}

/* One instruction; whether another may follow. */
static bool step(struct world *w)
{
	static uint8_t code[0x2000];
	ZydisDecodedInstruction i;
	bool decoded = decode(w, &i);
	bool repeated = decoded && i.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
						   ZYDIS_ATTRIB_HAS_REPNE);
	enum emulate_end end;

	memcpy(code, w->memory, sizeof(code));
	w->old_cpu = w->cpu;
	w->old_regs = w->regs;
	w->e.exception = (struct exception){0};
	end = emulate(&w->e);
	assert_memory_equal(w->memory, code, sizeof(code));
	switch (end) {
	case EMULATE_DONE:
	case EMULATE_STOP:
		check_state(w);
		if (decoded)
			check_rip(w, &i);
		CHECK_TRUE("done", !w->e.text[0]);
		/* Its world has this much room for ports. */
		return end == EMULATE_DONE && w->ports < COUNT(w->log) / 2;
	case EMULATE_EXCEPTION:
		check_exception_code(w);
		check_unchanged(w, repeated, w->e.exception.vector == VECTOR_DB);
		check_delivery(w);
		return false;
	case EMULATE_UNKNOWN:
	case EMULATE_UNPRIVILEGED:
		CHECK_ONE_LINE("not emulated", w->e.text);
		check_unchanged(w, false, false);
		return false;
	}
	fail_msg("emulate() ends in %d", (int)end);
	return false;
}

/* A SYSCALL that did not trap: RIP is past it already. */
static void check_syscall(struct world *w)
{
	w->regs.rip += 2;
	w->old_regs = w->regs;
	if (emulate_syscall(&w->e)) {
		check_state(w);
		CHECK_NUMBER("SYSCALL", "CPL", w->cpu.cpl, 0);
		CHECK_NUMBER("SYSCALL", "RCX", w->regs.rcx, w->old_regs.rip);
		return;
	}
	CHECK_NUMBER("SYSCALL", "vector", w->e.exception.vector, VECTOR_UD);
	CHECK_NUMBER("SYSCALL", "RIP", w->regs.rip, w->old_regs.rip - 2);
	check_delivery(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = {bytes, size};
	struct world *w = world_create();
	size_t room = CODE_PAGE + 0x2000 - RIP_START;

	take_state(&in, w);
	take_registers(&in, &w->regs);
	take_stores(&in, w);
	w->regs.rip = RIP_START;
	memcpy(world_at(w, RIP_START), in.at, in.left < room ? in.left : room);
	if (in.left >= 2 && in.at[0] == 0x0f && in.at[1] == 0x05 && w->amd) {
		check_syscall(w);
		world_destroy(w);
		return 0;
	}
	for (unsigned n = 0; n < STEPS; n++)
		if (!step(w))
			break;
	world_destroy(w);
	return 0;
}
