/* SPDX-License-Identifier: MIT */
/*
 * Shadow mode's vCPU: guest kernel and guest user both at CPL 3, a virtual CPU in place of the real
 * one, the monitor in ring 0. A trap that the monitor hands over is understood here: is it a hidden
 * fault, an instruction to emulate, or something the guest must see?
 *
 *   mode.c     into shadow mode and out of it (struct mmu_ops)
 *   exit.c     the monitor's exit: registers in, registers out
 *   trap.c     what a trap means
 *   hidden.c   the short way of one kind of them
 *   frame.c    the guest's registers, between the monitor's stack and the virtual CPU
 *   reach.c    the emulator's way to memory, ports and CPUID
 *   settle.c   what has changed becomes mail for the monitor
 *   cr2.c      the one instruction that the monitor does by itself
 */
#ifndef VCPU_DEPRIVILEGED_DEPRIVILEGED_H
#define VCPU_DEPRIVILEGED_DEPRIVILEGED_H

#include "memory/shadow/shadow.h"
#include "vcpu/emulate/emulate.h"
#include "vcpu/monitor/area.h"
#include "vcpu/vcpu.h"

/* A guest fault on its way through the guest's handler: what the processor will do again when the
 * handler returns. */
struct handled_fault {
	bool open;
	struct walk_query query;
	struct kvm_regs regs;
};

/* What an emulated instruction or an exception's frame reached for where no memory slot lets it. */
struct missed_access {
	bool happened, write;
	gpa_t gpa;
};

/* Registers of the real CPU that ring 3 runs by, as they were last set. */
struct real_registers {
	gpa_t root; /* CR3 */
	uint64_t cr0, cr4, fs_base, gs_base;
};

/* The instruction whose stores to tables were let through, untracked, and how many. All its
 * registers name it: with one changed there was progress. */
struct retried {
	struct kvm_regs regs;
	unsigned count;
};

/* An unaligned scatter of 16 elements may come to so many pages; nothing stores to more. */
#define RETRIES_MAX 32

struct deprivileged {
	struct area area;
	struct shadow *shadow;
	struct mailbox box; /* mail for the monitor, to be done at the next entry */
	struct virtual_cpu cpu;
	struct walk_context ctx; /* of the virtual CPU's paging registers */
	struct walk_regs paging; /* these, as of ctx */
	uint64_t contexts;	 /* there have been: ctx.serial */
	struct kvm_regs regs;	 /* the guest's, of the trap at hand; but see `late` */
	/* The trap at hand has left the guest's registers where they were: in this frame and in
	 * v->run. frame_catch_up() brings `regs` up to date. NULL: they are. */
	struct monitor_frame *late;
	uint64_t given_flags; /* RFLAGS of the last frame that was given */
	struct real_registers real;
	bool has_umip;	  /* CR4.UMIP can be set in real */
	bool iopl_works;  /* this host honours IOPL = 3 at CPL 3, as far as has been seen */
	bool come_back;	  /* the monitor is to return to the host when the mail is done */
	bool set_tsc_aux; /* the real TSC_AUX is to follow cpu.tsc_aux */
	struct handled_fault fault; /* the guest fault delivered last */
	struct missed_access missed;
	struct trap_record *record; /* of the trap at hand */
	gva_t trap_rip;		    /* where the guest was */
	struct retried retried;
	gva_t cr2_site; /* where the guest's kernel reads CR2, or MONITOR_NO_SITE */
	struct vcpu *vcpu;
};

/*
 * Makes the VMM area and the shadow of a vCPU, if it has none yet. Returns 0, PN_ERR_NOMEM,
 * PN_ERR_SYSTEM, PN_ERR_OVERLAP (a memory slot lies where the area must), PN_ERR_HOST_LACKS.
 */
int deprivileged_prepare(struct vcpu *v, struct pn_error *err);
void deprivileged_destroy(struct deprivileged *d);

/* Whether the exit in v->run was made by the monitor, and not by the guest itself. */
bool deprivileged_by_monitor(const struct vcpu *v);

/* Handles the monitor's exit in v->run. */
enum vcpu_verdict deprivileged_exit(struct deprivileged *d, struct vcpu_end *end);

/* The guest's paging registers, for a host call that it makes by an IN of its own. */
const struct walk_context *deprivileged_context(struct deprivileged *d);

/* Whether SGDT, SIDT, SLDT, STR and SMSW trap in ring 3: the virtual machine has UMIP. */
bool deprivileged_has_umip(const struct vcpu *v);

/* --- Between these files --- */

/* Rebuilds d->ctx from the virtual CPU's paging registers. */
void deprivileged_update(struct deprivileged *d);

/* The view that the virtual CPU's privilege calls for. */
enum shadow_view deprivileged_view(const struct deprivileged *d);

/* What the real CR0 and CR4 are to hold: the monitor's needs, and those bits of the guest's that
 * ring 3 runs by without a trap. */
uint64_t deprivileged_cr0(const struct deprivileged *d);
uint64_t deprivileged_cr4(const struct deprivileged *d);

/* The guest's registers out of a trap's frame, or as they are in ring 3; and into the frame. */
void frame_take(struct deprivileged *d, const struct kvm_regs *real,
		const struct monitor_frame *frame);
void frame_take_running(struct deprivileged *d, const struct kvm_regs *real);
void frame_give(struct deprivileged *d, struct monitor_frame *frame);
void frame_catch_up(struct deprivileged *d);

/* Takes over what the guest can change without a trap: bases of FS and GS. */
void frame_take_bases(struct deprivileged *d);

/* What the next exit is to bring: KVM_SYNC_X86_... */
uint64_t frame_wanted_regs(const struct deprivileged *d);

/*
 * The instruction at `site`, which moved CR2 to general register `to` (as ModRM numbers them), is
 * done: the monitor may do it from now on. d->regs.rip is past it.
 */
void cr2_learn(struct deprivileged *d, gva_t site, unsigned to);

/* Tells the monitor the virtual CR2, and whether the guest may read it. */
void cr2_settle(struct deprivileged *d);

/*
 * The exit is a #PF of the monitor itself: if it was its look at the guest's text, makes it the #GP
 * that it looked into, and returns that frame; else NULL.
 */
struct monitor_frame *cr2_peek_failed(struct deprivileged *d);

/* Makes mail for the monitor of all that the guest's next instruction depends on. */
void deprivileged_settle(struct deprivileged *d);

/* What the trap in `frame` means, and does it: d->regs are the guest's, d->record is begun. */
enum vcpu_verdict deprivileged_trap(struct deprivileged *d, const struct monitor_frame *frame,
				    struct vcpu_end *end);

/*
 * Resolves the trap in `frame` if it is a hidden fault next to the last one. False, and nothing done:
 * go the long way.
 */
bool hidden_again(struct deprivileged *d, struct monitor_frame *frame);

/* Hands the shadow's mail in d->box over. */
void settle_box(struct deprivileged *d);

/* The same as deprivileged_settle() if no register of the virtual CPU has changed. */
void deprivileged_settle_tables(struct deprivileged *d);

/* The emulator's way to memory, ports and CPUID; its argument is a struct deprivileged. */
extern const struct emulate_ops reach_ops;

#endif
