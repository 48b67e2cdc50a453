/* SPDX-License-Identifier: MIT */
/* A page fault, an OUT, an IRETQ, and nothing around them. */
#include "bench/bare_fault.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

/* Guest-physical layout, past what bare.c has at GPA 0x3000 to 0x6fff, 0x20000 and 1 MiB. */
#define GDT	  0x8000
#define TSS	  0x9000
#define IDT	  0xa000
#define STUB	  0xb000
#define USER_CODE 0xc000
#define PAGE	  0xd000 /* every page that ring 3 reads */
#define PDPT	  0xe000
#define PD	  0xf000
#define CODE_PT	  0x10000
#define STACK_TOP 0x1f000
#define FRAME	  0x20000 /* bare.c's RSP: where its code, an IRETQ, finds where to go */
#define LEAVES	  0x200000
#define TABLES	  0x4000 /* bare.c's */

/* Ring 3's addresses. */
#define USER_BASE UINT64_C(0x8000000000)
#define AREA	  UINT64_C(0x8000200000)

#define KERNEL_CS 0x08
#define TR	  0x18
#define USER_DS	  0x3b
#define USER_CS	  0x43
#define TSS_LIMIT 103
#define PORT	  0xf0

#define PRESENT	  1
#define WRITE	  2
#define USER	  4
#define ACCESSED  0x20

/* iretq */
static const unsigned char kernel[] = {0x48, 0xcf};
/* out %al, $PORT; add $8, %rsp; iretq */
static const unsigned char stub[] = {0xe6, PORT, 0x48, 0x83, 0xc4, 0x08, 0x48, 0xcf};
/* mov (%rdi), %rax; add $4096, %rdi; jmp to the first */
static const unsigned char user[] = {0x48, 0x8b, 0x07, 0x48, 0x81, 0xc7,
				     0x00, 0x10, 0x00, 0x00, 0xeb, 0xf4};

static uint64_t *at(const struct bare_fault *b, uint64_t gpa)
{
	return (uint64_t *)(void *)(b->vm.ram + gpa);
}

static void write_segments(struct bare_fault *b)
{
	const uint64_t rsp0 = STACK_TOP;
	uint64_t *gdt = at(b, GDT), *gate = at(b, IDT + 14 * 16);

	gdt[KERNEL_CS / 8] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	gdt[TR / 8] = TSS_LIMIT | (uint64_t)TSS << 16 | UINT64_C(0x8b) << 40;
	gdt[USER_DS / 8] = 0x00cff3000000ffff;
	gdt[USER_CS / 8] = 0x00affb000000ffff;
	memcpy(b->vm.ram + TSS + 4, &rsp0, sizeof(rsp0));
	/* Intel SDM vol. 3, 6.14.1: an interrupt gate. */
	*gate = STUB | KERNEL_CS << 16 | UINT64_C(0x8e) << 40;
	memcpy(b->vm.ram + STUB, stub, sizeof(stub));
	memcpy(b->vm.ram + USER_CODE, user, sizeof(user));
}

static void write_tables(struct bare_fault *b)
{
	const uint64_t table = PRESENT | WRITE | USER;

	at(b, TABLES)[USER_BASE >> 39] = PDPT | table;
	at(b, PDPT)[0] = PD | table;
	at(b, PD)[0] = CODE_PT | table;
	at(b, CODE_PT)[0] = USER_CODE | PRESENT | USER;
	for (unsigned i = 0; i < BARE_FAULTS_MAX / 512; i++)
		at(b, PD)[1 + i] = (LEAVES + i * UINT64_C(4096)) | table;
}

static int set_registers(struct bare_fault *b)
{
	const uint64_t frame[] = {USER_BASE, USER_CS, 0x202, 0, USER_DS};
	struct kvm_sregs s;
	struct kvm_regs r;

	if (ioctl(b->vm.vcpu, KVM_GET_SREGS, &s) || ioctl(b->vm.vcpu, KVM_GET_REGS, &r))
		return -1;
	memcpy(b->vm.ram + FRAME, frame, sizeof(frame));
	s.gdt = (struct kvm_dtable){.base = GDT, .limit = USER_CS | 7};
	s.idt = (struct kvm_dtable){.base = IDT, .limit = 32 * 16 - 1};
	s.tr.base = TSS;
	r.rdi = AREA;
	r.rsp = FRAME;
	return ioctl(b->vm.vcpu, KVM_SET_SREGS, &s) || ioctl(b->vm.vcpu, KVM_SET_REGS, &r) ? -1 : 0;
}

int bare_fault_create(struct bare_fault *b)
{
	int saved;

	memset(b, 0, sizeof(*b));
	if (bare_create(&b->vm, kernel, sizeof(kernel)))
		return -1;
	write_segments(b);
	write_tables(b);
	/* The first fault is the fetch of nothing yet: it ends at the first OUT. */
	if (set_registers(b) == 0 && ioctl(b->vm.vcpu, KVM_RUN, 0) == 0)
		return 0;
	saved = errno;
	bare_destroy(&b->vm);
	errno = saved;
	return -1;
}

int bare_fault_run(struct bare_fault *b, unsigned count)
{
	const struct kvm_run *run = b->vm.run;
	volatile uint64_t *leaves = at(b, LEAVES);

	while (count--) {
		if (b->next == BARE_FAULTS_MAX) {
			errno = ENOSPC;
			return -1;
		}
		leaves[b->next++] = PAGE | PRESENT | WRITE | USER | ACCESSED;
		if (ioctl(b->vm.vcpu, KVM_RUN, 0) || run->exit_reason != KVM_EXIT_IO ||
		    run->io.port != PORT)
			return -1;
	}
	return 0;
}

void bare_fault_destroy(struct bare_fault *b)
{
	bare_destroy(&b->vm);
}
