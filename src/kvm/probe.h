/* SPDX-License-Identifier: MIT */
/*
 * The host probe: what this KVM is and can do, found by behaviour. Each probe runs a few
 * instructions in a throw-away VM and looks at what happened.
 */
#ifndef KVM_PROBE_H
#define KVM_PROBE_H

#include <penumbra/penumbra.h>
#include <stdbool.h>

/*
 * What really translates the second dimension: a VM takes page faults and runs INVLPG, and
 * KVM_GET_STATS_FD tells whether the kernel saw them (it shadows) or not (two-dimensional paging).
 * Which hardware it is comes from the vendor module, or from CPUID's vendor where /sys is closed.
 * Returns 0 or the error of the call that failed (PN_ERR_NO_KVM, PN_ERR_HOST_LACKS,
 * PN_ERR_SYSTEM).
 */
int probe_paging(enum pn_paging *paging, struct pn_error *err);

#endif
