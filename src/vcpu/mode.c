/* SPDX-License-Identifier: MIT */
/* Changes of mode: asked for by anyone, made by the vCPU's thread. */
#include "vcpu/mode.h"

#include "vcpu/deprivileged/deprivileged.h"

static const struct mmu_ops *const modes[] = {
	[PN_MODE_HW] = &mmu_hw,
	[PN_MODE_SHADOW] = &mmu_shadow,
};

const struct mmu_ops *mode_of(const struct vcpu *v)
{
	return modes[atomic_load(&v->mode)];
}

void mode_wish(struct vcpu *v, enum mode_wish wish)
{
	/* One that was not granted yet has its kick on the way. */
	if (atomic_exchange(&v->wish, (int)wish) == WISH_NONE)
		vcpu_kick(v);
}

static int change(struct vcpu *v, enum pn_mode to, bool exited, struct pn_error *err)
{
	struct vcpu_state state;
	int code = PN_OK;

	/* Before the guest's state leaves the vCPU: it must not get lost. */
	if (to == PN_MODE_SHADOW)
		code = deprivileged_prepare(v, err);
	if (!code)
		watch_leave(v);
	if (!code)
		code = mode_of(v)->leave(v, exited, &state, err);
	if (!code)
		code = modes[to]->enter(v, &state, err);
	if (code)
		return code;
	atomic_store(&v->mode, (int)to);
	watch_enter(v);
	return PN_OK;
}

static void trace_mode(struct vcpu *v, enum pn_mode from, enum pn_mode to)
{
	const struct pn_trace_record r = {
		.type = PN_TRACE_MODE,
		.source = PN_SOURCE_EXIT,
		.mode = (uint8_t)to,
		.rip = v->run->s.regs.regs.rip,
		.value = {(uint64_t)from, (uint64_t)to},
	};

	if (tracer_wants(v->tracer, PN_TRACE_MODE))
		tracer_add(v->tracer, &r);
}

enum vcpu_verdict mode_grant(struct vcpu *v, bool *exited, struct vcpu_end *end)
{
	enum pn_mode now = (enum pn_mode)atomic_load(&v->mode), to;
	int wish = atomic_load(&v->wish);
	struct pn_error err;

	switch (wish) {
	case WISH_HW: to = PN_MODE_HW; break;
	case WISH_SHADOW: to = PN_MODE_SHADOW; break;
	default: to = now == PN_MODE_HW ? PN_MODE_SHADOW : PN_MODE_HW; break;
	}
	if (to != now && !modes[now]->ready(v, *exited))
		return VCPU_CONTINUE;
	/* Only the wish that is granted goes: another that came meanwhile had no kick of its own. */
	if (!atomic_compare_exchange_strong(&v->wish, &wish, WISH_NONE))
		vcpu_kick(v);
	if (to == now)
		return VCPU_CONTINUE;
	if (change(v, to, *exited, &err)) {
		/* A call that fails says nothing of the guest. */
		if (err.code == PN_ERR_SYSTEM || err.code == PN_ERR_NOMEM)
			end->failed = err.code;
		return vcpu_end(end, PN_END_DIED, "change to %s mode: %s", modes[to]->name,
				err.text);
	}
	v->toggles++;
	trace_mode(v, now, to);
	*exited = false;
	return VCPU_CONTINUE;
}

int mode_start(struct vcpu *v, enum pn_mode mode, struct pn_error *err)
{
	return mode == PN_MODE_HW ? PN_OK : change(v, mode, false, err);
}
