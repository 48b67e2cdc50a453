/* SPDX-License-Identifier: MIT */
/* What a trace says of a guest fault: the walk that found it, once more. */
#include "vcpu/fault_event.h"

#include "x86.h"

static enum pn_trace_fault kind_of(enum walk_cause cause)
{
	switch (cause) {
	case WALK_CAUSE_RESERVED_BIT: return PN_FAULT_RESERVED;
	case WALK_CAUSE_READ_ONLY: return PN_FAULT_WRITE;
	case WALK_CAUSE_NO_EXECUTE: return PN_FAULT_EXECUTE;
	case WALK_CAUSE_SUPERVISOR_PAGE: return PN_FAULT_USER;
	case WALK_CAUSE_SMEP: return PN_FAULT_SMEP;
	case WALK_CAUSE_SMAP: return PN_FAULT_SMAP;
	case WALK_CAUSE_PKEY: return PN_FAULT_KEY;
	case WALK_CAUSE_NONE:
	case WALK_CAUSE_NOT_PRESENT: break;
	}
	return PN_FAULT_NOT_PRESENT;
}

/* Without A and D, so that it changes nothing. */
static struct walk_result walk_of(const struct gmem *mem, const struct walk_context *ctx,
				  const struct exception *x)
{
	struct walk_query query = {
		.gva = x->cr2,
		.access = x->error & PF_ERR_FETCH   ? WALK_FETCH
			  : x->error & PF_ERR_WRITE ? WALK_WRITE
						    : WALK_READ,
		.privilege = x->error & PF_ERR_USER ? WALK_USER : WALK_SUPERVISOR,
	};
	struct walk_result result;

	/* What the processor does of itself, EFLAGS.AC does not allow. */
	if (walk(mem, ctx, &query, &result, NULL) == WALK_OK) {
		query.privilege = WALK_IMPLICIT;
		walk(mem, ctx, &query, &result, NULL);
	}
	return result;
}

uint64_t fault_event_entry(const struct gmem *mem, gpa_t gpa)
{
	uint64_t entry = 0;

	gmem_read(mem, gpa & ~UINT64_C(7), &entry, sizeof(entry));
	return entry;
}

void fault_event(struct pn_trace_record *r, const struct gmem *mem, const struct walk_context *ctx,
		 const struct exception *x)
{
	struct walk_result result = walk_of(mem, ctx, x);

	r->address = x->cr2;
	r->error = x->error;
	r->kind = (uint8_t)kind_of(result.cause);
	r->level = result.level;
	r->value[0] = fault_event_entry(mem, result.entry);
}
