/* SPDX-License-Identifier: MIT */
/* CPUID policy: the host's features, less those that this machine cannot keep its word on. */
#ifndef VCPU_CPUID_H
#define VCPU_CPUID_H

#include "kvm/kvm.h"

#include <stdbool.h>

/* What the rest of Penumbra needs to know of a guest's CPUID. */
struct cpuid_facts {
	unsigned maxphyaddr; /* bits */
	bool has_1g;	     /* 1 GiB pages */
	bool amd;	     /* AMD's variant of paging rules (and Hygon's) */
};

/* Takes what the host supports and hides what the policy's table names. */
void cpuid_apply_policy(union kvm_cpuid_list *cpuid);

struct cpuid_facts cpuid_facts(union kvm_cpuid_list *cpuid);

#endif
