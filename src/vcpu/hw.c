/* SPDX-License-Identifier: MIT */
/* hw mode: the vCPU runs on the guest's own page tables, and its state is the guest's. */
#include "vcpu/mode.h"
#include "vcpu/translate.h"

/* Between any two instructions: KVM itself finishes what an exit has left half done. But one that a
 * watcher has begun is done first. */
static bool ready(struct vcpu *v, bool exited)
{
	struct walk_context ctx;

	if (!exited) {
		translate_init(&ctx, v, vcpu_sregs(v));
		if (state_may_hide_breakpoint(v, &ctx)) {
			vcpu_kick_soon(v);
			return false;
		}
	}
	return watch_ready(v);
}

static int leave(struct vcpu *v, bool exited, struct vcpu_state *state, struct pn_error *err)
{
	int code = exited ? state_finish_exit(v, err) : PN_OK;

	return code ? code : state_take(v, state, err);
}

static struct vcpu_registers registers(const struct vcpu *v)
{
	return (struct vcpu_registers){v->run->s.regs.regs, *vcpu_sregs(v)};
}

/* Nothing here is a copy of anything. */
static bool audit(struct vcpu *v, char *why, size_t size)
{
	(void)v;
	(void)why;
	(void)size;
	return true;
}

const struct mmu_ops mmu_hw = {
	.name = "hw",
	.ready = ready,
	.leave = leave,
	.enter = state_give,
	.registers = registers,
	.audit = audit,
};
