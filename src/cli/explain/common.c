/* SPDX-License-Identifier: MIT */
/* What the forms of an explanation have in common. */
#include "cli/explain/print.h"

const struct reference_walk *explain_real(const struct explanation *x)
{
	return x->shadowed ? &x->real : &x->guest;
}

const char *explain_shadow_name(unsigned level)
{
	return pt_format_5level.level[level].name;
}

/* Entries at the start of the real walk that point to tables. */
static unsigned cacheable(const struct explanation *x)
{
	if (!x->shadowed)
		return explain_cacheable(x);
	return x->shadow.count ? x->shadow.count - 1 : 0;
}

/* An entry that is not among the references (a PDPTE in a register) has no cache either. */
static const char *name_of(const struct explanation *x, unsigned i)
{
	if (x->shadowed)
		return explain_shadow_name(x->shadow.step[i].level);
	return explain_entry_name(x, x->path.step[i].level);
}

unsigned explain_caches(const struct explanation *x, struct explain_cache list[PT_LEVEL_MAX])
{
	const struct reference_walk *w = explain_real(x);
	unsigned skipped = x->shadowed ? 0 : x->path.count - x->guest.entries, count = 1;

	list[0] = (struct explain_cache){NULL, references_one(w, 0), references_two(w, 0)};
	for (unsigned i = skipped; i < cacheable(x) && count < PT_LEVEL_MAX; i++) {
		unsigned held = i + 1 - skipped;

		list[count++] = (struct explain_cache){name_of(x, i), references_one(w, held),
						       references_two(w, held)};
	}
	return count;
}

const char *explain_verdict(const struct explanation *x, char *text, size_t size)
{
	const struct walk_result *r = &x->result;

	switch (r->outcome) {
	case WALK_OK: snprintf(text, size, "GPA 0x%llx", (unsigned long long)r->gpa); break;
	case WALK_FAULT: snprintf(text, size, "%s", walk_cause_name(r->cause)); break;
	case WALK_NONCANONICAL:
	case WALK_NO_MEMORY: snprintf(text, size, "%s", walk_outcome_name(r->outcome)); break;
	}
	return text;
}
