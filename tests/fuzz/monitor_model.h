/* SPDX-License-Identifier: MIT */
/*
 * The other side of the monitor's protocol, without KVM: a vCPU in shadow mode whose ioctls are
 * answered here, and a monitor that does its mail. What the host asks of the monitor is checked as
 * the monitor and the processor would need it: nothing but the pool is stored to, no register gets
 * a value that it would refuse, and the guest is gone back to in ring 3.
 */
#ifndef TESTS_FUZZ_MONITOR_MODEL_H
#define TESTS_FUZZ_MONITOR_MODEL_H

#include "vcpu/deprivileged/deprivileged.h"
#include "vcpu/mode.h"
#include "vcpu/state.h"

#define MODEL_PAGES 64 /* of RAM from GPA 0 on */

struct model {
	struct vcpu v;
	struct gmem mem;
	struct bus bus;
	struct console console;
	struct symbols symbols;
	struct kvm_run run;
	union kvm_cpuid_list *cpuid;
	uint8_t *ram;
	struct vcpu_end end; /* once the run has ended */
};

/* RAM of zeroes, and a vCPU that has never run. */
void model_init(struct model *m, enum shadow_strategy strategy);
void model_fini(struct model *m);

/* Puts the vCPU into shadow mode with this state; false if it is refused, in one line. */
bool model_enter(struct model *m, const struct vcpu_state *state);

/* Takes its state out of shadow mode, and puts it back; false if it is not ready for that. */
bool model_change_mode(struct model *m);

/*
 * A trap of the guest's: `frame` as the processor pushes it (vector and error in it), at one of the
 * monitor's ports, with CR2 and the guest's registers in m->v.run->s.regs. Gives the host the exit
 * and does its mail until the guest can go on: then checks all there is. False: the run has ended.
 */
bool model_trap(struct model *m, const struct monitor_frame *frame, uint16_t port, gva_t cr2);

#endif
