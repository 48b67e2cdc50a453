/* SPDX-License-Identifier: MIT */
/*
 * What each exit means: one table from reason to handler. A reason without a handler of its own
 * ends the run with its name in words, so that no exit is ever passed over.
 */
#include "kvm/exits.h"
#include "vcpu/deprivileged/deprivileged.h"
#include "vcpu/mode.h"
#include "vcpu/translate.h"
#include "x86.h"

#include <penumbra/guest.h>
#include <stdio.h>
#include <string.h>

typedef enum vcpu_verdict exit_handler(struct vcpu *v, struct vcpu_end *end);

const char *vcpu_place(const struct vcpu *v, gva_t rip, char *text, size_t size)
{
	char symbol[96];

	snprintf(text, size, "RIP 0x%llx (%s)", (unsigned long long)rip,
		 symbols_format(v->symbols, rip, symbol, sizeof(symbol)));
	return text;
}

static const char *place(const struct vcpu *v, char *text, size_t size)
{
	return vcpu_place(v, v->run->s.regs.regs.rip, text, size);
}

enum vcpu_verdict vcpu_exit_status(const struct vcpu *v, struct vcpu_end *end)
{
	end->status = v->exit_port->status;
	if (end->status <= PN_STATUS_MAX)
		return vcpu_end(end, PN_END_STATUS, "guest exit status %u", end->status);
	end->status = PN_STATUS_MAX;
	return vcpu_end(end, PN_END_STATUS, "guest exit status %u, given as %u (the most there is)",
			v->exit_port->status, PN_STATUS_MAX);
}

static enum vcpu_verdict on_io(struct vcpu *v, struct vcpu_end *end)
{
	struct port_access access;

	if (mode_of(v) == &mmu_shadow && deprivileged_by_monitor(v))
		return deprivileged_exit(v->deprivileged, end);
	access = (struct port_access){
		.port = v->run->io.port,
		.size = v->run->io.size,
		.in = v->run->io.direction == KVM_EXIT_IO_IN,
		.count = v->run->io.count,
		.data = (uint8_t *)v->run + v->run->io.data_offset,
	};
	if (access.port == PN_PORT_CALL && access.in && access.size == sizeof(uint32_t) &&
	    access.count == 1) {
		const struct walk_context *ctx =
			mode_of(v) == &mmu_shadow ? deprivileged_context(v->deprivileged) : NULL;
		uint32_t result = vcpu_call(v, &v->run->s.regs.regs, ctx);

		memcpy(access.data, &result, sizeof(result));
		return VCPU_CONTINUE;
	}
	if (bus_access(v->bus, &access) == BUS_END)
		return vcpu_exit_status(v, end);
	return VCPU_CONTINUE;
}

static enum vcpu_verdict on_mmio(struct vcpu *v, struct vcpu_end *end)
{
	unsigned long long gpa = v->run->mmio.phys_addr;
	const struct gmem_slot *slot;
	char where[160];
	const char *what;

	pthread_rwlock_rdlock(&v->mem->lock);
	slot = gmem_find(v->mem, gpa);
	what = !slot		? "outside every memory slot"
	       : slot->readonly ? "in a read-only memory slot"
				: "in a memory slot whose host memory cannot be reached";
	pthread_rwlock_unlock(&v->mem->lock);
	return vcpu_end(end, PN_END_DIED, "guest %s %u bytes at GPA 0x%llx, %s, %s %s",
			v->run->mmio.is_write ? "wrote" : "read", v->run->mmio.len, gpa, what,
			v->run->mmio.is_write ? "just before" : "at",
			place(v, where, sizeof(where)));
}

static enum vcpu_verdict on_hlt(struct vcpu *v, struct vcpu_end *end)
{
	struct kvm_regs *regs = &v->run->s.regs.regs;
	char where[160];

	/* RIP is past it: HLT is one byte. */
	if (stop_see_halt(v, regs->rip - 1, NULL)) {
		regs->rip--;
		v->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
		return VCPU_CONTINUE;
	}
	if (watch_halt(v, regs->rip - 1))
		return VCPU_CONTINUE;
	return vcpu_end(end, PN_END_DIED,
			"guest halted for good at %s: nothing can wake it; a guest ends by OUT to "
			"port 0x%x",
			place(v, where, sizeof(where)), PN_PORT_EXIT);
}

static enum vcpu_verdict on_shutdown(struct vcpu *v, struct vcpu_end *end)
{
	char where[160];

	if (!vcpu_was_reset(v))
		return vcpu_end(end, PN_END_DIED, "triple fault at %s",
				place(v, where, sizeof(where)));
	return vcpu_end(end, PN_END_DIED,
			"triple fault some time after %s, the %s; where exactly is lost: this "
			"host's KVM resets a vCPU that triple-faults",
			vcpu_place(v, v->last.regs.rip, where, sizeof(where)),
			v->history.total > 1 ? "exit before" : "entry");
}

static enum vcpu_verdict on_fail_entry(struct vcpu *v, struct vcpu_end *end)
{
	return vcpu_end(end, PN_END_DIED,
			"the CPU refused to enter the guest: hardware reason 0x%llx",
			(unsigned long long)v->run->fail_entry.hardware_entry_failure_reason);
}

/*
 * STAC and CLAC at CPL 0 are unknown to kvm_pvm, which interprets ring 0 and yet lets CR4.SMAP be
 * set. Done here, so that a guest that uses SMAP in shadow mode can go on in hw mode.
 */
static bool do_stac_clac(struct vcpu *v)
{
	struct kvm_regs *regs = &v->run->s.regs.regs;
	struct walk_context ctx;
	uint8_t bytes[3];
	int code;

	translate_init(&ctx, v, vcpu_sregs(v));
	pthread_rwlock_rdlock(&v->mem->lock);
	code = translate_read(v, &ctx, regs->rip, bytes, sizeof(bytes));
	pthread_rwlock_unlock(&v->mem->lock);
	if (code || bytes[0] != 0x0f || bytes[1] != 0x01 || (bytes[2] & 0xfe) != 0xca)
		return false;
	regs->rflags = bytes[2] == 0xcb ? regs->rflags | RFLAGS_AC : regs->rflags & ~RFLAGS_AC;
	regs->rip += sizeof(bytes);
	v->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	return true;
}

static enum vcpu_verdict on_internal_error(struct vcpu *v, struct vcpu_end *end)
{
	char where[160];

	if (v->run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION &&
	    vcpu_sregs(v)->ss.dpl == 0 && vcpu_sregs(v)->cr4 & CR4_SMAP && do_stac_clac(v))
		return VCPU_CONTINUE;

	return vcpu_end(end, PN_END_DIED, "KVM internal error %u, %s, at %s",
			v->run->internal.suberror,
			kvm_internal_error_words(v->run->internal.suberror),
			place(v, where, sizeof(where)));
}

/* A kick that KVM reports as an exit instead of EINTR. */
static enum vcpu_verdict on_intr(struct vcpu *v, struct vcpu_end *end)
{
	(void)v;
	(void)end;
	return VCPU_CONTINUE;
}

static enum vcpu_verdict on_other(struct vcpu *v, struct vcpu_end *end)
{
	uint32_t reason = v->run->exit_reason;
	char where[160];

	return vcpu_end(end, PN_END_DIED,
			"exit KVM_EXIT_%s (%u: %s) at %s, which Penumbra never asks for",
			kvm_exit_name(reason), reason, kvm_exit_words(reason),
			place(v, where, sizeof(where)));
}

static exit_handler *const handlers[KVM_EXIT_REASONS] = {
	[KVM_EXIT_IO] = on_io,
	[KVM_EXIT_MMIO] = on_mmio,
	[KVM_EXIT_HLT] = on_hlt,
	[KVM_EXIT_SHUTDOWN] = on_shutdown,
	[KVM_EXIT_FAIL_ENTRY] = on_fail_entry,
	[KVM_EXIT_INTERNAL_ERROR] = on_internal_error,
	[KVM_EXIT_INTR] = on_intr,
};

enum vcpu_verdict vcpu_handle_exit(struct vcpu *v, struct vcpu_end *end)
{
	uint32_t reason = v->run->exit_reason;
	exit_handler *handler = reason < KVM_EXIT_REASONS ? handlers[reason] : NULL;

	return (handler ? handler : on_other)(v, end);
}
