/* SPDX-License-Identifier: MIT */
/* The guest's TSC put onto CLOCK_MONOTONIC. KVM API 4.65; Documentation/virt/kvm/devices/vcpu.rst, 4. */
#include "sources/log_clock.h"

#include "clock.h"
#include "x86.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <sys/ioctl.h>

/* Linux 5.16. */
#ifndef KVM_VCPU_TSC_CTRL
#define KVM_VCPU_TSC_CTRL   0
#define KVM_VCPU_TSC_OFFSET 0
#endif

/* A product of ticks and nanoseconds. */
__extension__ typedef unsigned __int128 wide;

#define LOOKS 3

struct log_moment log_clock_now(void)
{
	struct log_moment best = {0};
	uint64_t shortest = UINT64_MAX;

	/* The one least disturbed. */
	for (unsigned i = 0; i < LOOKS; i++) {
		uint64_t before = __builtin_ia32_rdtsc(), ns = clock_ns();
		uint64_t took = __builtin_ia32_rdtsc() - before;

		if (took < shortest) {
			shortest = took;
			best = (struct log_moment){.tsc = before + took / 2, .ns = ns};
		}
	}
	return best;
}

static bool exact_offset(int vcpu, uint64_t *offset)
{
	const struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uintptr_t)offset};

	return ioctl(vcpu, KVM_GET_DEVICE_ATTR, &attr) == 0;
}

/* Older kernels: the guest's TSC as an MSR, and the host's at the middle of the call. */
static uint64_t measured_offset(int vcpu)
{
	union {
		struct kvm_msrs list;
		char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} m = {.list.nmsrs = 1};
	uint64_t before, after;

	m.list.entries[0].index = MSR_TSC;
	before = __builtin_ia32_rdtsc();
	if (ioctl(vcpu, KVM_GET_MSRS, &m.list) != 1)
		return 0;
	after = __builtin_ia32_rdtsc();
	return m.list.entries[0].data - (before + (after - before) / 2);
}

void log_clock_init(struct log_clock *c, int vcpu)
{
	*c = (struct log_clock){0};
	if (!exact_offset(vcpu, &c->offset))
		c->offset = measured_offset(vcpu);
	c->from = c->to = log_clock_now();
}

uint64_t log_clock_ns(const struct log_clock *c, uint64_t guest_tsc)
{
	uint64_t since = guest_tsc - c->offset - c->from.tsc;
	uint64_t ticks = c->to.tsc - c->from.tsc, ns = c->to.ns - c->from.ns;

	if ((int64_t)since <= 0)
		return c->from.ns;
	if (since >= ticks)
		return c->to.ns;
	return c->from.ns + (uint64_t)((wide)since * ns / ticks);
}
