/* SPDX-License-Identifier: MIT */
/* The list of those who watch a vCPU. */
#include "vcpu/watch.h"

#include "vcpu/vcpu.h"

void watch_add(struct vcpu *v, struct vcpu_watch *w)
{
	w->next = v->watch;
	v->watch = w;
}

void watch_remove(struct vcpu *v, struct vcpu_watch *w)
{
	struct vcpu_watch **p = &v->watch;

	while (*p && *p != w)
		p = &(*p)->next;
	if (*p)
		*p = w->next;
}

bool watch_ready(struct vcpu *v)
{
	for (struct vcpu_watch *w = v->watch; w; w = w->next)
		if (w->ready && !w->ready(w, v))
			return false;
	return true;
}

void watch_leave(struct vcpu *v)
{
	for (struct vcpu_watch *w = v->watch; w; w = w->next)
		if (w->leave)
			w->leave(w, v, (enum pn_mode)atomic_load(&v->mode));
}

void watch_enter(struct vcpu *v)
{
	for (struct vcpu_watch *w = v->watch; w; w = w->next)
		if (w->enter)
			w->enter(w, v, (enum pn_mode)atomic_load(&v->mode));
}

void watch_exited(struct vcpu *v)
{
	for (struct vcpu_watch *w = v->watch; w; w = w->next)
		if (w->exited)
			w->exited(w, v);
}

static struct vcpu_watch *owner(struct vcpu *v, gva_t rip)
{
	struct vcpu_watch *w = v->watch;

	while (w && !(w->owns_halt && w->owns_halt(w, v, rip)))
		w = w->next;
	return w;
}

bool watch_owns_halt(struct vcpu *v, gva_t rip)
{
	return owner(v, rip) != NULL;
}

bool watch_halt(struct vcpu *v, gva_t rip)
{
	struct vcpu_watch *w = owner(v, rip);

	if (w)
		w->halt(w, v, rip);
	return w != NULL;
}
