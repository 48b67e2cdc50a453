/* SPDX-License-Identifier: MIT */
/*
 * The monitor's exit: the guest's registers come in with it, what has become of them goes back, and in
 * between is what the trap means (trap.c, hidden.c).
 */
#include "vcpu/deprivileged/deprivileged.h"

#include <string.h>

/* The monitor has done its mail, and was asked to come back. */
static void mail_done(struct deprivileged *d)
{
	d->come_back = false;
	shadow_continue(d->shadow, &d->box);
	deprivileged_settle(d);
}

static enum vcpu_verdict handle(struct deprivileged *d, struct monitor_frame *frame,
				struct vcpu_end *end)
{
	uint16_t port = d->vcpu->run->io.port;
	enum vcpu_verdict verdict;

	d->record = history_trap(&d->vcpu->history, frame->rip);
	d->trap_rip = frame->rip;
	if (atomic_exchange(&d->vcpu->memory_changed, false))
		shadow_memory_changed(d->shadow, &d->box);
	if (port == MONITOR_PORT_MAIL) {
		d->record->outcome = TRAP_MAIL;
		d->record->vector = MONITOR_VECTORS;
		/* Where the monitor has done an instruction since, the frame tells. */
		frame_take(d, &d->vcpu->run->s.regs.regs, frame);
		d->regs.rax = frame->vector;
		mail_done(d);
		return VCPU_CONTINUE;
	}
	frame_take(d, &d->vcpu->run->s.regs.regs, frame);
	if (port != MONITOR_PORT) {
		d->record->cr2 =
			port == MONITOR_PORT_FAULT ? d->regs.rax : vcpu_sregs(d->vcpu)->cr2;
		d->regs.rax = frame->vector;
		frame->vector = VECTOR_PF;
	}
	d->record->vector = (uint16_t)frame->vector;
	d->record->error = (uint32_t)frame->error;
	d->record->user = d->cpu.cpl == 3;
	verdict = deprivileged_trap(d, frame, end);
	if (d->record->outcome == TRAP_HIDDEN)
		deprivileged_settle_tables(d);
	else
		deprivileged_settle(d);
	frame_give(d, frame);
	return verdict;
}

/* The general registers are the guest's, but for RAX, which the frame has; RIP, RSP and RFLAGS are
 * the monitor's own. */
static void give_registers(const struct deprivileged *d)
{
	struct kvm_run *run = d->vcpu->run;
	struct kvm_regs next;

	/* A hidden fault has changed none. */
	if (d->record->outcome == TRAP_HIDDEN)
		return;
	next = d->regs;
	next.rax = run->s.regs.regs.rax;
	next.rip = run->s.regs.regs.rip;
	next.rsp = run->s.regs.regs.rsp;
	next.rflags = run->s.regs.regs.rflags;
	if (memcmp(&next, &run->s.regs.regs, sizeof(next)) == 0)
		return;
	run->s.regs.regs = next;
	run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

enum vcpu_verdict deprivileged_exit(struct deprivileged *d, struct vcpu_end *end)
{
	gva_t rsp = d->vcpu->run->s.regs.regs.rsp;
	struct monitor_frame *frame = area_frame(&d->area, rsp);
	enum vcpu_verdict verdict = VCPU_CONTINUE;
	bool again;

	if (!frame)
		frame = cr2_peek_failed(d);
	if (!frame || (frame->cs & 3) != 3)
		return vcpu_end(end, PN_END_DIED, "the monitor trapped at RSP 0x%llx",
				(unsigned long long)rsp);
	/* No slot may go while its memory is walked. A host call takes the lock once more, which
	 * readers may. */
	pthread_rwlock_rdlock(&d->vcpu->mem->lock);
	again = hidden_again(d, frame);
	if (!again)
		verdict = handle(d, frame, end);
	pthread_rwlock_unlock(&d->vcpu->mem->lock);
	if (!again)
		give_registers(d);
	return verdict;
}
