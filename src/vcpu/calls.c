/* SPDX-License-Identifier: MIT */
/* Host calls: IN from PN_PORT_CALL. Every argument is the guest's word and is checked. */
#include "clock.h"
#include "vcpu/mode.h"
#include "vcpu/translate.h"

#include <penumbra/guest.h>

/* The guest's paging registers: the caller's, or else as they are in the vCPU. */
static const struct walk_context *look(const struct vcpu *v, const struct walk_context *given,
				       struct walk_context *own)
{
	if (given)
		return given;
	translate_init(own, v, vcpu_sregs(v));
	return own;
}

static uint32_t call_console(struct vcpu *v, const struct kvm_regs *regs,
			     const struct walk_context *given)
{
	struct walk_context own;
	char bytes[PN_CONSOLE_MAX];
	int code;

	if (regs->rsi > sizeof(bytes))
		return PN_CALL_EINVAL;
	pthread_rwlock_rdlock(&v->mem->lock);
	code = translate_read(v, look(v, given, &own), regs->rdi, bytes, regs->rsi);
	pthread_rwlock_unlock(&v->mem->lock);
	if (code)
		return PN_CALL_EFAULT;
	console_write(v->console, bytes, regs->rsi);
	return (uint32_t)regs->rsi;
}

static uint32_t call_mark(struct vcpu *v, const struct kvm_regs *regs,
			  const struct walk_context *given)
{
	(void)given;
	v->marks.count++;
	v->marks.number = (uint32_t)regs->rdi;
	v->marks.value = regs->rsi;
	stop_see_mark(v);
	if (tracer_wants(v->tracer, PN_TRACE_MARK)) {
		const struct pn_trace_record r = {
			.type = PN_TRACE_MARK,
			.source = PN_SOURCE_GUEST,
			.mode = (uint8_t)atomic_load(&v->mode),
			.rip = regs->rip,
			.value = {regs->rdi & UINT32_MAX, regs->rsi},
		};

		tracer_add(v->tracer, &r);
	}
	return 0;
}

static uint32_t call_time(struct vcpu *v, const struct kvm_regs *regs,
			  const struct walk_context *given)
{
	uint64_t now = clock_ns() - v->started_ns;
	struct walk_context own;
	int code;

	pthread_rwlock_rdlock(&v->mem->lock);
	code = translate_write(v, look(v, given, &own), regs->rdi, &now, sizeof(now));
	pthread_rwlock_unlock(&v->mem->lock);
	return code ? PN_CALL_EFAULT : 0;
}

static uint32_t call_set_mode(struct vcpu *v, const struct kvm_regs *regs,
			      const struct walk_context *given)
{
	uint32_t left = mode_of(v) == &mmu_shadow ? PN_GUEST_MODE_SHADOW : PN_GUEST_MODE_HW;

	(void)given;
	switch (regs->rdi) {
	case PN_GUEST_MODE_HW: atomic_store(&v->wish, WISH_HW); return left;
	case PN_GUEST_MODE_SHADOW: atomic_store(&v->wish, WISH_SHADOW); return left;
	default: return PN_CALL_EINVAL;
	}
}

typedef uint32_t call_handler(struct vcpu *v, const struct kvm_regs *regs,
			      const struct walk_context *given);

static call_handler *const calls[] = {
	[PN_CALL_CONSOLE] = call_console,
	[PN_CALL_MARK] = call_mark,
	[PN_CALL_TIME] = call_time,
	[PN_CALL_SET_MODE] = call_set_mode,
};

uint32_t vcpu_call(struct vcpu *v, const struct kvm_regs *regs, const struct walk_context *given)
{
	uint32_t number = (uint32_t)regs->rax;

	if (number >= sizeof(calls) / sizeof(calls[0]) || !calls[number])
		return PN_CALL_EUNKNOWN;
	return calls[number](v, regs, given);
}
