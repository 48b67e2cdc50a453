/* SPDX-License-Identifier: MIT */
/*
 * The ways to virtualise a guest's memory, one struct mmu_ops each, and the change from one to the
 * other while the guest runs: leave() takes the guest's state out of one, enter() puts it into the
 * other. The state in between is a struct vcpu_state, complete and the same for both.
 */
#ifndef VCPU_MODE_H
#define VCPU_MODE_H

#include "vcpu/state.h"
#include "vcpu/vcpu.h"

struct mmu_ops {
	const char *name;
	/*
	 * Whether the guest stands between two instructions of its own, so that the mode can be
	 * left. If not, sees to it that it soon will: the caller runs on and asks again. `exited`:
	 * KVM_RUN has returned an exit since, which has been handled, and no signal.
	 */
	bool (*ready)(struct vcpu *v, bool exited);
	/* Takes the guest's state. Returns 0 or PN_ERR_SYSTEM. */
	int (*leave)(struct vcpu *v, bool exited, struct vcpu_state *state, struct pn_error *err);
	/* Gives it to the vCPU. Returns 0, PN_ERR_HOST_LACKS or PN_ERR_SYSTEM. */
	int (*enter)(struct vcpu *v, const struct vcpu_state *state, struct pn_error *err);
	/* The guest's registers as it would see them. */
	struct vcpu_registers (*registers)(const struct vcpu *v);
	/* Checks the mode's invariants; false with one line in `why`. */
	bool (*audit)(struct vcpu *v, char *why, size_t size);
};

extern const struct mmu_ops mmu_hw;	/* hw.c */
extern const struct mmu_ops mmu_shadow; /* deprivileged/mode.c */

/* The mode that the vCPU is in. */
const struct mmu_ops *mode_of(const struct vcpu *v);

/* What may be asked for: a mode, or the one that it is not in. */
enum mode_wish { WISH_NONE, WISH_HW, WISH_SHADOW, WISH_OTHER };

/* Asks for a change, from any thread or signal handler; the vCPU's own thread makes it. */
void mode_wish(struct vcpu *v, enum mode_wish wish);

/* Grants the wish as soon as the guest is ready for it. Called between two KVM_RUNs; clears *exited
 * if the mode has changed. */
enum vcpu_verdict mode_grant(struct vcpu *v, bool *exited, struct vcpu_end *end);

/* Puts a vCPU that has not run yet into a mode. Returns 0 or an error of enter(). */
int mode_start(struct vcpu *v, enum pn_mode mode, struct pn_error *err);

#endif
