/* SPDX-License-Identifier: MIT */
/*
 * The yardstick: a VM with nothing around it. The same KVM calls that Penumbra makes for a guest
 * of 64 MiB, in the same order, without a loader, devices, checks or reports. It shares no code
 * with the rest on purpose; what it costs is what KVM itself costs.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stddef.h>
#include <stdint.h>

/* Moments of starting up, CLOCK_MONOTONIC ns; the same as Penumbra's own (machine.h). */
enum bare_moment {
	BARE_BEGIN,
	BARE_KVM,
	BARE_VM,
	BARE_MEMORY,
	BARE_VCPU,
	BARE_LOAD,
	BARE_FIRST_EXIT,
	BARE_MOMENTS
};

struct bare {
	int kvm, vm, vcpu, memfd;
	struct kvm_run *run;
	size_t run_size; /* bytes */
	uint8_t *ram;
	uint64_t at[BARE_MOMENTS];
};

/*
 * Makes a VM whose guest runs `code` (`len` bytes, at most a page) in 64-bit mode at CPL 0.
 * Returns 0, or -1 with errno set; nothing is left of it then.
 */
int bare_create(struct bare *b, const void *code, unsigned len);

/* KVM_RUN `count` times. Returns 0, or -1 if an exit is not port I/O or a call fails. */
int bare_run(struct bare *b, uint64_t count);

void bare_destroy(struct bare *b);

#endif
