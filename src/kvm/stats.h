/* SPDX-License-Identifier: MIT */
/*
 * KVM's own statistics of a VM or a vCPU, by the kernel's names (KVM_GET_STATS_FD, KVM API 4.133).
 * The set changes with the kernel: it is read from the descriptors, never assumed.
 */
#ifndef KVM_STATS_H
#define KVM_STATS_H

#include <penumbra/penumbra.h>
#include <stddef.h>
#include <stdint.h>

#define KVM_STAT_NAME 48

struct kvm_stat {
	char name[KVM_STAT_NAME];
	uint64_t value;
};

/* Statistics of one descriptor, scalar ones only (histograms are left out). */
struct kvm_stats {
	size_t count;
	struct kvm_stat *stat;
};

/*
 * Reads the statistics of a VM or vCPU descriptor. Returns 0 (free with kvm_stats_free),
 * PN_ERR_HOST_LACKS (Linux before 5.14), PN_ERR_NOMEM or PN_ERR_SYSTEM.
 */
int kvm_stats_read(int fd, struct kvm_stats *stats, struct pn_error *err);
void kvm_stats_free(struct kvm_stats *stats);

/* The value of a statistic, or `missing` if this kernel does not have it. */
uint64_t kvm_stats_get(const struct kvm_stats *stats, const char *name, uint64_t missing);

#endif
