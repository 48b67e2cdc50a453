/* SPDX-License-Identifier: MIT */
/*
 * Which vendor module this KVM is, and what it says it does for the second dimension, as read from
 * /sys/module: cheap enough for every start. doctor proves the same by behaviour (probe.h).
 */
#ifndef KVM_VENDOR_H
#define KVM_VENDOR_H

#include <penumbra/penumbra.h>

/* "kvm_intel", "kvm_amd", "kvm_pvm", or "unknown" where /sys does not tell. */
const char *kvm_vendor_module(void);

/* What the module's parameters say; PN_PAGING_UNKNOWN where they say nothing. */
enum pn_paging kvm_vendor_paging(void);

/* Whether this CPU is AMD's or Hygon's (it would have SVM), and not Intel's (VMX). */
bool kvm_cpu_is_amd(void);

/* Whether `paging` is two-dimensional paging (TDP): EPT or NPT. */
bool kvm_paging_is_tdp(enum pn_paging paging);

/*
 * Levels of the second dimension's tables, 4 or 5, as KVM chooses them: NPT has as many as the
 * host's own tables, EPT a fifth if a guest of `maxphyaddr` bits needs it. The latter is also the
 * answer for a host that has neither.
 */
unsigned kvm_paging_levels(enum pn_paging paging, unsigned maxphyaddr);

#endif
