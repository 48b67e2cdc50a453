/* SPDX-License-Identifier: MIT */
/*
 * Shared by the files of the emulator. A handler does one instruction: it raises an exception or
 * changes *cpu, *regs and memory. What it did to *cpu and *regs before an exception is taken back
 * by emulate(), so checks and changes may mix; its store to memory comes last.
 */
#ifndef VCPU_EMULATE_PRIVATE_H
#define VCPU_EMULATE_PRIVATE_H

#include "vcpu/emulate/descriptor.h"
#include "vcpu/emulate/emulate.h"
#include "x86.h"

#include <Zydis/Zydis.h>

#define EFER_FFXSR (UINT64_C(1) << 14) /* AMD APM vol. 2, 3.1.7 */

/* Debug registers. SDM vol. 3, 17.2. */
#define DR6_BD	    (UINT64_C(1) << 13)
#define DR6_DEFINED UINT64_C(0x0000e00f)
#define DR6_ONES    UINT64_C(0xffff0ff0)
#define DR7_GD	    (UINT64_C(1) << 13)
#define DR7_DEFINED UINT64_C(0xffff23ff)
#define DR7_ONES    UINT64_C(0x00000400)

/* The instruction under way. */
struct instruction {
	struct emulate *e;
	struct virtual_cpu *cpu; /* e->cpu */
	struct kvm_regs *regs;	 /* e->regs; RIP is at the instruction */
	uint64_t next;		 /* where RIP goes: past the instruction unless changed */
	uint64_t flags_before;	 /* real RFLAGS */
	ZydisDecodedInstruction zydis;
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];

	/* What an exception brings back. */
	struct kvm_regs saved_regs;
	struct virtual_cpu saved_cpu;
};

typedef enum emulate_end emulate_handler(struct instruction *in);

/* --- Exceptions: each fills e->exception and returns EMULATE_EXCEPTION. --- */

enum emulate_end raise_plain(struct emulate *e, enum vector vector);
enum emulate_end raise_error(struct emulate *e, enum vector vector, uint32_t error);

static inline enum emulate_end raise_gp(struct emulate *e)
{
	return raise_error(e, VECTOR_GP, 0);
}

static inline enum emulate_end raise_ud(struct emulate *e)
{
	return raise_plain(e, VECTOR_UD);
}

/* --- Memory by GVA (operand.c). False: e->exception tells. --- */

/* An internal flag beside enum emulate_access: the access goes through SS, and so a non-canonical
 * address is #SS(0) and not #GP(0). */
#define ACCESS_STACK (1U << 16)

/* The flags of an explicit access at the guest's privilege. */
unsigned access_at_cpl(const struct virtual_cpu *cpu);

bool memory_read(struct emulate *e, gva_t gva, void *to, unsigned len, unsigned access);
bool memory_write(struct emulate *e, gva_t gva, const void *from, unsigned len, unsigned access);

/* As ops->exchange, with a read and a write in its place where there is none. */
bool memory_exchange(struct emulate *e, gva_t gva, const void *expected, const void *to,
		     unsigned len, unsigned access, bool *stored);

/* --- Operands and registers (operand.c). --- */

/* General registers by their number in an encoding: RAX 0, RCX 1, ..., R15 15. */
uint64_t *general_register(struct kvm_regs *regs, unsigned number);

/* Any of AL to R15. Writing 32 bits clears the upper half. */
uint64_t register_get(struct instruction *in, ZydisRegister reg);
void register_set(struct instruction *in, ZydisRegister reg, uint64_t value);

/* Bytes of an operand: 1, 2, 4, 8, ... */
unsigned operand_bytes(const struct instruction *in, unsigned index);

/* The linear address of a memory operand, and the flags to access it with. */
gva_t operand_address(struct instruction *in, unsigned index, unsigned *access);

/* The value of a register, immediate (sign-extended) or memory operand of at most 8 bytes. */
bool operand_load(struct instruction *in, unsigned index, uint64_t *value);
bool operand_store(struct instruction *in, unsigned index, uint64_t value);

/* As above for an operand of another size in memory than the one decoded. */
bool operand_read(struct instruction *in, unsigned index, void *to, unsigned len);
bool operand_write(struct instruction *in, unsigned index, const void *from, unsigned len);

/* All ones in `bytes` bytes (1 to 8). */
static inline uint64_t mask_bytes(unsigned bytes)
{
	return bytes >= 8 ? ~UINT64_C(0) : (UINT64_C(1) << bytes * 8) - 1;
}

/* --- What CPUID offers (feature.c). --- */

enum feature {
	FEATURE_VME,
	FEATURE_DE,
	FEATURE_PSE,
	FEATURE_TSC,
	FEATURE_PAE,
	FEATURE_MCE,
	FEATURE_SEP,
	FEATURE_PGE,
	FEATURE_PAT,
	FEATURE_FXSR,
	FEATURE_SSE,
	FEATURE_MONITOR,
	FEATURE_PCID,
	FEATURE_XSAVE,
	FEATURE_FSGSBASE,
	FEATURE_SMEP,
	FEATURE_INVPCID,
	FEATURE_SMAP,
	FEATURE_UMIP,
	FEATURE_PKU,
	FEATURE_LA57,
	FEATURE_RDPID,
	FEATURE_NX,
	FEATURE_FFXSR,
	FEATURE_RDTSCP,
	FEATURES
};

bool is_offered(struct emulate *e, enum feature feature);
bool is_amd(struct emulate *e);		   /* or Hygon */
unsigned physical_bits(struct emulate *e); /* MAXPHYADDR */

/* --- Segments (segment.c). --- */

struct descriptor {
	uint64_t low, high; /* high: of a 16-byte system descriptor */
	gva_t gva;
	uint16_t access; /* as in struct virtual_segment */
};

/* Reads the descriptor `selector` (not null) names. Outside its table: vector(selector | ext).
 * `system`: 16 bytes are needed where it turns out to be a system descriptor. */
bool descriptor_read(struct emulate *e, uint16_t selector, enum vector vector, uint32_t ext,
		     struct descriptor *d);

/* Reads the upper half of a 16-byte system descriptor. */
bool descriptor_read_high(struct emulate *e, uint16_t selector, uint32_t ext, struct descriptor *d);

/* Sets type bits (A, busy) in memory and in *d if they are clear. */
bool descriptor_mark(struct emulate *e, struct descriptor *d, uint16_t bits);

uint64_t descriptor_base(const struct descriptor *d);
uint32_t descriptor_limit(const struct descriptor *d);

/* The register a load of *d under `selector` gives. */
struct virtual_segment segment_from(uint16_t selector, const struct descriptor *d);

/* What SYSCALL and its like load without a descriptor: flat code or stack. */
struct virtual_segment segment_flat_code(uint16_t selector, unsigned dpl, bool is_64bit);
struct virtual_segment segment_flat_data(uint16_t selector, unsigned dpl);

/* What a null selector leaves. */
struct virtual_segment segment_null(uint16_t selector, unsigned dpl);

/* Loads SS for privilege `cpl` (of a far return, too); null only if `may_be_null`. */
bool segment_load_stack(struct emulate *e, uint16_t selector, unsigned cpl, bool may_be_null);

/* Loads ES, DS, FS or GS at the guest's privilege. */
bool segment_load_data(struct emulate *e, enum virtual_segment_name name, uint16_t selector);

/* --- Delivery (deliver.c). --- */

/* One attempt to go through gate `vector`; false: e->exception is it, nothing has changed. */
bool deliver_once(struct emulate *e, const struct exception *exception, bool software);

/* --- Handlers, by family. --- */

emulate_handler emulate_mov; /* memory or registers, control, debug, segment */
emulate_handler emulate_mov_control, emulate_mov_debug, emulate_clts, emulate_lmsw, emulate_smsw,
	emulate_xgetbv, emulate_xsetbv;
emulate_handler emulate_rdmsr, emulate_wrmsr, emulate_rdtsc, emulate_rdtscp, emulate_rdpid,
	emulate_rdpmc;
emulate_handler emulate_lgdt_lidt, emulate_sgdt_sidt, emulate_lldt, emulate_ltr, emulate_sldt_str,
	emulate_lar_lsl, emulate_verr_verw;
emulate_handler emulate_mov_segment, emulate_pop, emulate_load_far_pointer, emulate_swapgs,
	emulate_read_base, emulate_write_base;
emulate_handler emulate_far_call, emulate_far_jump, emulate_far_return, emulate_iret;
emulate_handler emulate_syscall_instruction, emulate_sysret, emulate_sysenter, emulate_sysexit;
emulate_handler emulate_int, emulate_int3, emulate_into, emulate_int1, emulate_undefined;
emulate_handler emulate_in, emulate_out, emulate_ins, emulate_outs;
emulate_handler emulate_cli_sti, emulate_pushf, emulate_popf, emulate_hlt, emulate_cpuid,
	emulate_stac_clac, emulate_invlpg, emulate_invpcid, emulate_wbinvd, emulate_monitor,
	emulate_mwait, emulate_rdpkru, emulate_wrpkru;
emulate_handler emulate_arithmetic, emulate_unary, emulate_shift, emulate_shift_double, emulate_bit,
	emulate_xchg, emulate_xadd, emulate_cmpxchg, emulate_cmpxchg_pair, emulate_move_extended,
	emulate_movbe, emulate_setcc;
emulate_handler emulate_push, emulate_near_call, emulate_enter; /* and emulate_pushf */
emulate_handler emulate_movs, emulate_stos, emulate_lods;

/* Whether port I/O is allowed: CPL <= IOPL, or the I/O bitmap of the guest's TSS lets it. False:
 * e->exception. */
bool port_is_allowed(struct emulate *e, uint16_t port, unsigned size);

/* --- String instructions (string.c). --- */

/* Elements one call does at most before RIP goes back to the guest for the rest. */
#define STRING_BATCH 1024

/* Whether there is an element to do in this call, `done` of which are done: one without REP, as
 * many as RCX (by address size) tells with it. */
bool string_goes_on(struct instruction *in, unsigned done);

/* One element of `bytes` is done: RSI and RDI go on (either may be NULL), RCX counts down, and an
 * exception from here on leaves them so. */
void string_advance(struct instruction *in, unsigned bytes, bool source, bool destination);

/* Where the next element lies. Source: DS or its override; destination: ES. */
gva_t string_address(struct instruction *in, bool destination, unsigned *access);

/* Ends a call: RIP stays at the instruction if elements are left. */
enum emulate_end string_end(struct instruction *in, enum emulate_end end);

#endif
