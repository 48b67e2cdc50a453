/* SPDX-License-Identifier: MIT */
/*
 * Probes of KVM_SET_GUEST_DEBUG at CPL 0 (KVM API 4.87). A kind works if the exit comes, at the
 * right place, and the guest then goes on to its end.
 */
#include "error.h"
#include "kvm/exits.h"
#include "kvm/probe_vm.h"

#include <sys/ioctl.h>

/* DR7: breakpoint 0 on execution, enabled globally; bit 10 is always 1 (Intel SDM vol. 3, 17.2). */
#define DR7_EXECUTE_0 0x402

/* Steps that must come, each at the next of the one-byte instructions. */
#define STEPS 4

static int set_debug(const struct probe_vm *v, uint32_t control, gva_t breakpoint,
		     struct pn_error *err)
{
	struct kvm_guest_debug debug = {.control = control};

	if (control & KVM_GUESTDBG_USE_HW_BP) {
		debug.arch.debugreg[0] = breakpoint;
		debug.arch.debugreg[7] = DR7_EXECUTE_0;
	}
	if (ioctl(v->vcpu, KVM_SET_GUEST_DEBUG, &debug))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_GUEST_DEBUG: control 0x%x",
				     control);
	return PN_OK;
}

/*
 * Runs until the debug exit at `gva`. Returns true if it came; else *answer says what came, or
 * *code is the error of the call that failed.
 */
static bool hits(struct probe_vm *v, gva_t gva, struct probe_answer *answer, int *code,
		 struct pn_error *err)
{
	*code = probe_vm_run(v, err);
	if (*code == PN_ERR_HOST_LACKS) {
		probe_say(answer, false, "no: the guest hangs");
		*code = PN_OK;
		return false;
	}
	if (*code)
		return false;
	if (v->run->exit_reason != KVM_EXIT_DEBUG) {
		char how[64];

		probe_vm_describe(v, how, sizeof(how));
		probe_say(answer, false, "no: %s", how);
		return false;
	}
	if (v->run->debug.arch.pc == gva)
		return true;
	if (v->run->debug.arch.pc == gva - 1)
		probe_say(answer, false, "no: stays at one instruction");
	else
		probe_say(answer, false, "no: stops at 0x%llx, not 0x%llx",
			  (unsigned long long)v->run->debug.arch.pc, (unsigned long long)gva);
	return false;
}

/* Takes debugging away: the guest must come to its end from `gva` on. */
static int go_on(struct probe_vm *v, gva_t gva, struct probe_answer *answer, struct pn_error *err)
{
	struct kvm_regs regs;
	char how[64];
	int code = set_debug(v, 0, 0, err);

	if (!code)
		code = probe_vm_regs(v, &regs, err);
	if (code)
		return code;
	regs.rip = gva;
	if (ioctl(v->vcpu, KVM_SET_REGS, &regs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_REGS");
	code = probe_vm_run(v, err);
	if (code)
		return code;
	probe_vm_describe(v, how, sizeof(how));
	if (probe_vm_stop(v) == PROBE_STOP_END)
		probe_say(answer, true, "yes");
	else
		probe_say(answer, false, "stops, then %s", how);
	return PN_OK;
}

/* What to debug: `entry` is run until `stops` debug exits came, at `first` and each byte after. */
struct trial {
	uint32_t control;
	const uint8_t *entry;
	unsigned first; /* bytes behind entry */
	unsigned stops;
	unsigned skip; /* bytes of an instruction that debugging replaced */
};

static int try_debug(struct probe_vm *v, const struct trial *t, struct probe_answer *answer,
		     struct pn_error *err)
{
	gva_t gva = probe_vm_gva(t->entry) + t->first;
	struct kvm_regs regs = {0};
	int code = probe_vm_enter(v, t->entry, &regs, err);

	if (!code)
		code = set_debug(v, KVM_GUESTDBG_ENABLE | t->control, gva, err);
	if (code)
		return code;
	for (unsigned i = 0; i < t->stops; i++)
		if (!hits(v, gva + i, answer, &code, err))
			return code;
	return go_on(v, gva + t->stops - 1 + t->skip, answer, err);
}

static int run_trial(struct probe *p, const struct trial *t, struct probe_answer *answer,
		     struct pn_error *err)
{
	struct probe_vm v;
	int code = probe_vm_create(&v, p, false, err);

	if (code)
		return code;
	code = try_debug(&v, t, answer, err);
	probe_vm_destroy(&v);
	return code;
}

int probe_debug_software(struct probe *p, struct probe_answer *answer, struct pn_error *err)
{
	const struct trial t = {
		.control = KVM_GUESTDBG_USE_SW_BP,
		.entry = probe_guest_int3,
		.stops = 1,
		.skip = 1,
	};

	return run_trial(p, &t, answer, err);
}

int probe_debug_hardware(struct probe *p, struct probe_answer *answer, struct pn_error *err)
{
	const struct trial t = {
		.control = KVM_GUESTDBG_USE_HW_BP,
		.entry = probe_guest_steps,
		.first = 2,
		.stops = 1,
	};

	return run_trial(p, &t, answer, err);
}

int probe_debug_step(struct probe *p, struct probe_answer *answer, struct pn_error *err)
{
	const struct trial t = {
		.control = KVM_GUESTDBG_SINGLESTEP,
		.entry = probe_guest_steps,
		.first = 1,
		.stops = STEPS,
	};

	return run_trial(p, &t, answer, err);
}
