/* SPDX-License-Identifier: MIT */
/* Thin wrappers on the KVM ioctls. */
#include "kvm/kvm.h"

#include "error.h"
#include "kvm/caps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Where KVM keeps a TSS for Intel's CPUs that cannot run real mode in a guest, and a page behind it:
 * in the hole, below the BIOS range. Other CPUs ignore it. */
#define REAL_MODE_TSS 0xfffbd000

static int open_failed(struct pn_error *err)
{
	switch (errno) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return pn_fail_errno(err, PN_ERR_NO_KVM,
				     "%s: no KVM here; load kvm_intel or kvm_amd (modprobe), and "
				     "turn on virtualisation in the firmware",
				     KVM_DEVICE);
	case EACCES:
	case EPERM:
		return pn_fail_errno(err, PN_ERR_NO_KVM,
				     "%s: may not be opened by this user; run 'penumbra doctor' "
				     "for the command that mends it",
				     KVM_DEVICE);
	default: return pn_fail_errno(err, PN_ERR_NO_KVM, "%s: cannot be opened", KVM_DEVICE);
	}
}

int kvm_check_extension(int fd, int capability)
{
	int answer = ioctl(fd, KVM_CHECK_EXTENSION, (long)capability);

	return answer < 0 ? 0 : answer;
}

/* The API, and every capability without which nothing runs. */
static int check_host(struct kvm_host *host, struct pn_error *err)
{
	const struct kvm_cap *caps;
	int version, run_size;
	size_t count;

	version = ioctl(host->fd, KVM_GET_API_VERSION, 0);
	if (version < 0)
		return pn_fail_errno(err, PN_ERR_NO_KVM, "%s: KVM_GET_API_VERSION", KVM_DEVICE);
	run_size = ioctl(host->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_size < 0)
		return pn_fail_errno(err, PN_ERR_NO_KVM, "%s: KVM_GET_VCPU_MMAP_SIZE", KVM_DEVICE);
	caps = kvm_caps(&count);
	if (version != KVM_API_VERSION)
		return pn_fail(err, PN_ERR_NO_KVM, "%s: API version %d, Penumbra needs %d",
			       KVM_DEVICE, version, KVM_API_VERSION);
	if (run_size < (int)sizeof(struct kvm_run))
		return pn_fail(err, PN_ERR_NO_KVM,
			       "%s: vCPU mapping of %d bytes, Penumbra needs %zu", KVM_DEVICE,
			       run_size, sizeof(struct kvm_run));
	for (size_t i = 0; i < count && caps[i].required; i++)
		if (!kvm_cap_enough(&caps[i], kvm_check_extension(host->fd, caps[i].number)))
			return pn_fail(err, PN_ERR_NO_KVM,
				       "%s: no capability %s (%s); Penumbra needs Linux 4.17 or "
				       "later",
				       KVM_DEVICE, caps[i].id, caps[i].use);
	host->run_size = (size_t)run_size;
	host->max_slots = (unsigned)kvm_check_extension(host->fd, KVM_CAP_NR_MEMSLOTS);
	return PN_OK;
}

int kvm_host_open(struct kvm_host *host, struct pn_error *err)
{
	int code;

	host->fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	if (host->fd < 0)
		return open_failed(err);
	code = check_host(host, err);
	if (code)
		kvm_host_close(host);
	return code;
}

void kvm_host_close(struct kvm_host *host)
{
	if (host->fd >= 0)
		close(host->fd);
	host->fd = -1;
}

int kvm_vm_create(const struct kvm_host *host, struct pn_error *err)
{
	int vm;

	/* Creation waits for other users of a VM being torn down and may be interrupted. */
	do {
		vm = ioctl(host->fd, KVM_CREATE_VM, 0L);
	} while (vm < 0 && errno == EINTR);
	if (vm < 0 && errno == EBUSY)
		return pn_fail_errno(err, PN_ERR_HOST_LACKS,
				     "KVM_CREATE_VM: another hypervisor has this processor's "
				     "virtualisation; stop that one");
	if (vm < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_CREATE_VM");
	if (ioctl(vm, KVM_SET_TSS_ADDR, (unsigned long)REAL_MODE_TSS)) {
		int code = pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_TSS_ADDR");

		close(vm);
		return code;
	}
	return vm;
}

int kvm_vm_set_slot(int vm, unsigned id, gpa_t gpa, uint64_t size, const void *hva, unsigned flags,
		    struct pn_error *err)
{
	struct kvm_userspace_memory_region region = {
		.slot = id,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0)
		return PN_OK;
	return pn_fail_errno(err, errno == EEXIST ? PN_ERR_OVERLAP : PN_ERR_SYSTEM,
			     "KVM_SET_USER_MEMORY_REGION: slot %u, GPA 0x%llx, %llu bytes", id,
			     (unsigned long long)gpa, (unsigned long long)size);
}

int kvm_vcpu_create(const struct kvm_host *host, int vm, unsigned index, struct kvm_run **run,
		    struct pn_error *err)
{
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, (long)index);
	void *map;

	if (vcpu < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_CREATE_VCPU: vCPU %u", index);
	map = mmap(NULL, host->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (map == MAP_FAILED) {
		int code = pn_fail_errno(err, PN_ERR_SYSTEM, "mmap of vCPU %u, %zu bytes", index,
					 host->run_size);
		close(vcpu);
		return code;
	}
	*run = map;
	return vcpu;
}

void kvm_vcpu_close(const struct kvm_host *host, int vcpu, struct kvm_run *run)
{
	munmap(run, host->run_size);
	close(vcpu);
}

int kvm_supported_cpuid(const struct kvm_host *host, union kvm_cpuid_list *cpuid,
			struct pn_error *err)
{
	cpuid->list.nent = KVM_CPUID_MAX;
	if (ioctl(host->fd, KVM_GET_SUPPORTED_CPUID, &cpuid->list))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_SUPPORTED_CPUID");
	return PN_OK;
}

struct kvm_cpuid_entry2 *kvm_cpuid_find(union kvm_cpuid_list *cpuid, uint32_t leaf, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->list.nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->list.entries[i];

		if (e->function != leaf)
			continue;
		if (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index)
			return e;
	}
	return NULL;
}
