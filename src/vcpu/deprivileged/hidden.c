/* SPDX-License-Identifier: MIT */
/*
 * The short way of a trap: a hidden fault next to the last one. The guest's registers stay in the
 * monitor's frame, where IRETQ finds them as they were, and only what the shadow needs is read.
 * Whatever is not plainly so goes the long way (trap.c).
 */
#include "vcpu/deprivileged/deprivileged.h"
#include "x86.h"

/* Flags that ring 3 changes by itself and the virtual CPU has to learn of (frame.c). */
#define LEARNT (RFLAGS_IF | RFLAGS_IOPL | RFLAGS_AC)

/* Whether this trap may be a hidden fault and nothing else waits to be done at it. */
static bool is_plain(const struct deprivileged *d, const struct monitor_frame *frame, uint16_t port)
{
	return (port == MONITOR_PORT_FAULT || port == MONITOR_PORT_FAULT_CR2) &&
	       !((frame->rflags ^ d->given_flags) & LEARNT) && !d->vcpu->tracer &&
	       !atomic_load_explicit(&d->vcpu->memory_changed, memory_order_relaxed) &&
	       !d->retried.count;
}

bool hidden_again(struct deprivileged *d, struct monitor_frame *frame)
{
	const uint16_t port = d->vcpu->run->io.port;
	const uint32_t error = (uint32_t)frame->error;
	struct walk_query query = {.set_ad = true};

	if (!is_plain(d, frame, port) || error & PF_ERR_FETCH)
		return false;
	query.gva = port == MONITOR_PORT_FAULT ? d->vcpu->run->s.regs.regs.rax
					       : vcpu_sregs(d->vcpu)->cr2;
	query.access = error & PF_ERR_WRITE ? WALK_WRITE : WALK_READ;
	query.privilege = d->cpu.cpl == 3 ? WALK_USER : WALK_SUPERVISOR;
	if (!shadow_again(d->shadow, &d->ctx, &query, &d->box))
		return false;
	d->late = frame;
	d->record = history_trap(&d->vcpu->history, frame->rip);
	*d->record = (struct trap_record){
		.outcome = TRAP_HIDDEN,
		.vector = VECTOR_PF,
		.user = d->cpu.cpl == 3,
		.error = error,
		.cr2 = query.gva,
	};
	if (d->box.count)
		settle_box(d);
	return true;
}
