/* SPDX-License-Identifier: MIT */
/*
 * The throw-away VM of a probe: 64 KiB of memory, tables, one vCPU in 64-bit mode, the probe guest
 * loaded. A run is bounded in exits and in time, so that no host can hold a probe for ever.
 * Each probe has a VM of its own: where the kernel shadows, it would not see the host change
 * tables that were in use.
 */
#ifndef KVM_PROBE_VM_H
#define KVM_PROBE_VM_H

#include "kvm/probe.h"
#include "kvm/probe_guest.h"

#include <signal.h>
#include <time.h>

/* One probe VM may take so many exits, and so much time in all (nanoseconds). */
#define PROBE_EXITS_MAX 64
#define PROBE_LIMIT_NS	UINT64_C(2000000000)

struct probe_vm {
	const struct kvm_host *host;
	int vm, vcpu;
	struct kvm_run *run;
	uint8_t *ram; /* PROBE_RAM bytes, at GPA 0 */
	unsigned exits;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	timer_t timer;
	bool timed;	   /* the timer exists and the kick signal is blocked */
	sigset_t old_mask; /* the thread's, to be put back */
};

/*
 * Makes the VM with four-level tables, or five-level ones if `la57`. The calling thread alone may
 * run and destroy it. Returns 0 or PN_ERR_NOMEM, PN_ERR_SYSTEM, PN_ERR_HOST_LACKS (no LA57), with
 * nothing left behind.
 */
int probe_vm_create(struct probe_vm *v, struct probe *p, bool la57, struct pn_error *err);
void probe_vm_destroy(struct probe_vm *v);

/* GVA of an entry point of probe_guest.h in the VM. */
gva_t probe_vm_gva(const uint8_t *entry);

/* Makes the vCPU go on at `entry` with these general registers; sets RIP, RSP and RFLAGS itself. */
int probe_vm_enter(struct probe_vm *v, const uint8_t *entry, struct kvm_regs *regs,
		   struct pn_error *err);

/* Makes `vector` go to `entry`; without it every vector below 32 ends the snippet. */
void probe_vm_handle(struct probe_vm *v, unsigned vector, const uint8_t *entry);

/*
 * Runs to the next exit, which is then in v->run. Returns 0, PN_ERR_HOST_LACKS if a bound was
 * reached, PN_ERR_SYSTEM if KVM_RUN failed.
 */
int probe_vm_run(struct probe_vm *v, struct pn_error *err);

/* How the guest stands after probe_vm_run. */
enum probe_stop {
	PROBE_STOP_END,	      /* the snippet is done */
	PROBE_STOP_EXCEPTION, /* an exception came: probe_vm_vector */
	PROBE_STOP_EXIT,      /* any other exit: v->run->exit_reason */
};

enum probe_stop probe_vm_stop(const struct probe_vm *v);

/* The vector, for PROBE_STOP_EXCEPTION. */
unsigned probe_vm_vector(const struct probe_vm *v);

/* Says in words how the guest stands: "exception 13 (#GP)", "exit INTERNAL_ERROR". */
void probe_vm_describe(const struct probe_vm *v, char *text, size_t size);

/* Reads the general registers. Returns 0 or PN_ERR_SYSTEM. */
int probe_vm_regs(const struct probe_vm *v, struct kvm_regs *regs, struct pn_error *err);

#endif
