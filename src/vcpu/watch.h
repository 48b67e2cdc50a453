/* SPDX-License-Identifier: MIT */
/*
 * Watching a vCPU from outside its modes: who has something to take out of the guest before a mode
 * is left, or has put a HLT into its text, is told here. All on the vCPU's thread; with nobody
 * watching, each costs a look at an empty list.
 */
#ifndef VCPU_WATCH_H
#define VCPU_WATCH_H

#include <penumbra/penumbra.h>
#include <stdbool.h>

struct vcpu;

/* A watcher; what it does not care for is NULL. */
struct vcpu_watch {
	struct vcpu_watch *next;

	/* Whether hw mode can be left now. If not, the guest runs on and it is asked again soon. */
	bool (*ready)(struct vcpu_watch *w, struct vcpu *v);
	/* The guest stands, and `mode` is about to be left, or has just been entered. */
	void (*leave)(struct vcpu_watch *w, struct vcpu *v, enum pn_mode mode);
	void (*enter)(struct vcpu_watch *w, struct vcpu *v, enum pn_mode mode);
	/* An exit has come, in either mode; nothing has been done about it yet. */
	void (*exited)(struct vcpu_watch *w, struct vcpu *v);
	/* Whether a HLT at `rip`, hw mode, is the watcher's. */
	bool (*owns_halt)(struct vcpu_watch *w, struct vcpu *v, gva_t rip);
	/* The guest has come to it. The vCPU goes on where the watcher has set RIP. */
	void (*halt)(struct vcpu_watch *w, struct vcpu *v, gva_t rip);
};

/* Between runs, or on the vCPU's thread. */
void watch_add(struct vcpu *v, struct vcpu_watch *w);
void watch_remove(struct vcpu *v, struct vcpu_watch *w);

bool watch_ready(struct vcpu *v);
void watch_leave(struct vcpu *v);
void watch_enter(struct vcpu *v);

void watch_exited(struct vcpu *v);

/* Whether a HLT at `rip` is some watcher's; and the same, with all that is to be done about it. */
bool watch_owns_halt(struct vcpu *v, gva_t rip);
bool watch_halt(struct vcpu *v, gva_t rip);

#endif
