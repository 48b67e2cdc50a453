/* SPDX-License-Identifier: MIT */
/* What shadow mode tells a trace. Each does nothing if nobody listens. */
#ifndef VCPU_DEPRIVILEGED_EVENTS_H
#define VCPU_DEPRIVILEGED_EVENTS_H

#include "vcpu/deprivileged/deprivileged.h"

/* `filled`: shadow_stats.filled before it. */
void event_hidden_fault(struct deprivileged *d, uint32_t error, const struct walk_query *query,
			const struct walk_result *result, uint64_t filled);

/* A store by the emulator over the entry at `gpa`, which held `before`; of 8 bytes. */
void event_table_write(struct deprivileged *d, gpa_t gpa, uint64_t before);

/* The guest returns to the instruction of the fault it was given last; its entry is installed. */
void event_foreseen(struct deprivileged *d);

/* A load of CR3, and what instructions flush. `before` is CR3 before; `dropped` is
 * shadow_stats.dropped before. */
void event_effects(struct deprivileged *d, const struct emulate *e, uint64_t before,
		   uint64_t dropped);

/* An exception that the guest is about to get, whoever raised it: a #PF is a guest fault. */
void event_exception(struct deprivileged *d, const struct exception *x);

/* The same for one that hw mode has left to be delivered, at d->regs.rip. */
void event_inherited(struct deprivileged *d, const struct exception *x);

void event_halt(struct deprivileged *d);

#endif
