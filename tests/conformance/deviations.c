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
	/* No manual says which of a descriptor's bytes are stored to for its accessed bit. */
	gva_t slack = e->query.access == WALK_WRITE && c->access >= CONF_IMPLICIT_WRITE ? 7 : 0;

	if (r->vector != e->vector)
		return "whether it faults";
	if (r->vector == CONF_VECTOR_PF && r->error != e->result.error_code)
		return "error code";
	if (r->vector == CONF_VECTOR_PF && (r->cr2 & ~slack) != (e->query.gva & ~slack))
		return "CR2";
	/* What a read that faults leaves in the register is nobody's business. */
	if (r->vector != CONF_VECTOR_GP &&
	    (r->vector != CONF_VECTOR_PF || e->query.access == WALK_WRITE) &&
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
 * The same fault, for a bit of a 1 GiB page's address that the page's size rules out: A has been set in
 * that page's own entry as well. An entry with a reserved bit is not used for a translation, and SDM
 * vol. 3, 4.8 is about those that are.
 */
static bool is_reserved_with_a(const struct conf_case *c, const struct conf_expected *e,
			       const struct conf_result *r)
{
	const uint64_t offset = UINT64_C(0x3fffe000);
	const struct walk_step *leaf = &e->path.step[e->path.count - 1];
	struct conf_result without = *r;

	if (e->result.outcome != WALK_FAULT || e->result.cause != WALK_CAUSE_RESERVED_BIT ||
	    leaf->level != 3 || !(leaf->entry & PTE_PS) || e->result.reserved & ~offset)
		return false;
	if (r->entry[2] == e->entry[2] || r->entry[2] != (e->entry[2] | PTE_ACCESSED))
		return false;
	without.entry[2] = e->entry[2];
	return is_reserved_without_p(c, e, &without);
}

/*
 * An implicit access of CPL 3 through SMAP, with AC set, where the kernel shadows: the processor's
 * fault does not tell KVM that the access is implicit, KVM takes AC to allow it, makes the entry that
 * is there already, and goes back to the same fault.
 */
static bool is_implicit_of_user(const struct conf_case *c, const struct conf_expected *e)
{
	return (c->access == CONF_IMPLICIT_USER || c->access == CONF_IMPLICIT_WRITE_USER) &&
	       c->regs & CONF_AC && e->result.outcome == WALK_FAULT &&
	       e->result.cause == WALK_CAUSE_SMAP;
}

/* APM vol. 2, 5.3.3 has bit 8 of a PML4E and of a PML5E reserved; the SDM has it ignored. */
static void ignore_global_above(struct conf_world *world)
{
	world->amd = false;
}

static void use_pdptes_like_others(struct conf_world *world)
{
	world->lax_pdptes = true;
}

static void take_nxe_alone(struct conf_world *world)
{
	world->nxe_without_pae = true;
}

static void end_at_36_bits(struct conf_world *world)
{
	if (world->levels == 2 && world->maxphyaddr > 36)
		world->maxphyaddr = 36;
}

static void ask_ac_at_cpl0(struct conf_world *world)
{
	world->ac_at_cpl0 = true;
}

static void ask_ac_at_cpl3(struct conf_world *world)
{
	world->ac_at_cpl3 = true;
}

static void take_host_maxphyaddr(struct conf_world *world)
{
	world->maxphyaddr = world->host_maxphyaddr;
}

/* "QEMU" is QEMU 7.2; by its source, target/i386/tcg/sysemu/excp_helper.c, mmu_translate(). */
const struct conf_deviation conf_deviations[] = {
	{.name = "A is set by an access that faults",
	 .evidence = "allowed: SDM vol. 3, 4.8; APM vol. 2, 5.4.2. QEMU sets it on the way down",
	 .hosts = CONF_ON_HARDWARE | CONF_ON_QEMU_NPT1,
	 .is = is_accessed_on_a_fault},
	{.name = "a reserved bit's #PF has no P in its error code",
	 .evidence = "SDM vol. 3, 4.7 has P set. QEMU: do_fault_rsvd gives RSVD alone",
	 .hosts = CONF_ON_QEMU_NPT1,
	 .is = is_reserved_without_p},
	{.name = "a 1 GiB page's entry with a reserved bit gets A",
	 .evidence = "SDM vol. 3, 4.8 has it set in entries that are used. QEMU sets A at level 3"
		     " before it asks for the page's size",
	 .hosts = CONF_ON_QEMU_NPT1,
	 .is = is_reserved_with_a},
	{.name = "AC lets an implicit access of CPL 0 through SMAP",
	 .evidence =
		 "SDM vol. 3, 4.6.1: AC is for explicit ones. QEMU: cpu_mmu_index_kernel() asks AC"
		 " below CPL 3; Bochs, cpu/paging.cc: get_AC() for each access",
	 .hosts = CONF_ON_QEMU_NPT1 | CONF_ON_QEMU_NPT0 | CONF_ON_BOCHS_EPT1 | CONF_ON_BOCHS_EPT0,
	 .alter = ask_ac_at_cpl0},
	{.name = "AC lets an implicit access of CPL 3 through SMAP",
	 .evidence = "SDM vol. 3, 4.6.1. Bochs, cpu/paging.cc: get_AC() for each access",
	 .hosts = CONF_ON_BOCHS_EPT1 | CONF_ON_BOCHS_EPT0,
	 .alter = ask_ac_at_cpl3},
	{.name = "MAXPHYADDR is the processor's, and not the guest's",
	 .evidence =
		 "with two dimensions the processor walks the guest's tables, and knows its own",
	 .hosts = CONF_ON_HARDWARE | CONF_ON_QEMU_NPT1 | CONF_ON_BOCHS_EPT1,
	 .alter = take_host_maxphyaddr},
	{.name = "bit 8 of the entries above level 3 is ignored on AMD",
	 .evidence = "APM vol. 2, 5.3.3 has it reserved. QEMU asks for PS and the address there",
	 .hosts = CONF_ON_QEMU_NPT1,
	 .alter = ignore_global_above},
	{.name = "bits 1, 2 and 5 to 8 of a PDPTE of PAE are not looked at, and A is set there",
	 .evidence =
		 "APM vol. 2, 5.2.3 has them reserved. QEMU asks for NX, 62:52 and the address, and"
		 " sets A as at any level",
	 .hosts = CONF_ON_QEMU_NPT1,
	 .alter = use_pdptes_like_others},
	{.name = "the error code has I/D by EFER.NXE without PAE",
	 .evidence = "SDM vol. 3, 4.7 asks for CR4.PAE. Linux, arch/x86/kvm/mmu/paging_tmpl.h,"
		     " walk_addr_generic(): is_efer_nx() or is_cr4_smep()",
	 .hosts = CONF_ON_QEMU_NPT0 | CONF_ON_BOCHS_EPT0,
	 .alter = take_nxe_alone},
	{.name = "PSE-36 ends at 36 bits, whatever MAXPHYADDR is",
	 .evidence = "SDM vol. 3, 4.3 has up to 40. Linux, arch/x86/kvm/mmu/mmu.c,"
		     " __reset_rsvds_bits_mask(): rsvd_bits(17, 21)",
	 .hosts = CONF_ON_QEMU_NPT0 | CONF_ON_BOCHS_EPT0,
	 .alter = end_at_36_bits},
	{.name = "with AC set, an implicit access of CPL 3 to a user page never ends under SMAP",
	 .evidence = "Linux 5.18 and later, arch/x86/kvm/mmu.h, permission_fault(): AC counts at "
		     "any CPL"
		     " unless KVM itself did the access",
	 .hosts = CONF_ON_QEMU_NPT0,
	 .is_endless = is_implicit_of_user},
};

const unsigned conf_deviation_count = COUNT(conf_deviations);

_Static_assert(COUNT(conf_deviations) <= CONF_DEVIATIONS, "seen[] and altered[] are too short");

const struct conf_deviation *conf_endless(const struct conf_case *c, const struct conf_expected *e)
{
	for (unsigned i = 0; i < conf_deviation_count; i++) {
		const struct conf_deviation *d = &conf_deviations[i];

		if (d->is_endless && d->hosts & conf_host() && d->is_endless(c, e))
			return d;
	}
	return NULL;
}

static bool alters_here(const struct conf_deviation *d)
{
	return d->alter && d->hosts & conf_host();
}

void conf_altered_init(struct conf_altered *a, const struct conf_world *world)
{
	struct conf_world all = *world;

	for (unsigned i = 0; i < conf_deviation_count; i++) {
		struct conf_world one = *world;

		if (!alters_here(&conf_deviations[i]))
			continue;
		conf_deviations[i].alter(&one);
		conf_deviations[i].alter(&all);
		conf_model_init(&a->one[i], &one);
	}
	conf_model_init(&a->all, &all);
}

void conf_altered_fini(struct conf_altered *a)
{
	for (unsigned i = 0; i < conf_deviation_count; i++)
		if (alters_here(&conf_deviations[i]))
			conf_model_fini(&a->one[i]);
	conf_model_fini(&a->all);
}

static bool ends_alike(const struct conf_expected *a, const struct conf_expected *b)
{
	return a->vector == b->vector && a->result.error_code == b->result.error_code &&
	       memcmp(a->entry, b->entry, sizeof(a->entry)) == 0;
}

bool conf_leads_away(const struct conf_case *c, const struct conf_expected *e,
		     struct conf_altered *altered, bool modes_change)
{
	struct conf_expected other;

	return !conf_expect(&altered->all, c, &other) || (modes_change && !ends_alike(&other, e));
}

/* An entry with is(). */
static bool is_one(const struct conf_case *c, const struct conf_expected *e,
		   const struct conf_result *r, uint64_t *seen)
{
	for (unsigned i = 0; i < conf_deviation_count; i++) {
		const struct conf_deviation *d = &conf_deviations[i];

		if (!d->is || !(d->hosts & conf_host()) || !d->is(c, e, r))
			continue;
		seen[i]++;
		return true;
	}
	return false;
}

bool conf_is_named(const struct conf_case *c, const struct conf_expected *e,
		   const struct conf_result *r, struct conf_altered *altered, uint64_t *seen)
{
	struct conf_expected other;

	if (is_one(c, e, r, seen))
		return true;
	if (!conf_expect(&altered->all, c, &other) ||
	    (conf_difference(c, &other, r, 5) && !is_one(c, &other, r, seen)))
		return false;
	for (unsigned i = 0; i < conf_deviation_count; i++) {
		if (!alters_here(&conf_deviations[i]))
			continue;
		conf_expect(&altered->one[i], c, &other);
		seen[i] += !ends_alike(&other, e);
	}
	return true;
}
