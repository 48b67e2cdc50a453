/* SPDX-License-Identifier: MIT */
/*
 * Shadow mode's vCPU: guest kernel and guest user both at CPL 3, a virtual CPU in place of the real
 * one, the monitor in ring 0. Here a trap that the monitor hands over is understood: is it a hidden
 * fault, an instruction to emulate, or something the guest must see?
 */
#ifndef VCPU_DEPRIVILEGED_H
#define VCPU_DEPRIVILEGED_H

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

struct deprivileged {
	struct area area;
	struct shadow *shadow;
	struct mailbox box; /* mail for the monitor, to be done at the next entry */
	struct virtual_cpu cpu;
	struct walk_context ctx;     /* of the virtual CPU's paging registers */
	bool active;		     /* the vCPU is under the monitor now */
	uint64_t toggles;	     /* changes of mode so far */
	gpa_t root;		     /* what the real CR3 holds */
	struct kvm_regs regs;	     /* the guest's, of the trap at hand */
	uint64_t fs_base, gs_base;   /* what the real ones are */
	uint64_t cr4;		     /* what the real CR4 holds */
	bool set_tsc_aux;	     /* the real TSC_AUX is to follow cpu.tsc_aux */
	struct handled_fault fault;  /* the guest fault delivered last */
	union kvm_cpuid_list *cpuid; /* the guest's */
	struct vcpu *vcpu;
};

/* Makes the VMM area and the shadow. Returns 0, PN_ERR_NOMEM or PN_ERR_SYSTEM. */
int deprivileged_create(struct deprivileged *d, struct vcpu *v, int vm, gpa_t limit,
			uint64_t pool_size, enum shadow_strategy strategy,
			union kvm_cpuid_list *cpuid, struct pn_error *err);
void deprivileged_destroy(struct deprivileged *d);

/* Takes the vCPU's real state over into the virtual CPU and puts it under the monitor. */
int deprivileged_enter(struct deprivileged *d, struct pn_error *err);

/* Gives the virtual CPU's state back to the real one. Called between a trap and the next KVM_RUN. */
int deprivileged_leave(struct deprivileged *d, struct pn_error *err);

/* The guest's registers as it sees them, as of the last trap. */
struct vcpu_registers deprivileged_registers(struct deprivileged *d);

/* Rebuilds d->ctx from the virtual CPU's paging registers. */
void deprivileged_update(struct deprivileged *d);

/* The view that the virtual CPU's privilege calls for. */
enum shadow_view deprivileged_view(const struct deprivileged *d);

/* Handles the trap that the exit in v->run is. */
enum vcpu_verdict deprivileged_trap(struct deprivileged *d, struct vcpu_end *end);

/* What the real CR4 is to hold: the monitor's needs, and those bits of the guest's that ring 3 runs
 * by without a trap. */
uint64_t deprivileged_cr4(const struct deprivileged *d);

/* Makes mail for the monitor of all that the guest's next instruction depends on. */
void deprivileged_settle(struct deprivileged *d);

/* The emulator's way to memory, ports and CPUID; its argument is a struct deprivileged. */
extern const struct emulate_ops reach_ops;

#endif
