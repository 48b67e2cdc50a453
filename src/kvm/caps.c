/* SPDX-License-Identifier: MIT */
/* The KVM capabilities that Penumbra uses: the required ones first. */
#include "kvm/caps.h"

#include <linux/kvm.h>

/* Newer than the oldest kernel headers that Penumbra builds with. */
#ifndef KVM_CAP_MEMORY_FAULT_INFO
#define KVM_CAP_MEMORY_FAULT_INFO 232
#endif
#ifndef KVM_CAP_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY 236
#endif

#define DEBUG_BITS                                                                \
	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP | \
	 KVM_GUESTDBG_USE_HW_BP)

#define REQUIRED(id, name, bits, use)               \
	{                                           \
		id, use, KVM_CAP_##name, bits, true \
	}
#define WANTED(id, name, bits, use)                  \
	{                                            \
		id, use, KVM_CAP_##name, bits, false \
	}

static const struct kvm_cap caps[] = {
	REQUIRED("user_memory", USER_MEMORY, 0, "memory slots"),
	REQUIRED("destroy_memory_region", DESTROY_MEMORY_REGION_WORKS, 0,
		 "taking memory slots away at run time"),
	REQUIRED("nr_memslots", NR_MEMSLOTS, 0, "how many memory slots a VM may have"),
	REQUIRED("readonly_mem", READONLY_MEM, 0, "read-only memory slots (ROM)"),
	REQUIRED("sync_mmu", SYNC_MMU, 0, "guest memory follows the host's mappings"),
	REQUIRED("set_tss_addr", SET_TSS_ADDR, 0, "starting a vCPU on older Intel CPUs"),
	REQUIRED("ext_cpuid", EXT_CPUID, 0, "choosing what CPUID tells a guest"),
	REQUIRED("sync_regs", SYNC_REGS, KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS,
		 "registers with every exit, without a system call"),
	REQUIRED("immediate_exit", IMMEDIATE_EXIT, 0, "stopping a vCPU without a race"),
	WANTED("binary_stats_fd", BINARY_STATS_FD, 0, "KVM's own counters in --stats"),
	WANTED("set_guest_debug", SET_GUEST_DEBUG, 0, "breakpoints for tracing in hw mode"),
	WANTED("set_guest_debug2", SET_GUEST_DEBUG2, DEBUG_BITS, "knowing the kinds of breakpoint"),
	WANTED("dirty_log_ring", DIRTY_LOG_RING, 0, "tracing the pages a guest writes"),
	WANTED("memory_fault_info", MEMORY_FAULT_INFO, 0, "naming a page the host cannot give"),
	WANTED("pre_fault_memory", PRE_FAULT_MEMORY, 0, "filling the second dimension beforehand"),
	WANTED("emulation_failure", EXIT_ON_EMULATION_FAILURE, 0,
	       "the bytes of an instruction KVM cannot emulate"),
	WANTED("user_space_msr", X86_USER_SPACE_MSR, 0, "naming an MSR that KVM does not know"),
	WANTED("exception_payload", EXCEPTION_PAYLOAD, 0, "injecting #PF together with CR2"),
	WANTED("get_tsc_khz", GET_TSC_KHZ, 0, "telling the guest its TSC rate"),
	WANTED("max_vcpus", MAX_VCPUS, 0, "how many vCPUs a VM may have"),
};

const struct kvm_cap *kvm_caps(size_t *count)
{
	*count = sizeof(caps) / sizeof(caps[0]);
	return caps;
}

bool kvm_cap_enough(const struct kvm_cap *cap, int answer)
{
	return cap->bits ? (answer & cap->bits) == cap->bits : answer > 0;
}
