/* SPDX-License-Identifier: MIT */
/*
 * Into shadow mode and out of it: the guest's state becomes the virtual CPU's, and ring 3 under the
 * monitor takes the real CPU's place; and back.
 */
#include "vcpu/mode.h"
#include "error.h"
#include "vcpu/deprivileged/deprivileged.h"
#include "vcpu/deprivileged/events.h"
#include "x86.h"

#include <string.h>
#include <sys/ioctl.h>

#define DR6_RESET UINT64_C(0xffff0ff0)
#define DR7_RESET UINT64_C(0x400)

/* Rebuilds what depends on the virtual CPU's paging registers. */
void deprivileged_update(struct deprivileged *d)
{
	const struct walk_regs regs = {
		.cr0 = d->cpu.cr0,
		.cr3 = d->cpu.cr3,
		.cr4 = d->cpu.cr4,
		.efer = d->cpu.efer,
		.rflags = d->cpu.ac ? RFLAGS_AC : 0,
		.pkru = d->cpu.pkru,
		.maxphyaddr = (uint8_t)d->vcpu->facts.maxphyaddr,
		.has_1g = d->vcpu->facts.has_1g,
		.amd = d->vcpu->facts.amd,
	};

	/* Privilege may change without AC: the shadow's memory of the last fault is worth keeping. */
	if (d->ctx.serial && memcmp(&regs, &d->paging, sizeof(regs)) == 0)
		return;
	walk_context_init(&d->ctx, &regs);
	d->ctx.serial = ++d->contexts;
	d->paging = regs;
}

enum shadow_view deprivileged_view(const struct deprivileged *d)
{
	if (d->cpu.cpl == 3)
		return SHADOW_USER;
	return d->cpu.cr4 & CR4_SMAP && d->cpu.ac ? SHADOW_KERNEL_AC : SHADOW_KERNEL;
}

uint64_t deprivileged_cr0(const struct deprivileged *d)
{
	const uint64_t shared = CR0_MP | CR0_EM | CR0_TS;

	return CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG | (d->cpu.cr0 & shared);
}

bool deprivileged_has_umip(const struct vcpu *v)
{
	const struct kvm_cpuid_entry2 *features = kvm_cpuid_find(v->plan.cpuid, 7, 0);

	return features && features->ecx & CPUID_7_ECX_UMIP;
}

uint64_t deprivileged_cr4(const struct deprivileged *d)
{
	const uint64_t shared = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE | CR4_DE;

	/* With UMIP, SGDT and its like trap: the guest does not see the monitor's tables. */
	return CR4_PAE | (d->area.levels == 5 ? CR4_LA57 : 0) | (d->has_umip ? CR4_UMIP : 0) |
	       (d->cpu.cr4 & shared);
}

static bool in_monitor(const struct vcpu *v)
{
	return v->run->s.regs.regs.rip - v->deprivileged->area.base < MONITOR_MAIL;
}

bool deprivileged_by_monitor(const struct vcpu *v)
{
	uint16_t port = v->run->io.port;

	/* Ring 3 cannot have its RIP there and do an OUT. */
	return v->run->exit_reason == KVM_EXIT_IO && port >= MONITOR_PORT &&
	       port <= MONITOR_PORT_FAULT_CR2 && in_monitor(v);
}

const struct walk_context *deprivileged_context(struct deprivileged *d)
{
	return &d->ctx;
}

static bool ready(struct vcpu *v, bool exited)
{
	struct monitor_mail *mail = area_mail(&v->deprivileged->area);

	if (exited && deprivileged_by_monitor(v)) {
		if (mail->count == 0 && mail->again == 0)
			return true;
	} else if (vcpu_sregs(v)->ss.dpl == 3 && !in_monitor(v) && !state_has_pending(v)) {
		if (!state_may_hide_breakpoint(v, &v->deprivileged->ctx))
			return true;
		vcpu_kick_soon(v);
	}
	/* In the monitor, or on the way to it: kvm_pvm goes to its SYSCALL entry at CPL 3. */
	v->deprivileged->come_back = true;
	mail->again = 1;
	return false;
}

static int leave(struct vcpu *v, bool exited, struct vcpu_state *state, struct pn_error *err)
{
	struct deprivileged *d = v->deprivileged;
	bool trapped = exited && deprivileged_by_monitor(v);
	int code = exited ? state_finish_exit(v, err) : PN_OK;

	if (code)
		return code;
	if (trapped) {
		frame_catch_up(d);
	} else {
		frame_take_running(d, &v->run->s.regs.regs);
		code = state_drop_soft(v, err);
		if (code)
			return code;
	}
	frame_take_bases(d);
	v->wanted_regs = v->host_regs;
	*state = (struct vcpu_state){.cpu = d->cpu, .regs = d->regs};
	state->regs.rflags = virtual_rflags(&d->cpu, d->regs.rflags);
	return area_hide(&d->area, err);
}

/* What the real MSRs are to hold under the monitor. */
static struct virtual_cpu monitor_msrs(const struct deprivileged *d)
{
	struct virtual_cpu real = d->cpu;

	real.star = (uint64_t)MONITOR_CS << 32;
	real.lstar = area_syscall_entry(&d->area);
	real.sfmask = RFLAGS_TF | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT;
	/* SYSENTER is #GP then, and emulated. */
	real.sysenter_cs = real.sysenter_esp = real.sysenter_eip = 0;
	return real;
}

/* The shadow knows nothing of what the guest did to its tables in hw mode: it starts empty. */
static int start_shadow(struct deprivileged *d, const struct vcpu_state *state,
			struct pn_error *err)
{
	struct emulate e = {.cpu = &d->cpu, .regs = &d->regs, .ops = &reach_ops, .arg = d};

	shadow_memory_changed(d->shadow, &d->box);
	deprivileged_update(d);
	shadow_load_root(d->shadow, &d->ctx, true, &d->box);
	if (state->has_pending)
		event_inherited(d, &state->pending);
	if (state->has_pending && !deliver_exception(&e, &state->pending, false))
		return pn_fail(err, PN_ERR_STATE, "triple fault at RIP 0x%llx",
			       (unsigned long long)d->regs.rip);
	if (!virtual_is_64bit(&d->cpu))
		return pn_fail(err, PN_ERR_HOST_LACKS,
			       "the guest is not in 64-bit mode, which shadow mode needs");
	if (d->ctx.format->levels > d->area.levels)
		return pn_fail(
			err, PN_ERR_HOST_LACKS,
			"the guest has gone to five paging levels; for shadow mode it must be "
			"booted with them (--levels=5)");
	d->real.root = shadow_root(d->shadow, &d->ctx, deprivileged_view(d), &d->box);
	deprivileged_settle(d);
	return PN_OK;
}

static int enter(struct vcpu *v, const struct vcpu_state *state, struct pn_error *err)
{
	const uint64_t no_debug[8] = {[6] = DR6_RESET, [7] = DR7_RESET};
	struct deprivileged *d = v->deprivileged;
	struct virtual_cpu msrs;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int code = area_show(&d->area, err);

	if (code)
		return code;
	d->cpu = state->cpu;
	d->regs = state->regs;
	d->regs.rflags = virtual_load_rflags(&d->cpu, state->regs.rflags);
	d->fault.open = false;
	d->come_back = false;
	d->cr2_site = MONITOR_NO_SITE;
	d->late = NULL;
	d->real = (struct real_registers){
		.cr0 = deprivileged_cr0(d),
		.cr4 = deprivileged_cr4(d),
		.fs_base = d->cpu.segment[VIRTUAL_FS].base,
		.gs_base = d->cpu.segment[VIRTUAL_GS].base,
	};
	pthread_rwlock_rdlock(&v->mem->lock);
	code = start_shadow(d, state, err);
	pthread_rwlock_unlock(&v->mem->lock);
	if (code)
		return code;
	frame_give(d, area_entry_frame(&d->area));

	if (ioctl(v->fd, KVM_GET_SREGS, &sregs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_SREGS");
	area_sregs(&d->area, &sregs);
	sregs.fs.base = d->real.fs_base;
	sregs.gs.base = d->real.gs_base;
	sregs.cr0 = d->real.cr0;
	sregs.cr3 = d->real.root;
	sregs.cr4 = d->real.cr4;
	regs = d->regs;
	area_regs(&d->area, &regs);
	msrs = monitor_msrs(d);
	if (ioctl(v->fd, KVM_SET_SREGS, &sregs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_SREGS");
	if (ioctl(v->fd, KVM_SET_REGS, &regs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_REGS");
	code = state_set_debug(v, no_debug, err);
	return code ? code : state_set_msrs(v, &msrs, err);
}

static struct vcpu_registers registers(const struct vcpu *v)
{
	struct deprivileged *d = v->deprivileged;
	struct vcpu_registers r;

	frame_catch_up(d);
	r.regs = d->regs;
	/* An exit that ring 3 made by itself, as by MMIO or an OUT of its own. */
	if (!in_monitor(v))
		r.regs = v->run->s.regs.regs;
	r.regs.rflags = virtual_rflags(&d->cpu, d->regs.rflags);
	state_to_sregs(&d->cpu, &r.sregs);
	return r;
}

static bool audit(struct vcpu *v, char *why, size_t size)
{
	struct deprivileged *d = v->deprivileged;
	const struct monitor_mail *mail = area_mail(&d->area);

	/* Between two parts of a long list of mail the tables are neither old nor new; nor are they
	 * after a host call that was no trap, or when the host has changed the guest's. */
	if (mail->count || d->box.count || shadow_pending(d->shadow) ||
	    atomic_load(&v->memory_changed))
		return true;
	return shadow_audit(d->shadow, &d->ctx, why, size);
}

const struct mmu_ops mmu_shadow = {
	.name = "shadow",
	.ready = ready,
	.leave = leave,
	.enter = enter,
	.registers = registers,
	.audit = audit,
};
