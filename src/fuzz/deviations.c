/* SPDX-License-Identifier: MIT */
#include "fuzz/deviations.h"

#include "kvm/vendor.h"

#include <cpuid.h>
#include <string.h>

static bool is_tdp(const struct fuzz_host *h)
{
	return h->paging == PN_PAGING_EPT || h->paging == PN_PAGING_NPT;
}

static bool is_kernel_shadow(const struct fuzz_host *h)
{
	return !is_tdp(h);
}

/* Not kvm_pvm, which interprets the guest's kernel. */
static bool is_kernel_shadow_of_ring_0(const struct fuzz_host *h)
{
	return h->paging == PN_PAGING_SHADOW_INTEL || h->paging == PN_PAGING_SHADOW_AMD;
}

static bool is_qemu_npt(const struct fuzz_host *h)
{
	return h->is_qemu && h->paging == PN_PAGING_NPT;
}

static void faults_access(struct fuzz_facts *f)
{
	f->faults_access = true;
}

static void no_nxe_off(struct fuzz_facts *f)
{
	f->offered &= ~FUZZ_HAS_NXE_OFF;
}

static void reserved_without_p(struct fuzz_facts *f)
{
	f->reserved_without_p = true;
}

static void no_high_global(struct fuzz_facts *f)
{
	f->no_high_global = true;
}

static void smap_lapses(struct fuzz_facts *f)
{
	f->smap_lapses = true;
}

const struct fuzz_deviation fuzz_deviations[FUZZ_DEVIATIONS] = {
	{"A may be set by an access that faults",
	 "allowed: SDM vol. 3, 4.8; APM vol. 2, 5.4.2. QEMU sets it on the way down", is_tdp,
	 faults_access},
	{"EFER.NXE cannot be cleared",
	 "KVM's own shadow pages are the same with it and without it (Linux 5.18 and later,"
	 " kvm_init_shadow_mmu() forces efer_nx): what was used with NX goes on. Not asked",
	 is_kernel_shadow, no_nxe_off},
	{"a reserved bit's #PF has no P in its error code",
	 "SDM vol. 3, 4.7 has P set. QEMU: do_fault_rsvd gives RSVD alone", is_qemu_npt,
	 reserved_without_p},
	{"bit 8 of the entries above level 3 is ignored on AMD",
	 "APM vol. 2, 5.3.3 has it reserved. QEMU asks for PS and the address there. Not asked",
	 is_qemu_npt, no_high_global},
	{"SMAP may not count for a read-only page that the kernel has written to under CR0.WP "
	 "clear",
	 "SDM vol. 3, 4.6.1. Linux makes it a kernel page in its shadow (FNAME(fetch), "
	 "paging_tmpl.h)"
	 " and takes it that SMAP was asked before; it was not, if AC was set then",
	 is_kernel_shadow_of_ring_0, smap_lapses},
};

struct fuzz_host fuzz_host(void)
{
	struct fuzz_host h = {.paging = kvm_vendor_paging()};
	uint32_t eax, ebx, ecx, edx;
	char name[12];

	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &ecx, 4);
	memcpy(name + 8, &edx, 4);
	h.is_qemu = memcmp(name, "TCGTCGTCGTCG", sizeof(name)) == 0;
	return h;
}

unsigned fuzz_deviate(const struct fuzz_host *host, struct fuzz_facts *facts)
{
	unsigned applied = 0;

	for (unsigned i = 0; i < FUZZ_DEVIATIONS; i++)
		if (fuzz_deviations[i].is_here(host)) {
			fuzz_deviations[i].apply(facts);
			applied |= 1u << i;
		}
	return applied;
}
