/* SPDX-License-Identifier: MIT */
/* The exit reasons of struct kvm_run, by name (KVM API section 5). */
#ifndef KVM_EXITS_H
#define KVM_EXITS_H

#include <linux/kvm.h>
#include <stdint.h>

/* Reasons newer than the oldest kernel headers that Penumbra builds with. */
#ifndef KVM_EXIT_RISCV_CSR
#define KVM_EXIT_RISCV_CSR 36
#endif
#ifndef KVM_EXIT_NOTIFY
#define KVM_EXIT_NOTIFY 37
#endif
#ifndef KVM_EXIT_LOONGARCH_IOCSR
#define KVM_EXIT_LOONGARCH_IOCSR 38
#endif
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif
#ifndef KVM_EXIT_TDX
#define KVM_EXIT_TDX 40
#endif

/* What struct kvm_run holds for KVM_EXIT_MEMORY_FAULT (KVM API section 5), where newer headers call
 * it memory_fault. KVM_RUN fails with EFAULT or EHWPOISON at the same time. */
struct kvm_memory_fault {
	uint64_t flags;
	uint64_t gpa;
	uint64_t size; /* bytes */
};

/* One past the highest reason known here. */
#define KVM_EXIT_REASONS 41

/* The name behind KVM_EXIT_, like "IO"; "unknown" past the end of the table. */
const char *kvm_exit_name(unsigned reason);

/* What the reason means, in words. */
const char *kvm_exit_words(unsigned reason);

/* The name of a KVM_EXIT_INTERNAL_ERROR suberror, in words. */
const char *kvm_internal_error_words(unsigned suberror);

#endif
