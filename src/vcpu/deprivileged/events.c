/* SPDX-License-Identifier: MIT */
/* What shadow mode tells a trace. */
#include "vcpu/deprivileged/events.h"

#include "vcpu/fault_event.h"
#include "x86.h"

/* An event of the guest's instruction at hand. */
static struct pn_trace_record event(const struct deprivileged *d, enum pn_trace_type type)
{
	return (struct pn_trace_record){
		.type = (uint8_t)type,
		.source = PN_SOURCE_SHADOW,
		.mode = PN_MODE_SHADOW,
		.rip = d->trap_rip,
		.cpl = d->record->user ? 3 : 0,
	};
}

void event_hidden_fault(struct deprivileged *d, uint32_t error, const struct walk_query *query,
			const struct walk_result *result, uint64_t filled)
{
	struct pn_trace_record r;

	if (!tracer_wants(d->vcpu->tracer, PN_TRACE_HIDDEN_FAULT))
		return;
	r = event(d, PN_TRACE_HIDDEN_FAULT);
	r.address = query->gva;
	/* Who it was, as the guest believes; the processor saw ring 3 in any case. */
	r.error = (error & (PF_ERR_WRITE | PF_ERR_FETCH)) |
		  (query->privilege == WALK_USER ? PF_ERR_USER : 0);
	r.count = (uint32_t)(shadow_stats(d->shadow).filled - filled);
	r.value[0] = result->gpa;
	tracer_add(d->vcpu->tracer, &r);
}

void event_table_write(struct deprivileged *d, gpa_t gpa, uint64_t before)
{
	struct pn_trace_record r;

	if (!tracer_wants(d->vcpu->tracer, PN_TRACE_TABLE_WRITE))
		return;
	r = event(d, PN_TRACE_TABLE_WRITE);
	r.address = gpa & ~UINT64_C(7);
	r.level = (uint8_t)shadow_table_level(d->shadow, gpa);
	r.value[0] = before;
	r.value[1] = fault_event_entry(d->vcpu->mem, gpa);
	tracer_add(d->vcpu->tracer, &r);
}

void event_foreseen(struct deprivileged *d)
{
	struct pn_trace_record r;

	if (!tracer_wants(d->vcpu->tracer, PN_TRACE_FORESEEN))
		return;
	r = event(d, PN_TRACE_FORESEEN);
	r.address = d->fault.query.gva;
	tracer_add(d->vcpu->tracer, &r);
}

/* What an instruction flushes; the first that fits says it. */
static const struct {
	unsigned effect;
	enum pn_trace_flush kind;
	enum pn_trace_cause cause;
} flushes[] = {
	{EFFECT_CR0, PN_FLUSH_ALL, PN_CAUSE_CR0},
	{EFFECT_CR4, PN_FLUSH_ALL, PN_CAUSE_CR4},
	{EFFECT_EFER, PN_FLUSH_ALL, PN_CAUSE_EFER},
	{EFFECT_CR3, PN_FLUSH_CONTEXT, PN_CAUSE_CR3},
	{EFFECT_INVLPG, PN_FLUSH_PAGE, PN_CAUSE_INVLPG},
	{EFFECT_INVPCID, PN_FLUSH_PCID, PN_CAUSE_INVPCID},
};

void event_effects(struct deprivileged *d, const struct emulate *e, uint64_t before,
		   uint64_t dropped)
{
	struct tracer *t = d->vcpu->tracer;
	struct pn_trace_record r;

	if (e->effects & EFFECT_CR3 && tracer_wants(t, PN_TRACE_CR3)) {
		r = event(d, PN_TRACE_CR3);
		r.value[0] = before;
		r.value[1] = d->cpu.cr3;
		tracer_add(t, &r);
	}
	for (unsigned i = 0; i < sizeof(flushes) / sizeof(flushes[0]); i++) {
		if (!(e->effects & flushes[i].effect) || !tracer_wants(t, PN_TRACE_FLUSH) ||
		    (flushes[i].effect == EFFECT_CR3 && e->no_flush))
			continue;
		r = event(d, PN_TRACE_FLUSH);
		r.kind = (uint8_t)flushes[i].kind;
		r.cause = (uint8_t)flushes[i].cause;
		r.address = flushes[i].kind == PN_FLUSH_PAGE ? e->gva : 0;
		r.count = (uint32_t)(shadow_stats(d->shadow).dropped - dropped);
		tracer_add(t, &r);
		return;
	}
}

static void exception(const struct deprivileged *d, const struct exception *x,
		      struct pn_trace_record r)
{
	if (!tracer_wants(d->vcpu->tracer, r.type))
		return;
	if (x->vector == VECTOR_PF) {
		fault_event(&r, d->vcpu->mem, &d->ctx, x);
	} else {
		r.kind = x->vector;
		r.error = x->has_error ? x->error : 0;
	}
	tracer_add(d->vcpu->tracer, &r);
}

void event_exception(struct deprivileged *d, const struct exception *x)
{
	if (!d->vcpu->tracer)
		return;
	exception(d, x, event(d, x->vector == VECTOR_PF ? PN_TRACE_GUEST_FAULT : PN_TRACE_INJECT));
}

void event_inherited(struct deprivileged *d, const struct exception *x)
{
	exception(d, x,
		  (struct pn_trace_record){
			  .type = x->vector == VECTOR_PF ? PN_TRACE_GUEST_FAULT : PN_TRACE_INJECT,
			  .source = PN_SOURCE_SHADOW,
			  .mode = PN_MODE_SHADOW,
			  .rip = d->regs.rip,
			  .cpl = d->cpu.cpl,
		  });
}

void event_halt(struct deprivileged *d)
{
	struct pn_trace_record r;

	if (!tracer_wants(d->vcpu->tracer, PN_TRACE_HALT))
		return;
	r = event(d, PN_TRACE_HALT);
	tracer_add(d->vcpu->tracer, &r);
}
