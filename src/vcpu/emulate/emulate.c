/* SPDX-License-Identifier: MIT */
/*
 * Fetch, decode, dispatch. The table at the end of the decoding says which instruction has which
 * handler; what is not in it is either unprivileged, and then its trap was its own, or unknown.
 */
#include "vcpu/emulate/private.h"

#include <string.h>

#define PAGE_BYTES 4096

static emulate_handler *const handlers[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
	[ZYDIS_MNEMONIC_MOV] = emulate_mov,
	[ZYDIS_MNEMONIC_CLTS] = emulate_clts,
	[ZYDIS_MNEMONIC_LMSW] = emulate_lmsw,
	[ZYDIS_MNEMONIC_SMSW] = emulate_smsw,
	[ZYDIS_MNEMONIC_XGETBV] = emulate_xgetbv,
	[ZYDIS_MNEMONIC_XSETBV] = emulate_xsetbv,

	[ZYDIS_MNEMONIC_RDMSR] = emulate_rdmsr,
	[ZYDIS_MNEMONIC_WRMSR] = emulate_wrmsr,
	[ZYDIS_MNEMONIC_RDTSC] = emulate_rdtsc,
	[ZYDIS_MNEMONIC_RDTSCP] = emulate_rdtscp,
	[ZYDIS_MNEMONIC_RDPID] = emulate_rdpid,
	[ZYDIS_MNEMONIC_RDPMC] = emulate_rdpmc,

	[ZYDIS_MNEMONIC_LGDT] = emulate_lgdt_lidt,
	[ZYDIS_MNEMONIC_LIDT] = emulate_lgdt_lidt,
	[ZYDIS_MNEMONIC_SGDT] = emulate_sgdt_sidt,
	[ZYDIS_MNEMONIC_SIDT] = emulate_sgdt_sidt,
	[ZYDIS_MNEMONIC_LLDT] = emulate_lldt,
	[ZYDIS_MNEMONIC_LTR] = emulate_ltr,
	[ZYDIS_MNEMONIC_SLDT] = emulate_sldt_str,
	[ZYDIS_MNEMONIC_STR] = emulate_sldt_str,
	[ZYDIS_MNEMONIC_LAR] = emulate_lar_lsl,
	[ZYDIS_MNEMONIC_LSL] = emulate_lar_lsl,
	[ZYDIS_MNEMONIC_VERR] = emulate_verr_verw,
	[ZYDIS_MNEMONIC_VERW] = emulate_verr_verw,

	[ZYDIS_MNEMONIC_POP] = emulate_pop,
	[ZYDIS_MNEMONIC_LFS] = emulate_load_far_pointer,
	[ZYDIS_MNEMONIC_LGS] = emulate_load_far_pointer,
	[ZYDIS_MNEMONIC_LSS] = emulate_load_far_pointer,
	[ZYDIS_MNEMONIC_SWAPGS] = emulate_swapgs,
	[ZYDIS_MNEMONIC_RDFSBASE] = emulate_read_base,
	[ZYDIS_MNEMONIC_RDGSBASE] = emulate_read_base,
	[ZYDIS_MNEMONIC_WRFSBASE] = emulate_write_base,
	[ZYDIS_MNEMONIC_WRGSBASE] = emulate_write_base,

	[ZYDIS_MNEMONIC_CALL] = emulate_far_call,
	[ZYDIS_MNEMONIC_JMP] = emulate_far_jump,
	[ZYDIS_MNEMONIC_RET] = emulate_far_return,
	[ZYDIS_MNEMONIC_IRET] = emulate_iret,
	[ZYDIS_MNEMONIC_IRETD] = emulate_iret,
	[ZYDIS_MNEMONIC_IRETQ] = emulate_iret,
	[ZYDIS_MNEMONIC_SYSCALL] = emulate_syscall_instruction,
	[ZYDIS_MNEMONIC_SYSRET] = emulate_sysret,
	[ZYDIS_MNEMONIC_SYSENTER] = emulate_sysenter,
	[ZYDIS_MNEMONIC_SYSEXIT] = emulate_sysexit,
	[ZYDIS_MNEMONIC_INT] = emulate_int,
	[ZYDIS_MNEMONIC_INT3] = emulate_int3,
	[ZYDIS_MNEMONIC_INTO] = emulate_into,
	[ZYDIS_MNEMONIC_INT1] = emulate_int1,

	[ZYDIS_MNEMONIC_IN] = emulate_in,
	[ZYDIS_MNEMONIC_OUT] = emulate_out,
	[ZYDIS_MNEMONIC_INSB] = emulate_ins,
	[ZYDIS_MNEMONIC_INSW] = emulate_ins,
	[ZYDIS_MNEMONIC_INSD] = emulate_ins,
	[ZYDIS_MNEMONIC_OUTSB] = emulate_outs,
	[ZYDIS_MNEMONIC_OUTSW] = emulate_outs,
	[ZYDIS_MNEMONIC_OUTSD] = emulate_outs,

	[ZYDIS_MNEMONIC_CLI] = emulate_cli_sti,
	[ZYDIS_MNEMONIC_STI] = emulate_cli_sti,
	[ZYDIS_MNEMONIC_PUSHF] = emulate_pushf,
	[ZYDIS_MNEMONIC_PUSHFD] = emulate_pushf,
	[ZYDIS_MNEMONIC_PUSHFQ] = emulate_pushf,
	[ZYDIS_MNEMONIC_POPF] = emulate_popf,
	[ZYDIS_MNEMONIC_POPFD] = emulate_popf,
	[ZYDIS_MNEMONIC_POPFQ] = emulate_popf,
	[ZYDIS_MNEMONIC_HLT] = emulate_hlt,
	[ZYDIS_MNEMONIC_CPUID] = emulate_cpuid,
	[ZYDIS_MNEMONIC_STAC] = emulate_stac_clac,
	[ZYDIS_MNEMONIC_CLAC] = emulate_stac_clac,
	[ZYDIS_MNEMONIC_INVLPG] = emulate_invlpg,
	[ZYDIS_MNEMONIC_INVPCID] = emulate_invpcid,
	[ZYDIS_MNEMONIC_INVD] = emulate_wbinvd,
	[ZYDIS_MNEMONIC_WBINVD] = emulate_wbinvd,
	[ZYDIS_MNEMONIC_MONITOR] = emulate_monitor,
	[ZYDIS_MNEMONIC_MWAIT] = emulate_mwait,
	[ZYDIS_MNEMONIC_RDPKRU] = emulate_rdpkru,
	[ZYDIS_MNEMONIC_WRPKRU] = emulate_wrpkru,

	/* Virtualisation, enclaves, system management, shadow stacks: nothing of it is offered. */
	[ZYDIS_MNEMONIC_UD0] = emulate_undefined,
	[ZYDIS_MNEMONIC_UD1] = emulate_undefined,
	[ZYDIS_MNEMONIC_UD2] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMCALL] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMMCALL] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMFUNC] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMLAUNCH] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMRESUME] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMXON] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMXOFF] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMPTRLD] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMPTRST] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMCLEAR] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMREAD] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMWRITE] = emulate_undefined,
	[ZYDIS_MNEMONIC_INVEPT] = emulate_undefined,
	[ZYDIS_MNEMONIC_INVVPID] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMRUN] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMLOAD] = emulate_undefined,
	[ZYDIS_MNEMONIC_VMSAVE] = emulate_undefined,
	[ZYDIS_MNEMONIC_STGI] = emulate_undefined,
	[ZYDIS_MNEMONIC_CLGI] = emulate_undefined,
	[ZYDIS_MNEMONIC_SKINIT] = emulate_undefined,
	[ZYDIS_MNEMONIC_INVLPGA] = emulate_undefined,
	[ZYDIS_MNEMONIC_INVLPGB] = emulate_undefined,
	[ZYDIS_MNEMONIC_GETSEC] = emulate_undefined,
	[ZYDIS_MNEMONIC_RSM] = emulate_undefined,
	[ZYDIS_MNEMONIC_ENCLS] = emulate_undefined,
	[ZYDIS_MNEMONIC_ENCLU] = emulate_undefined,
	[ZYDIS_MNEMONIC_ENCLV] = emulate_undefined,
	[ZYDIS_MNEMONIC_PCONFIG] = emulate_undefined,
	[ZYDIS_MNEMONIC_MONITORX] = emulate_undefined,
	[ZYDIS_MNEMONIC_MWAITX] = emulate_undefined,
	[ZYDIS_MNEMONIC_SETSSBSY] = emulate_undefined,
	[ZYDIS_MNEMONIC_WRUSSD] = emulate_undefined,
	[ZYDIS_MNEMONIC_WRUSSQ] = emulate_undefined,
	[ZYDIS_MNEMONIC_HRESET] = emulate_undefined,

	[ZYDIS_MNEMONIC_ADD] = emulate_arithmetic,
	[ZYDIS_MNEMONIC_OR] = emulate_arithmetic,
	[ZYDIS_MNEMONIC_ADC] = emulate_arithmetic,
	[ZYDIS_MNEMONIC_SBB] = emulate_arithmetic,
	[ZYDIS_MNEMONIC_AND] = emulate_arithmetic,
	[ZYDIS_MNEMONIC_SUB] = emulate_arithmetic,
	[ZYDIS_MNEMONIC_XOR] = emulate_arithmetic,
	[ZYDIS_MNEMONIC_CMP] = emulate_arithmetic,
	[ZYDIS_MNEMONIC_TEST] = emulate_arithmetic,
	[ZYDIS_MNEMONIC_INC] = emulate_unary,
	[ZYDIS_MNEMONIC_DEC] = emulate_unary,
	[ZYDIS_MNEMONIC_NOT] = emulate_unary,
	[ZYDIS_MNEMONIC_NEG] = emulate_unary,
	[ZYDIS_MNEMONIC_SHL] = emulate_shift,
	[ZYDIS_MNEMONIC_SHR] = emulate_shift,
	[ZYDIS_MNEMONIC_SAR] = emulate_shift,
	[ZYDIS_MNEMONIC_ROL] = emulate_shift,
	[ZYDIS_MNEMONIC_ROR] = emulate_shift,
	[ZYDIS_MNEMONIC_RCL] = emulate_shift,
	[ZYDIS_MNEMONIC_RCR] = emulate_shift,
	[ZYDIS_MNEMONIC_SHLD] = emulate_shift_double,
	[ZYDIS_MNEMONIC_SHRD] = emulate_shift_double,
	[ZYDIS_MNEMONIC_BT] = emulate_bit,
	[ZYDIS_MNEMONIC_BTS] = emulate_bit,
	[ZYDIS_MNEMONIC_BTR] = emulate_bit,
	[ZYDIS_MNEMONIC_BTC] = emulate_bit,
	[ZYDIS_MNEMONIC_XCHG] = emulate_xchg,
	[ZYDIS_MNEMONIC_XADD] = emulate_xadd,
	[ZYDIS_MNEMONIC_CMPXCHG] = emulate_cmpxchg,
	[ZYDIS_MNEMONIC_CMPXCHG8B] = emulate_cmpxchg_pair,
	[ZYDIS_MNEMONIC_CMPXCHG16B] = emulate_cmpxchg_pair,
	[ZYDIS_MNEMONIC_MOVNTI] = emulate_mov,
	[ZYDIS_MNEMONIC_MOVDIRI] = emulate_mov,
	[ZYDIS_MNEMONIC_MOVBE] = emulate_movbe,
	[ZYDIS_MNEMONIC_MOVZX] = emulate_move_extended,
	[ZYDIS_MNEMONIC_MOVSX] = emulate_move_extended,
	[ZYDIS_MNEMONIC_MOVSXD] = emulate_move_extended,
	[ZYDIS_MNEMONIC_PUSH] = emulate_push,
	[ZYDIS_MNEMONIC_ENTER] = emulate_enter,
	[ZYDIS_MNEMONIC_SETO] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETNO] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETB] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETNB] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETZ] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETNZ] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETBE] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETNBE] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETS] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETNS] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETP] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETNP] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETL] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETNL] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETLE] = emulate_setcc,
	[ZYDIS_MNEMONIC_SETNLE] = emulate_setcc,

	[ZYDIS_MNEMONIC_MOVSB] = emulate_movs,
	[ZYDIS_MNEMONIC_MOVSW] = emulate_movs,
	[ZYDIS_MNEMONIC_MOVSD] = emulate_movs,
	[ZYDIS_MNEMONIC_MOVSQ] = emulate_movs,
	[ZYDIS_MNEMONIC_STOSB] = emulate_stos,
	[ZYDIS_MNEMONIC_STOSW] = emulate_stos,
	[ZYDIS_MNEMONIC_STOSD] = emulate_stos,
	[ZYDIS_MNEMONIC_STOSQ] = emulate_stos,
	[ZYDIS_MNEMONIC_LODSB] = emulate_lods,
	[ZYDIS_MNEMONIC_LODSW] = emulate_lods,
	[ZYDIS_MNEMONIC_LODSD] = emulate_lods,
	[ZYDIS_MNEMONIC_LODSQ] = emulate_lods,
};

static void decoder_init(const struct virtual_cpu *cpu, ZydisDecoder *decoder)
{
	if (virtual_is_64bit(cpu))
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	else if (cpu->segment[VIRTUAL_CS].access & SEGMENT_DB)
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
	else
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16);
}

/*
 * Fetches and decodes. Bytes beyond the page are touched only if the instruction reaches there, for
 * the next page may not be the guest's to fetch.
 */
static enum emulate_end decode(struct instruction *in)
{
	const struct virtual_cpu *cpu = in->cpu;
	gva_t gva = in->regs->rip;
	uint8_t bytes[ZYDIS_MAX_INSTRUCTION_LENGTH];
	unsigned access = EMULATE_FETCH | access_at_cpl(cpu), len;
	ZydisDecoder decoder;
	ZyanStatus status;

	if (!virtual_is_64bit(cpu))
		gva = (uint32_t)(gva + cpu->segment[VIRTUAL_CS].base);
	len = PAGE_BYTES - (unsigned)(gva & (PAGE_BYTES - 1));
	if (len > sizeof(bytes))
		len = sizeof(bytes);
	if (!memory_read(in->e, gva, bytes, len, access))
		return EMULATE_EXCEPTION;

	decoder_init(cpu, &decoder);
	status = ZydisDecoderDecodeFull(&decoder, bytes, len, &in->zydis, in->operand);
	if (status == ZYDIS_STATUS_NO_MORE_DATA && len < sizeof(bytes)) {
		if (!memory_read(in->e, gva + len, bytes + len, (unsigned)sizeof(bytes) - len,
				 access))
			return EMULATE_EXCEPTION;
		status = ZydisDecoderDecodeFull(&decoder, bytes, sizeof(bytes), &in->zydis,
						in->operand);
	}
	/* Fifteen bytes and no end in sight is #GP, as is a longer one. */
	if (status == ZYDIS_STATUS_NO_MORE_DATA || status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG)
		return raise_gp(in->e);
	return ZYAN_SUCCESS(status) ? EMULATE_DONE : raise_ud(in->e);
}

static void print_text(struct instruction *in)
{
	ZydisFormatter formatter;
	char *text = in->e->text;

	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
		    &formatter, &in->zydis, in->operand, in->zydis.operand_count_visible, text,
		    sizeof(in->e->text), in->regs->rip, NULL)))
		text[0] = 0;
}

static enum emulate_end not_emulated(struct instruction *in, enum emulate_end end)
{
	*in->e->regs = in->saved_regs;
	*in->e->cpu = in->saved_cpu;
	print_text(in);
	in->e->effects = 0;
	return end;
}

/* The instruction is done: RIP, and what single-stepping and RF make of it. */
static enum emulate_end finish(struct instruction *in, enum emulate_end end)
{
	struct emulate *e = in->e;
	bool is_iret = in->zydis.mnemonic == ZYDIS_MNEMONIC_IRET ||
		       in->zydis.mnemonic == ZYDIS_MNEMONIC_IRETD ||
		       in->zydis.mnemonic == ZYDIS_MNEMONIC_IRETQ;

	e->regs->rip = virtual_is_64bit(e->cpu) ? in->next : (uint32_t)in->next;
	if (!is_iret)
		e->regs->rflags &= ~RFLAGS_RF;
	if (in->flags_before & RFLAGS_TF) {
		e->cpu->dr[6] |= DR6_BS;
		e->effects |= EFFECT_STEP;
	}
	if (in->saved_cpu.cpl != e->cpu->cpl || in->saved_cpu.ac != e->cpu->ac)
		e->effects |= EFFECT_PRIVILEGE;
	return end;
}

enum emulate_end emulate(struct emulate *e)
{
	struct instruction in = {
		.e = e,
		.cpu = e->cpu,
		.regs = e->regs,
		.flags_before = e->regs->rflags,
		.saved_regs = *e->regs,
		.saved_cpu = *e->cpu,
	};
	emulate_handler *handler;
	enum emulate_end end;

	e->effects = 0;
	e->text[0] = 0;
	e->mnemonic = 0;
	end = decode(&in);
	if (end != EMULATE_DONE)
		return end;
	e->mnemonic = (uint16_t)in.zydis.mnemonic;
	in.next = e->regs->rip + in.zydis.length;
	handler = handlers[in.zydis.mnemonic];
	if (!handler)
		return not_emulated(&in, in.zydis.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED
						 ? EMULATE_UNKNOWN
						 : EMULATE_UNPRIVILEGED);

	end = handler(&in);
	switch (end) {
	case EMULATE_DONE:
	case EMULATE_STOP: return finish(&in, end);
	case EMULATE_EXCEPTION:
		*e->regs = in.saved_regs;
		*e->cpu = in.saved_cpu;
		e->effects = 0;
		return end;
	case EMULATE_UNKNOWN:
	case EMULATE_UNPRIVILEGED: break;
	}
	return not_emulated(&in, end);
}
