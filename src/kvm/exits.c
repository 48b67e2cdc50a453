/* SPDX-License-Identifier: MIT */
/* The exit reasons of struct kvm_run, in words. */
#include "kvm/exits.h"

struct reason {
	const char *name;
	const char *words;
};

#define REASON(name, words) [KVM_EXIT_##name] = {#name, words}

static const struct reason reasons[KVM_EXIT_REASONS] = {
	REASON(UNKNOWN, "an exit KVM itself does not know"),
	REASON(EXCEPTION, "an exception KVM handed out"),
	REASON(IO, "port I/O"),
	REASON(HYPERCALL, "a hypercall (VMCALL, VMMCALL)"),
	REASON(DEBUG, "a debug event"),
	REASON(HLT, "HLT"),
	REASON(MMIO, "access to a GPA outside every memory slot"),
	REASON(IRQ_WINDOW_OPEN, "the guest can take an interrupt now"),
	REASON(SHUTDOWN, "shutdown: a triple fault"),
	REASON(FAIL_ENTRY, "the CPU refused to enter the guest"),
	REASON(INTR, "a host interrupt"),
	REASON(SET_TPR, "a write of the task-priority register"),
	REASON(TPR_ACCESS, "an access to the task-priority register"),
	REASON(S390_SIEIC, "an s390 intercept"),
	REASON(S390_RESET, "an s390 reset"),
	REASON(DCR, "a PowerPC device-control register"),
	REASON(NMI, "a non-maskable interrupt"),
	REASON(INTERNAL_ERROR, "KVM gave up on an instruction or an event"),
	REASON(OSI, "a PowerPC OSI call"),
	REASON(PAPR_HCALL, "a PowerPC PAPR call"),
	REASON(S390_UCONTROL, "an s390 user-controlled fault"),
	REASON(WATCHDOG, "a PowerPC watchdog"),
	REASON(S390_TSCH, "an s390 test-subchannel"),
	REASON(EPR, "a PowerPC external-proxy read"),
	REASON(SYSTEM_EVENT, "a system event (reset, power off, crash)"),
	REASON(S390_STSI, "an s390 store-system-information"),
	REASON(IOAPIC_EOI, "an end of interrupt at the I/O APIC"),
	REASON(HYPERV, "a Hyper-V call"),
	REASON(ARM_NISV, "an ARM abort without syndrome"),
	REASON(X86_RDMSR, "RDMSR of a filtered register"),
	REASON(X86_WRMSR, "WRMSR of a filtered register"),
	REASON(DIRTY_RING_FULL, "the dirty ring is full"),
	REASON(AP_RESET_HOLD, "an SEV-ES reset hold"),
	REASON(X86_BUS_LOCK, "a bus lock"),
	REASON(XEN, "a Xen call"),
	REASON(RISCV_SBI, "a RISC-V SBI call"),
	REASON(RISCV_CSR, "a RISC-V CSR access"),
	REASON(NOTIFY, "no event window for too long"),
	REASON(LOONGARCH_IOCSR, "a LoongArch IOCSR access"),
	REASON(MEMORY_FAULT, "a memory fault the host cannot resolve"),
	REASON(TDX, "a TDX call"),
};

const char *kvm_exit_name(unsigned reason)
{
	return reason < KVM_EXIT_REASONS && reasons[reason].name ? reasons[reason].name : "unknown";
}

const char *kvm_exit_words(unsigned reason)
{
	return reason < KVM_EXIT_REASONS && reasons[reason].words
		       ? reasons[reason].words
		       : "a reason newer than this build of Penumbra";
}

const char *kvm_internal_error_words(unsigned suberror)
{
	switch (suberror) {
	case KVM_INTERNAL_ERROR_EMULATION: return "an instruction KVM cannot emulate";
	case KVM_INTERNAL_ERROR_SIMUL_EX: return "an exception while another was delivered";
	case KVM_INTERNAL_ERROR_DELIVERY_EV: return "an exit while an event was delivered";
	case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON: return "an exit reason KVM does not know";
	default: return "a suberror newer than this build of Penumbra";
	}
}
