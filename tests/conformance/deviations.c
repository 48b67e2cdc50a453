/* SPDX-License-Identifier: MIT */
#include "deviations.h"

#include "check.h"
#include "kvm/vendor.h"
#include "x86.h"

#include <stdlib.h>

static unsigned find_host(void)
{
	static const struct {
		const char *rig;
		unsigned host;
	} rigs[] = {
		{"kvm_amd-npt1", CONF_ON_QEMU_NPT1},
		{"kvm_amd-npt0", CONF_ON_QEMU_NPT0},
		{"kvm_intel-ept1", CONF_ON_BOCHS_EPT1},
		{"kvm_intel-ept0", CONF_ON_BOCHS_EPT0},
	};
	const char *rig = getenv("PENUMBRA_RIG");
	enum pn_paging paging = kvm_vendor_paging();

	for (size_t i = 0; rig && i < COUNT(rigs); i++)
		if (strcmp(rig, rigs[i].rig) == 0)
			return rigs[i].host;
	if (paging == PN_PAGING_SHADOW_PVM)
		return CONF_ON_PVM;
	return paging == PN_PAGING_EPT || paging == PN_PAGING_NPT ? CONF_ON_HARDWARE : 0;
}

unsigned conf_host(void)
{
	static unsigned host;
	static bool known;

	if (!known)
		host = find_host();
	known = true;
	return host;
}

const char *conf_difference(const struct conf_case *c, const struct conf_expected *e,
			    const struct conf_result *r, unsigned levels)
{
	if (r->vector != e->vector)
		return "whether it faults";
	if (r->vector == CONF_VECTOR_PF && r->error != e->result.error_code)
		return "error code";
	if (r->vector == CONF_VECTOR_PF && r->cr2 != e->query.gva)
		return "CR2";
	/* What a read that faults leaves in the register is nobody's business. */
	if ((r->vector != CONF_VECTOR_PF || e->query.access == WALK_WRITE) &&
	    (c->access == CONF_USER_READ || c->access == CONF_KERNEL_READ ||
	     e->query.access == WALK_WRITE) &&
	    r->value != e->value)
		return "the page";
	for (unsigned i = levels; i-- > 0;)
		if (r->entry[i] != e->entry[i])
			return "an entry";
	return NULL;
}

/*
 * "The processor may set the accessed flag of an entry that it uses" for an access that faults, and
 * for speculation; guests cannot count on either (SDM vol. 3, 4.8; APM vol. 2, 5.4.2). walk() sets
 * none then. D is no such thing: it is set by writes that are done.
 */
static bool is_accessed_on_a_fault(const struct conf_case *c, const struct conf_expected *e,
				   const struct conf_result *r)
{
	struct conf_result without = *r;
	bool some = false;

	if (e->result.outcome != WALK_FAULT)
		return false;
	for (unsigned i = 0; i < e->path.count; i++) {
		unsigned at = e->path.step[i].level - 1u;
		bool usable = i + 1 < e->path.count || (e->result.cause != WALK_CAUSE_NOT_PRESENT &&
							e->result.cause != WALK_CAUSE_RESERVED_BIT);

		if (!usable || r->entry[at] != (e->entry[at] | PTE_ACCESSED))
			continue;
		some |= r->entry[at] != e->entry[at];
		without.entry[at] = e->entry[at];
	}
	return some && !conf_difference(c, e, &without, 5);
}

/* A #PF for a reserved bit without P in its error code. */
static bool is_reserved_without_p(const struct conf_case *c, const struct conf_expected *e,
				  const struct conf_result *r)
{
	struct conf_result with = *r;

	if (e->result.outcome != WALK_FAULT || e->result.cause != WALK_CAUSE_RESERVED_BIT ||
	    r->error & PF_ERR_PRESENT)
		return false;
	with.error |= PF_ERR_PRESENT;
	return !conf_difference(c, e, &with, 5) || is_accessed_on_a_fault(c, e, &with);
}

/*
 * The same fault, for a bit in the address of a large page: A has been set in that page's own entry
 * as well. An entry with a reserved bit is not used for a translation, and SDM vol. 3, 4.8 is about
 * those that are.
 */
static bool is_reserved_with_a(const struct conf_case *c, const struct conf_expected *e,
			       const struct conf_result *r)
{
	const struct walk_step *leaf = &e->path.step[e->path.count - 1];
	struct conf_result without = *r;
	unsigned at;

	if (e->result.outcome != WALK_FAULT || e->result.cause != WALK_CAUSE_RESERVED_BIT ||
	    leaf->level == 1 || !(leaf->entry & PTE_PS))
		return false;
	at = leaf->level - 1u;
	if (r->entry[at] == e->entry[at] || r->entry[at] != (e->entry[at] | PTE_ACCESSED))
		return false;
	without.entry[at] = e->entry[at];
	return is_reserved_without_p(c, e, &without);
}

/* SMAP is for implicit accesses whatever AC is (SDM vol. 3, 4.6.1). With AC set this one goes through. */
static bool is_implicit_by_ac(const struct conf_case *c, const struct conf_expected *e,
			      const struct conf_result *r)
{
	if (c->access != CONF_IMPLICIT_READ || !(c->regs & CONF_AC) ||
	    e->result.outcome != WALK_FAULT || e->result.cause != WALK_CAUSE_SMAP ||
	    r->vector != CONF_NO_TRAP)
		return false;
	for (unsigned i = 0; i < e->path.count; i++) {
		unsigned at = e->path.step[i].level - 1u;

		if (r->entry[at] != (e->entry[at] | PTE_ACCESSED))
			return false;
	}
	return true;
}

const struct conf_deviation conf_deviations[] = {
	{"A is set by an access that faults", "allowed: SDM vol. 3, 4.8; APM vol. 2, 5.4.2",
	 CONF_ON_HARDWARE | CONF_ON_QEMU_NPT1, is_accessed_on_a_fault},
	{"a reserved bit's #PF has no P in its error code",
	 "docs/rig.md, QEMU's SVM; SDM vol. 3, 4.7 has P set", CONF_ON_QEMU_NPT1,
	 is_reserved_without_p},
	{"a large page's entry with a reserved bit gets A",
	 "SDM vol. 3, 4.8 has it set in entries that are used; seen in QEMU 7.2", CONF_ON_QEMU_NPT1,
	 is_reserved_with_a},
	{"AC lets an implicit access through SMAP",
	 "SDM vol. 3, 4.6.1; seen in QEMU 7.2, which asks AC at CPL 0 whatever the access",
	 CONF_ON_QEMU_NPT1, is_implicit_by_ac},
};

const unsigned conf_deviation_count = COUNT(conf_deviations);
