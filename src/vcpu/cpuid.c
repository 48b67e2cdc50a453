/* SPDX-License-Identifier: MIT */
/* CPUID policy, as a table. */
#include "vcpu/cpuid.h"

#include "x86.h"

/* MAXPHYADDR of a processor that does not tell (Intel SDM vol. 3, 4.1.4). */
#define MAXPHYADDR_UNTOLD 36

enum cpuid_register { EAX, EBX, ECX, EDX };

struct hidden {
	uint32_t leaf;
	enum cpuid_register reg;
	uint32_t bits;
};

#define BIT(n) (UINT32_C(1) << (n))

static const struct hidden hidden[] = {
	/* No interrupt controller: no local APIC, and nothing that needs one. */
	{0x00000001, EDX, BIT(9)},  /* APIC */
	{0x00000001, ECX, BIT(21)}, /* x2APIC */
	{0x00000001, ECX, BIT(24)}, /* TSC-deadline timer */
	{0x80000001, ECX, BIT(3)},  /* extended APIC space */
	{0x80000001, EDX, BIT(9)},  /* APIC, AMD's copy */
	/* No nested virtualisation. */
	{0x00000001, ECX, BIT(5)}, /* VMX */
	{0x80000001, ECX, BIT(2)}, /* SVM */
	/* The guest sees a processor, not KVM: its paravirtual features belong to one mode only. */
	{0x40000001, EAX, ~UINT32_C(0)},
};

static uint32_t *register_of(struct kvm_cpuid_entry2 *e, enum cpuid_register reg)
{
	switch (reg) {
	case EAX: return &e->eax;
	case EBX: return &e->ebx;
	case ECX: return &e->ecx;
	default: return &e->edx;
	}
}

void cpuid_apply_policy(union kvm_cpuid_list *cpuid)
{
	for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		struct kvm_cpuid_entry2 *e = kvm_cpuid_find(cpuid, hidden[i].leaf, 0);

		if (e)
			*register_of(e, hidden[i].reg) &= ~hidden[i].bits;
	}
}

struct cpuid_facts cpuid_facts(union kvm_cpuid_list *cpuid)
{
	const struct kvm_cpuid_entry2 *vendor = kvm_cpuid_find(cpuid, 0, 0);
	const struct kvm_cpuid_entry2 *features = kvm_cpuid_find(cpuid, 0x80000001, 0);
	const struct kvm_cpuid_entry2 *sizes = kvm_cpuid_find(cpuid, 0x80000008, 0);

	unsigned maxphyaddr = sizes ? sizes->eax & 0xff : MAXPHYADDR_UNTOLD;

	return (struct cpuid_facts){
		.maxphyaddr = maxphyaddr < 32	? 32
			      : maxphyaddr > 52 ? 52
						: maxphyaddr,
		.has_1g = features && (features->edx & BIT(26)),
		.amd = vendor && (vendor->ecx == CPUID_ECX_AMD || vendor->ecx == CPUID_ECX_HYGON),
	};
}
