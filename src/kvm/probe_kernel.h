/* SPDX-License-Identifier: MIT */
/* What the host's kernel offers beside KVM: userfaultfd, tracepoints, huge pages. */
#ifndef KVM_PROBE_KERNEL_H
#define KVM_PROBE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/* How this process can get a userfaultfd that sees KVM's own accesses to guest memory. */
enum probe_userfaultfd {
	PROBE_UFFD_ABSENT,    /* the kernel has none */
	PROBE_UFFD_FORBIDDEN, /* none, or only for accesses from user mode, which KVM's are not */
	PROBE_UFFD_DEVICE,    /* /dev/userfaultfd opens */
	PROBE_UFFD_SYSCALL,   /* userfaultfd(2) gives one */
};

enum probe_userfaultfd probe_userfaultfd(void);

/*
 * Opens one, non-blocking, before any UFFDIO_API. Returns the descriptor, or -1 with *how
 * PROBE_UFFD_ABSENT or PROBE_UFFD_FORBIDDEN.
 */
int probe_userfaultfd_open(enum probe_userfaultfd *how);

/* KVM's tracepoints, as tracefs shows them. */
struct probe_tracefs {
	bool supported; /* the kernel has tracefs */
	char path[128]; /* where it is mounted; "" if it is not */
	bool readable;	/* its events can be listed by this user */
	bool writable;	/* ... and turned on */
	bool kvm;	/* events/kvm is there */
	bool kvmmmu;	/* events/kvmmmu */
};

void probe_tracefs(struct probe_tracefs *t);

/*
 * Reserved huge pages (hugetlb) of `size` bytes. Returns false if the kernel has no pages of that
 * size; the numbers are 0 then.
 */
bool probe_hugepages(uint64_t size, uint64_t *reserved, uint64_t *free);

#endif
