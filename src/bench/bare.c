/* SPDX-License-Identifier: MIT */
/* The yardstick: a VM with nothing around it. */
#include "bench/bare.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RAM_SIZE   (64UL << 20)
#define CPUID_ROOM 256
#define GDT	   0x3000
#define TABLES	   0x4000
#define CODE	   0x100000

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Identity tables of 2 MiB pages for the RAM there is: as few stores as will do. */
static void write_tables(struct bare *b)
{
	uint64_t *t = (uint64_t *)(void *)(b->ram + TABLES);

	t[0] = (TABLES + 0x1000) | 3;
	t[512] = (TABLES + 0x2000) | 3;
	for (unsigned i = 0; i < RAM_SIZE >> 21; i++)
		t[1024 + i] = (uint64_t)i << 21 | 0x83;
}

static int set_registers(struct bare *b)
{
	struct kvm_segment code = {.limit = ~0u, .selector = 8, .type = 11, .present = 1};
	struct kvm_segment data = {.limit = ~0u, .selector = 16, .type = 3, .present = 1};
	struct kvm_regs regs = {.rip = CODE, .rflags = 2, .rsp = 0x20000};
	struct kvm_sregs s;

	if (ioctl(b->vcpu, KVM_GET_SREGS, &s))
		return -1;
	code.s = code.l = code.g = data.s = data.db = data.g = 1;
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.tr = (struct kvm_segment){
		.base = GDT + 0x100, .limit = 103, .selector = 24, .type = 11, .present = 1};
	s.ldt = (struct kvm_segment){.unusable = 1};
	s.gdt = (struct kvm_dtable){.base = GDT, .limit = 39};
	s.idt = (struct kvm_dtable){0};
	s.cr0 = 0x80050033;
	s.cr3 = TABLES;
	s.cr4 = 0x6a0;
	s.efer = 0xd01;
	return ioctl(b->vcpu, KVM_SET_SREGS, &s) || ioctl(b->vcpu, KVM_SET_REGS, &regs) ? -1 : 0;
}

static int create_vcpu(struct bare *b, struct kvm_cpuid2 *cpuid, int run_size)
{
	void *run;

	b->vcpu = ioctl(b->vm, KVM_CREATE_VCPU, 0L);
	if (b->vcpu < 0)
		return -1;
	run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, b->vcpu, 0);
	if (run == MAP_FAILED)
		return -1;
	b->run = run;
	b->run_size = (size_t)run_size;
	return ioctl(b->vcpu, KVM_SET_CPUID2, cpuid) ? -1 : 0;
}

static int create(struct bare *b, const void *code, unsigned len)
{
	static union {
		struct kvm_cpuid2 list;
		char room[sizeof(struct kvm_cpuid2) + CPUID_ROOM * sizeof(struct kvm_cpuid_entry2)];
	} cpuid;
	struct kvm_userspace_memory_region region = {.memory_size = RAM_SIZE};
	void *ram;
	int run_size;

	b->at[BARE_BEGIN] = now();
	b->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (b->kvm < 0 || ioctl(b->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return -1;
	run_size = ioctl(b->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	cpuid.list.nent = CPUID_ROOM;
	if (ioctl(b->kvm, KVM_GET_SUPPORTED_CPUID, &cpuid.list))
		return -1;
	b->at[BARE_KVM] = now();

	b->vm = ioctl(b->kvm, KVM_CREATE_VM, 0L);
	if (b->vm < 0)
		return -1;
	b->at[BARE_VM] = now();

	b->memfd = memfd_create("bare-ram", MFD_CLOEXEC);
	if (b->memfd < 0 || ftruncate(b->memfd, RAM_SIZE))
		return -1;
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, b->memfd, 0);
	if (ram == MAP_FAILED)
		return -1;
	b->ram = ram;
	region.userspace_addr = (uintptr_t)b->ram;
	if (ioctl(b->vm, KVM_SET_USER_MEMORY_REGION, &region))
		return -1;
	b->at[BARE_MEMORY] = now();

	if (create_vcpu(b, &cpuid.list, run_size))
		return -1;
	b->at[BARE_VCPU] = now();

	memcpy(b->ram + CODE, code, len);
	write_tables(b);
	if (set_registers(b))
		return -1;
	b->at[BARE_LOAD] = now();
	return 0;
}

int bare_create(struct bare *b, const void *code, unsigned len)
{
	int saved;

	b->kvm = b->vm = b->memfd = b->vcpu = -1;
	b->ram = NULL;
	b->run = NULL;
	if (create(b, code, len) == 0)
		return 0;
	saved = errno;
	bare_destroy(b);
	errno = saved;
	return -1;
}

int bare_run(struct bare *b, uint64_t count)
{
	while (count--)
		if (ioctl(b->vcpu, KVM_RUN, 0) || b->run->exit_reason != KVM_EXIT_IO)
			return -1;
	return 0;
}

void bare_destroy(struct bare *b)
{
	const int fds[] = {b->vcpu, b->vm, b->memfd, b->kvm};

	if (b->run)
		munmap(b->run, b->run_size);
	if (b->ram)
		munmap(b->ram, RAM_SIZE);
	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}
