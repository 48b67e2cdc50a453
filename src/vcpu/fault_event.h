/* SPDX-License-Identifier: MIT */
/* What a trace says of a guest fault beyond what the processor does: what the guest's tables say. */
#ifndef VCPU_FAULT_EVENT_H
#define VCPU_FAULT_EVENT_H

#include "memory/walk.h"
#include "vcpu/emulate/emulate.h"

#include <penumbra/trace.h>

/*
 * Fills in address, error, kind, level and value[0] of a PN_TRACE_GUEST_FAULT, by walking the tables
 * under `ctx` (RFLAGS and PKRU as at the access) as the fault did. Changes no table. The caller holds
 * the memory's lock, as in walk().
 */
void fault_event(struct pn_trace_record *r, const struct gmem *mem, const struct walk_context *ctx,
		 const struct exception *x);

/* The 8-byte entry of a table that holds `gpa`; 0 if it is in no slot. */
uint64_t fault_event_entry(const struct gmem *mem, gpa_t gpa);

#endif
