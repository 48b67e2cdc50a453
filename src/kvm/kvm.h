/* SPDX-License-Identifier: MIT */
/*
 * Thin wrappers on the KVM ioctls (KVM API document, section numbers below): each turns a failed
 * call into one clear line, and nothing else. They keep no state but what the host told once.
 */
#ifndef KVM_KVM_H
#define KVM_KVM_H

#include <linux/kvm.h>
#include <penumbra/penumbra.h>
#include <stddef.h>

#define KVM_DEVICE "/dev/kvm"

/* CPUID leaves a host may list (KVM_GET_SUPPORTED_CPUID fails with E2BIG beyond). */
#define KVM_CPUID_MAX 256

struct kvm_host {
	int fd;		    /* /dev/kvm */
	size_t run_size;    /* bytes of struct kvm_run and what follows it */
	unsigned max_slots; /* KVM_CAP_NR_MEMSLOTS */
};

/* CPUID as a vCPU gets it: the ioctl's own layout, with room for its entries. */
union kvm_cpuid_list {
	struct kvm_cpuid2 list;
	char room[sizeof(struct kvm_cpuid2) + KVM_CPUID_MAX * sizeof(struct kvm_cpuid_entry2)];
};

/*
 * Opens /dev/kvm and checks the API version and what Penumbra cannot do without. Returns 0, or
 * PN_ERR_NO_KVM with what to do about it. API 4.1, 4.4, 4.5.
 */
int kvm_host_open(struct kvm_host *host, struct pn_error *err);
void kvm_host_close(struct kvm_host *host);

/* What KVM_CHECK_EXTENSION answers on `fd` (/dev/kvm or a VM); 0 for "no". API 4.4. */
int kvm_check_extension(int fd, int capability);

/*
 * Makes a VM, in which GPA 0xfffbd000 to 0xfffc0000 is KVM's own. Returns its descriptor, or
 * PN_ERR_SYSTEM. API 4.2, 4.36.
 */
int kvm_vm_create(const struct kvm_host *host, struct pn_error *err);

/*
 * Sets memory slot `id` to `size` bytes at `hva`, or removes it if `size` is 0. `flags` is
 * KVM_MEM_READONLY or 0. Returns 0, PN_ERR_OVERLAP (KVM keeps a slot of its own there), or
 * PN_ERR_SYSTEM. API 4.35.
 */
int kvm_vm_set_slot(int vm, unsigned id, gpa_t gpa, uint64_t size, const void *hva, unsigned flags,
		    struct pn_error *err);

/* Makes vCPU `index` and maps its struct kvm_run. Returns its descriptor, or PN_ERR_SYSTEM. API 4.7. */
int kvm_vcpu_create(const struct kvm_host *host, int vm, unsigned index, struct kvm_run **run,
		    struct pn_error *err);
void kvm_vcpu_close(const struct kvm_host *host, int vcpu, struct kvm_run *run);

/* What this host can offer a guest in CPUID. Returns 0 or PN_ERR_SYSTEM. API 4.46. */
int kvm_supported_cpuid(const struct kvm_host *host, union kvm_cpuid_list *cpuid,
			struct pn_error *err);

/* The entry for a leaf (index 0 where the leaf has no sub-leaves), or NULL. */
struct kvm_cpuid_entry2 *kvm_cpuid_find(union kvm_cpuid_list *cpuid, uint32_t leaf, uint32_t index);

#endif
