/* SPDX-License-Identifier: MIT */
/* The guest's own events. */
#include "trace/diff/own.h"

const char *const diff_kind_names[DIFF_KINDS] = {
	[DIFF_FAULT] = "guest-fault",
	[DIFF_MARK] = "mark",
	[DIFF_CR3] = "cr3",
	[DIFF_INVLPG] = "flush by INVLPG",
	[DIFF_INVPCID] = "flush by INVPCID",
	[DIFF_CR4] = "flush by CR4",
	[DIFF_CR0] = "flush by CR0",
	[DIFF_EFER] = "flush by EFER",
	[DIFF_CALL] = "flush by call",
};

static const int kind_of_cause[PN_CAUSES] = {
	[PN_CAUSE_CR3] = -1,
	[PN_CAUSE_INVLPG] = DIFF_INVLPG,
	[PN_CAUSE_INVPCID] = DIFF_INVPCID,
	[PN_CAUSE_CR4] = DIFF_CR4,
	[PN_CAUSE_CR0] = DIFF_CR0,
	[PN_CAUSE_EFER] = DIFF_EFER,
	[PN_CAUSE_CALL] = DIFF_CALL,
	[PN_CAUSE_MODE] = -1,
};

int own_kind(const struct pn_trace_record *r)
{
	switch (r->type) {
	case PN_TRACE_GUEST_FAULT: return DIFF_FAULT;
	case PN_TRACE_MARK: return DIFF_MARK;
	case PN_TRACE_CR3: return DIFF_CR3;
	case PN_TRACE_FLUSH: return r->cause < PN_CAUSES ? kind_of_cause[r->cause] : -1;
	default: return -1;
	}
}

/*
 * What makes two events the same. Not the error code of a fault and not RIP: the sources of the two
 * modes may tell them differently. Not the value of a mark: a guest may put a time there. Not the
 * root of a load of CR3: in which frame it lies is chance, and a guest that keeps a log has others.
 */
uint64_t own_key(const struct pn_trace_record *r, int kind)
{
	uint64_t what = 0;

	switch (kind) {
	case DIFF_FAULT: what = r->address; break;
	case DIFF_MARK: what = r->value[0]; break;
	case DIFF_CR3: break;
	default: what = r->kind == PN_FLUSH_PAGE ? r->address & ~UINT64_C(0xfff) : r->kind;
	}
	what = (what ^ what >> 29) * UINT64_C(0x9e3779b97f4a7c15);
	what ^= what >> 32;
	return (what ^ ((uint64_t)kind << 8 | r->vcpu)) * UINT64_C(0xd6e8feb86659fd93);
}

/* A trap tells more than a breakpoint, and that more than the guest. */
static const uint8_t by_trust[] = {PN_SOURCE_SHADOW, PN_SOURCE_EXIT,   PN_SOURCE_BREAK,
				   PN_SOURCE_GUEST,  PN_SOURCE_KERNEL, PN_SOURCE_UFFD,
				   PN_SOURCE_STATS};

_Static_assert(sizeof(by_trust) == PN_SOURCES, "each has its place");

void own_see(struct own_sources *s, const struct pn_trace_record *r, int kind)
{
	if (r->mode < 2 && r->source < PN_SOURCES)
		s->seen[r->mode][kind][r->source]++;
}

void own_choose(struct own_sources *s)
{
	for (unsigned mode = 0; mode < 2; mode++)
		for (unsigned kind = 0; kind < DIFF_KINDS; kind++)
			for (unsigned i = sizeof(by_trust); i-- > 0;)
				if (s->seen[mode][kind][by_trust[i]])
					s->chosen[mode][kind] = by_trust[i];
}

bool own_is_chosen(const struct own_sources *s, const struct pn_trace_record *r, int kind)
{
	return r->mode < 2 && r->source == s->chosen[r->mode][kind];
}

uint64_t own_count(const struct own_sources *s, int kind)
{
	uint64_t count = 0;

	for (unsigned mode = 0; mode < 2; mode++)
		count += s->seen[mode][kind][s->chosen[mode][kind]];
	return count;
}
