/* SPDX-License-Identifier: MIT */
/*
 * The source `break`: hw mode seen from outside, for guests that know nothing of us. HLT stands on
 * the first instruction of the guest's #PF handler and on every INVLPG, INVPCID, MOV to CR0, CR3 and
 * CR4 in its text, and on LIDT, which says where the handler is.
 *
 * How an instruction is passed: the guest comes to the HLT; its byte is put back, and a HLT planted
 * on what comes after it; there the first is planted again, and the instruction is done: two exits,
 * and no need of single steps, which some hosts cannot do. A #PF is an event when its handler is
 * reached; an instruction is one when it has been done.
 *
 * All of it is taken out of the guest's text while shadow mode runs, which needs none of this.
 */
#include "error.h"
#include "sources/break_events.h"
#include "sources/source.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/* The instruction being passed. */
struct step {
	struct break_site *site; /* NULL: none */
	gva_t rip;
	gva_t next[BREAK_NEXT];
	struct break_site at[BREAK_NEXT]; /* planted if nothing stood there */
	unsigned count;
	struct pn_trace_record event[BREAK_EVENTS];
	unsigned events;
};

struct breakpoints {
	struct source_context context;
	struct vcpu_watch watch;
	struct break_sites sites;
	struct break_site handler; /* of #PF */
	gva_t handler_gva;
	struct kvm_dtable idt; /* where it was found */
	bool told;	       /* the #PF in front of which the guest stands, by shadow mode */
	struct step step;
};

static struct breakpoints *of(struct vcpu_watch *w)
{
	return (struct breakpoints *)(void *)((char *)w - offsetof(struct breakpoints, watch));
}

static bool wants(const struct breakpoints *b, unsigned type)
{
	return b->context.types & 1u << type;
}

/* What is planted at `gpa`, or NULL. */
static struct break_site *planted_at(struct breakpoints *b, gpa_t gpa)
{
	struct break_site *site = break_sites_at(&b->sites, gpa);

	for (unsigned i = 0; i < b->step.count; i++)
		if (b->step.at[i].planted && b->step.at[i].gpa == gpa)
			return &b->step.at[i];
	if (b->handler.planted && b->handler.gpa == gpa)
		return &b->handler;
	return site && site->planted ? site : NULL;
}

static void plant(struct breakpoints *b, struct break_site *site)
{
	if (!planted_at(b, site->gpa))
		break_plant(site, b->context.mem);
}

/* Looks where the #PF handler is now, and is there. */
static void follow_handler(struct breakpoints *b, const struct break_scene *s)
{
	gva_t handler;
	gpa_t gpa;

	if (!wants(b, PN_TRACE_GUEST_FAULT))
		return;
	b->idt = s->sregs->idt;
	if (!break_fault_handler(s, &handler) || !break_translate(s, handler, &gpa)) {
		break_take(&b->handler, b->context.mem);
		return;
	}
	if (b->handler.planted && b->handler.gpa == gpa)
		return;
	break_take(&b->handler, b->context.mem);
	b->handler = (struct break_site){.gpa = gpa, .kind = BREAK_FAULT};
	b->handler_gva = handler;
	plant(b, &b->handler);
}

/* The instruction is behind us, or was left in another way. */
static void end_step(struct breakpoints *b)
{
	for (unsigned i = 0; i < b->step.count; i++)
		break_take(&b->step.at[i], b->context.mem);
	b->step.count = 0;
	if (b->step.site)
		plant(b, b->step.site);
	b->step.site = NULL;
}

/* Lets the guest do the instruction at its RIP, and no more. */
static void begin_step(struct breakpoints *b, struct break_scene *s, struct break_site *site)
{
	struct step *step = &b->step;
	bool decoded;

	break_take(site, b->context.mem);
	*step = (struct step){.site = site, .rip = s->regs->rip};
	decoded = break_decode(s, s->regs->rip);
	if (decoded && site->kind != BREAK_FAULT)
		step->events = break_events(s, site->kind, step->event);
	step->count = decoded ? break_next(s, step->next) : 0;
	for (unsigned i = 0; i < step->count; i++) {
		step->at[i] = (struct break_site){.kind = BREAK_STEP};
		if (break_translate(s, step->next[i], &step->at[i].gpa))
			plant(b, &step->at[i]);
	}
}

static bool is_next(const struct step *step, gva_t rip)
{
	bool next = false;

	for (unsigned i = 0; step->site && i < step->count; i++)
		next |= step->next[i] == rip;
	return next;
}

static void trace(struct breakpoints *b, const struct pn_trace_record *r)
{
	if (tracer_wants(b->context.vcpu->tracer, r->type))
		tracer_add(b->context.vcpu->tracer, r);
}

static void trace_step(struct breakpoints *b)
{
	for (unsigned i = 0; i < b->step.events; i++)
		trace(b, &b->step.event[i]);
}

/* The guest has done what it was to do. */
static void arrive(struct breakpoints *b, const struct break_scene *s)
{
	trace_step(b);
	end_step(b);
	follow_handler(b, s);
}

static void on_halt(struct vcpu_watch *w, struct vcpu *v, gva_t rip)
{
	struct kvm_regs *regs = &v->run->s.regs.regs;
	struct breakpoints *b = of(w);
	struct pn_trace_record fault;
	struct break_scene s;
	struct break_site *site;
	gpa_t gpa;

	regs->rip = rip;
	v->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	pthread_rwlock_rdlock(&v->mem->lock);
	break_scene_init(&s, v, vcpu_sregs(v));
	if (is_next(&b->step, rip))
		arrive(b, &s);
	else
		end_step(b);
	site = break_translate(&s, rip, &gpa) ? planted_at(b, gpa) : NULL;
	if (site) {
		if (site->kind == BREAK_FAULT && !b->told && break_fault_event(&s, &fault))
			trace(b, &fault);
		begin_step(b, &s, site);
	}
	b->told = false;
	pthread_rwlock_unlock(&v->mem->lock);
}

/* A LIDT that is not in the text that was read, as where a guest has moved itself. */
static void on_exited(struct vcpu_watch *w, struct vcpu *v)
{
	struct breakpoints *b = of(w);
	const struct kvm_sregs *sregs;
	struct break_scene s;

	if (atomic_load(&v->mode) != PN_MODE_HW || !wants(b, PN_TRACE_GUEST_FAULT))
		return;
	sregs = vcpu_sregs(v);
	if (sregs->idt.base == b->idt.base && sregs->idt.limit == b->idt.limit)
		return;
	pthread_rwlock_rdlock(&v->mem->lock);
	break_scene_init(&s, v, sregs);
	follow_handler(b, &s);
	pthread_rwlock_unlock(&v->mem->lock);
}

static bool owns_halt(struct vcpu_watch *w, struct vcpu *v, gva_t rip)
{
	struct breakpoints *b = of(w);
	struct break_scene s;
	gpa_t gpa;
	bool owns;

	pthread_rwlock_rdlock(&v->mem->lock);
	break_scene_init(&s, v, vcpu_sregs(v));
	owns = break_translate(&s, rip, &gpa) && planted_at(b, gpa);
	pthread_rwlock_unlock(&v->mem->lock);
	return owns;
}

static void plant_all(struct breakpoints *b)
{
	struct vcpu *v = b->context.vcpu;
	struct kvm_sregs sregs;
	struct break_scene s;

	pthread_rwlock_rdlock(&v->mem->lock);
	for (unsigned i = 0; i < b->sites.count; i++)
		break_plant(&b->sites.site[i], v->mem);
	/* The registers of the last exit were another mode's. */
	if (ioctl(v->fd, KVM_GET_SREGS, &sregs) == 0) {
		break_scene_init(&s, v, &sregs);
		follow_handler(b, &s);
	}
	pthread_rwlock_unlock(&v->mem->lock);
}

static void take_all(struct breakpoints *b)
{
	const struct gmem *mem = b->context.mem;

	pthread_rwlock_rdlock(&b->context.mem->lock);
	end_step(b);
	break_take(&b->handler, mem);
	for (unsigned i = 0; i < b->sites.count; i++)
		break_take(&b->sites.site[i], mem);
	pthread_rwlock_unlock(&b->context.mem->lock);
}

/* Between the two exits of an instruction the mode stays; one that was left by an exception does
 * not count. */
static bool ready(struct vcpu_watch *w, struct vcpu *v)
{
	const struct step *step = &of(w)->step;

	return !step->site || !step->count || v->run->s.regs.regs.rip != step->rip;
}

static void on_leave(struct vcpu_watch *w, struct vcpu *v, enum pn_mode mode)
{
	struct breakpoints *b = of(w);

	if (mode != PN_MODE_HW)
		return;
	/* Kicked between the instruction and the HLT behind it. */
	if (is_next(&b->step, v->run->s.regs.regs.rip))
		trace_step(b);
	take_all(b);
}

static bool is_handler(struct breakpoints *b, gva_t rip)
{
	return b->handler.planted && b->handler_gva == rip;
}

static void on_enter(struct vcpu_watch *w, struct vcpu *v, enum pn_mode mode)
{
	struct breakpoints *b = of(w);
	struct kvm_regs regs;

	if (mode != PN_MODE_HW)
		return;
	plant_all(b);
	/* Shadow mode has just given the guest a #PF, and traced it. */
	b->told = ioctl(v->fd, KVM_GET_REGS, &regs) == 0 && is_handler(b, regs.rip);
}

static int open_break(const struct source_context *c, void **state, struct pn_error *err)
{
	struct breakpoints *b = calloc(1, sizeof(*b));
	int code = b ? PN_OK : PN_ERR_NOMEM;

	if (b) {
		b->context = *c;
		b->watch = (struct vcpu_watch){.ready = ready,
					       .leave = on_leave,
					       .enter = on_enter,
					       .exited = on_exited,
					       .owns_halt = owns_halt,
					       .halt = on_halt};
		pthread_rwlock_rdlock(&c->mem->lock);
		code = break_sites_find(&b->sites, c->image, c->mem, c->types);
		pthread_rwlock_unlock(&c->mem->lock);
	}
	if (code) {
		free(b);
		return pn_fail(err, code, "out of memory for breakpoints");
	}
	if (atomic_load(&c->vcpu->mode) == PN_MODE_HW)
		plant_all(b);
	watch_add(c->vcpu, &b->watch);
	*state = b;
	return PN_OK;
}

static void stop(void *state)
{
	struct breakpoints *b = state;

	watch_remove(b->context.vcpu, &b->watch);
	take_all(b);
	break_sites_free(&b->sites);
	free(b);
}

const struct source_ops source_break = {
	.name = "break",
	.source = PN_SOURCE_BREAK,
	.sees = "guest faults, CR3 loads and flushes in hw mode, two exits each",
	.open = open_break,
	.stop = stop,
};
