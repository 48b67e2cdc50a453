/* SPDX-License-Identifier: MIT */
/*
 * Privileged instructions of a deprivileged guest, emulated against the virtual CPU state. A trap
 * from CPL 3 (#GP, #UD, or a #PF that means MMIO or a write to a page table) hands the instruction
 * here; it is decoded with Zydis and done, or turned into the exception that the architecture
 * calls for. Intel SDM vol. 2, AMD APM vol. 3. Pure functions over the state: no ioctl, no globals.
 *
 * Before each call, whatever the guest changes without a trap must be up to date in struct
 * virtual_cpu: selectors and bases of segment registers (MOV to a segment register, WRFSBASE), XCR0
 * and PKRU.
 */
#ifndef VCPU_EMULATE_H
#define VCPU_EMULATE_H

#include "vcpu/virtual.h"

#include <linux/kvm.h>
#include <penumbra/penumbra.h>

/* Vectors of exceptions. SDM vol. 3, 6.3.1. */
enum vector {
	VECTOR_DE = 0,
	VECTOR_DB = 1,
	VECTOR_BP = 3,
	VECTOR_OF = 4,
	VECTOR_UD = 6,
	VECTOR_NM = 7,
	VECTOR_DF = 8,
	VECTOR_TS = 10,
	VECTOR_NP = 11,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_AC = 17,
	VECTOR_MC = 18,
	VECTOR_CP = 21,
};

/* An exception to be delivered to the guest. */
struct exception {
	uint8_t vector;
	bool has_error;
	uint32_t error;
	gva_t cr2; /* for #PF */
};

/* What the rest must do after an instruction that succeeded; a set. */
enum emulate_effect {
	EFFECT_CR0 = 1 << 0, /* cpu->cr0 changed */
	EFFECT_CR3 = 1 << 1, /* MOV to CR3: load the root; emulate.no_flush */
	EFFECT_CR4 = 1 << 2, /* cpu->cr4 changed */
	EFFECT_EFER = 1 << 3,
	EFFECT_INVLPG = 1 << 4,	      /* emulate.gva */
	EFFECT_INVPCID = 1 << 5,      /* emulate.invpcid, .pcid, .gva */
	EFFECT_PRIVILEGE = 1 << 6,    /* cpu->cpl or cpu->ac changed: another view */
	EFFECT_SEGMENTS = 1 << 7,     /* real segment registers or bases must follow cpu->segment */
	EFFECT_HALT = 1 << 8,	      /* HLT; cpu->interrupts tells whether anything can end it */
	EFFECT_PORT = 1 << 9,	      /* IN or OUT done through ops->port */
	EFFECT_DEBUG = 1 << 10,	      /* cpu->dr changed */
	EFFECT_FLUSH_CACHE = 1 << 11, /* WBINVD and its like: nothing to do */
	EFFECT_TSC = 1 << 12,	      /* the TSC was written: emulate.tsc */
	EFFECT_TSC_AUX = 1 << 13,     /* cpu->tsc_aux, which RDTSCP reads without a trap */
	EFFECT_XSTATE = 1 << 14,      /* cpu->xcr0 or cpu->pkru changed */
	EFFECT_STEP = 1 << 15,	      /* RFLAGS.TF was set: a #DB is due; DR6.BS is in cpu->dr */
	EFFECT_MEMORY = 1 << 16,      /* a store of a general instruction was done (ops->write) */
	EFFECT_CR2_READ = 1 << 17,    /* MOV from CR2 to general register emulate.reg */
};

enum emulate_end {
	EMULATE_DONE,	   /* regs, cpu and effects tell; RIP is past the instruction, or where it
			      went, or still at a REP instruction that is to go on */
	EMULATE_EXCEPTION, /* emulate.exception; registers are as before (but for the elements that
			      a REP instruction has done), RIP is at the instruction */
	EMULATE_STOP,	   /* a port handler ends the run; else like EMULATE_DONE */
	EMULATE_UNKNOWN,   /* not emulated: emulate.text names the instruction */
	EMULATE_UNPRIVILEGED, /* not emulated, and nothing about it is privileged: a #GP or #UD was
				 the guest's own doing and is delivered as it came */
};

/* How memory is accessed, for ops; a set. */
enum emulate_access {
	EMULATE_USER = 1 << 0,	   /* as at CPL 3; else as a supervisor: SMAP looks at cpu->ac */
	EMULATE_IMPLICIT = 1 << 1, /* the processor's own access to a descriptor table or a TSS */
	EMULATE_FETCH = 1 << 2,	   /* instruction fetch */
	EMULATE_MODIFY = 1 << 3,   /* a read that is checked, and sets A and D, like a write, for
				      one will follow */
};

/*
 * How the emulator reaches the world. Memory is reached by GVA; all `len` bytes (at most 48) are
 * canonical and do not wrap, but may cross a page. A fault fills *e (#PF with error code and CR2)
 * and returns false, and nothing has been written then.
 */
struct emulate_ops {
	bool (*read)(void *arg, gva_t gva, void *to, unsigned len, unsigned access,
		     struct exception *e);
	bool (*write)(void *arg, gva_t gva, const void *from, unsigned len, unsigned access,
		      struct exception *e);
	/*
	 * Stores the `len` (1, 2, 4, 8, 16) bytes at `to` if the memory holds those at `expected`,
	 * as one atomic step; *stored tells. May be NULL with one vCPU: then a LOCKed instruction
	 * and the setting of a descriptor's bits are a read and a write.
	 */
	bool (*exchange)(void *arg, gva_t gva, const void *expected, const void *to, unsigned len,
			 unsigned access, bool *stored, struct exception *e);
	/* One port access of 1, 2 or 4 bytes; false: the run ends. */
	bool (*port)(void *arg, uint16_t port, unsigned size, bool in, uint32_t *value);
	/* CPUID as the guest is to see it (OSXSAVE and OSPKE are put in by the emulator). */
	void (*cpuid)(void *arg, uint32_t leaf, uint32_t index, uint32_t out[4]);
	uint64_t (*tsc)(void *arg);
	/* Brings the bases of FS and GS in cpu->segment up to date; before an access to their MSRs. May
	 * be NULL. */
	void (*bases)(void *arg);
};

struct emulate {
	struct virtual_cpu *cpu;
	struct kvm_regs *regs; /* real general registers, RIP, RFLAGS */
	const struct emulate_ops *ops;
	void *arg;

	/* Filled in by each call. */
	unsigned effects; /* enum emulate_effect; 0 unless the call succeeded */
	bool no_flush;	  /* EFFECT_CR3: bit 63 was set under CR4.PCIDE */
	gva_t gva;
	uint64_t pcid;
	unsigned invpcid; /* type, 0 to 3 */
	uint64_t tsc;
	unsigned reg; /* 0 to 15, as ModRM numbers them */
	struct exception exception;
	uint16_t mnemonic; /* ZydisMnemonic of the instruction; 0 if it could not be decoded */
	char text[96];	   /* of the instruction, as Zydis prints it, for EMULATE_UNKNOWN and
			  EMULATE_UNPRIVILEGED; else empty */
};

/* Emulates the instruction at regs->rip. */
enum emulate_end emulate(struct emulate *e);

/*
 * Delivers an exception through the guest's own IDT: reads the gate, finds CS, the stack (IST, RSP0
 * of the guest's TSS), pushes the frame the guest expects (virtual CS, SS, RFLAGS, error code),
 * goes to the handler. `software`: INT n, INT3, INTO (the gate's DPL counts; RIP lies past it).
 * A real INT3 or INTO trap is best given to emulate() with RIP put back onto the instruction: then
 * a gate that refuses gives its #GP there.
 *
 * A fault on the way is delivered in turn, or becomes a double fault by the rules of SDM vol. 3,
 * 6.15, "Interrupt 8"; e->exception is the one whose handler runs next. Returns false for a triple
 * fault; registers are as before then, but for CR2.
 *
 * One departure from the manuals: a handler starts with AC clear. A kernel under SMAP begins with
 * CLAC or POPF, and of these POPF does not trap.
 */
bool deliver_exception(struct emulate *e, const struct exception *exception, bool software);

/*
 * SYSCALL as executed by the guest, with regs->rip past the instruction already: goes to cpu->lstar
 * as the architecture says. Returns false with e->exception #UD and regs->rip back at the
 * instruction if it is not enabled.
 */
bool emulate_syscall(struct emulate *e);

#endif
