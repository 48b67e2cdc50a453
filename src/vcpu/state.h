/* SPDX-License-Identifier: MIT */
/*
 * The whole state of a guest's CPU, and its way out of a real vCPU and into it: all that changes
 * hands when the mode changes. KVM API 4.11 to 4.18, 4.31, 4.32, 4.42 to 4.45.
 */
#ifndef VCPU_STATE_H
#define VCPU_STATE_H

#include "vcpu/emulate/emulate.h"
#include "vcpu/vcpu.h"

struct vcpu_state {
	struct virtual_cpu cpu;
	struct kvm_regs regs; /* RFLAGS as the guest sees them */
	bool has_pending;     /* an exception that is due before the next instruction */
	struct exception pending;
};

/*
 * Reads everything out of a vCPU that runs the guest as it is. An exception that KVM was about to
 * inject becomes state->pending, and KVM forgets it. Returns 0 or PN_ERR_SYSTEM.
 */
int state_take(struct vcpu *v, struct vcpu_state *state, struct pn_error *err);

/* The other way. Returns 0, PN_ERR_SYSTEM, or PN_ERR_HOST_LACKS if KVM refuses the registers. */
int state_give(struct vcpu *v, const struct vcpu_state *state, struct pn_error *err);

/*
 * An exit leaves port I/O or MMIO half done; KVM does the rest here, without running the guest. The
 * general registers in v->run are up to date then. Returns 0 or PN_ERR_SYSTEM.
 */
int state_finish_exit(struct vcpu *v, struct pn_error *err);

/* Whether KVM is about to inject an exception. */
bool state_has_pending(const struct vcpu *v);

/*
 * Whether KVM may be about to inject a #BP. It tells of none (KVM_GET_VCPU_EVENTS leaves out what a
 * program raises by INT3), and kvm_pvm has RIP behind the INT3 by then, so that nothing would raise
 * it again. Between two KVM_RUNs that made no exit; `ctx` is of the guest's paging registers.
 */
bool state_may_hide_breakpoint(const struct vcpu *v, const struct walk_context *ctx);

/* Takes such an exception away: RIP is at the instruction still, which will raise it again. Returns 0
 * or PN_ERR_SYSTEM. */
int state_drop_soft(struct vcpu *v, struct pn_error *err);

/* The virtual CPU's registers into KVM's structure; what that has beyond them stays. */
void state_to_sregs(const struct virtual_cpu *cpu, struct kvm_sregs *s);

/* The MSRs that a guest and the monitor both use. Returns 0 or PN_ERR_SYSTEM. */
int state_set_msrs(struct vcpu *v, const struct virtual_cpu *cpu, struct pn_error *err);

/* One MSR by its number; false if KVM does not have it. */
bool state_get_msr(const struct vcpu *v, uint32_t index, uint64_t *value);
bool state_set_msr(const struct vcpu *v, uint32_t index, uint64_t value);

/* PKRU (pkru.c); 0, and nothing done, where the guest is not offered protection keys. Both return 0 or
 * PN_ERR_SYSTEM; *pkru is 0 then. `err` may be NULL. */
int state_get_pkru(const struct vcpu *v, uint32_t *pkru, struct pn_error *err);
int state_set_pkru(const struct vcpu *v, uint32_t pkru, struct pn_error *err);

/* Sets DR0 to DR7. Returns 0 or PN_ERR_SYSTEM. */
int state_set_debug(struct vcpu *v, const uint64_t dr[8], struct pn_error *err);

#endif
