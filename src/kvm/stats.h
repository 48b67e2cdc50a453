/* SPDX-License-Identifier: MIT */
/*
 * KVM's own statistics of a VM or a vCPU, by the kernel's names (KVM_GET_STATS_FD, KVM API 4.133).
 * The set changes with the kernel: it is read from the descriptors, never assumed.
 */
#ifndef KVM_STATS_H
#define KVM_STATS_H

#include <penumbra/penumbra.h>
#include <stdbool.h>
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

/* A few statistics of one descriptor, to be read again and again at little cost. */
#define KVM_STATS_WATCHED 32

struct kvm_stats_watch {
	int fd;
	size_t count;
	int64_t offset[KVM_STATS_WATCHED]; /* in the descriptor; negative: this kernel has it not */
};

/*
 * Finds the statistics of these names, at most KVM_STATS_WATCHED (NULL among them is passed over).
 * Errors of kvm_stats_read; nothing is left behind then.
 */
int kvm_stats_watch(struct kvm_stats_watch *w, int fd, const char *const *names, size_t count,
		    struct pn_error *err);
void kvm_stats_unwatch(struct kvm_stats_watch *w);

/* Reads the one at index `i`. Returns false if this kernel does not have it, or it cannot be read. */
bool kvm_stats_watched(const struct kvm_stats_watch *w, size_t i, uint64_t *value);

#endif
