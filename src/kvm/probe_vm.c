/* SPDX-License-Identifier: MIT */
/* Making, running and throwing away a probe's VM. */
#include "kvm/probe_vm.h"

#include "clock.h"
#include "error.h"
#include "kvm/exits.h"
#include "kvm/longmode.h"
#include "x86.h"

#include <assert.h>
#include <errno.h>
#include <penumbra/guest.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Page-table entries (Intel SDM vol. 3, 4.5). */
#define PTE_PRESENT (UINT64_C(1) << 0)
#define PTE_WRITE   (UINT64_C(1) << 1)
#define PTE_USER    (UINT64_C(1) << 2)
#define PTE_PS	    (UINT64_C(1) << 7)
#define PAGE	    0x1000

/* Descriptors (Intel SDM vol. 3, 3.4.5 and 6.14.1). */
#define GDT_ENTRIES    7
#define GDT_USER_DATA  UINT64_C(0x00cff3000000ffff)
#define GDT_USER_CODE  UINT64_C(0x00affb000000ffff)
#define GATE_INTERRUPT (UINT64_C(0x8e) << 40)
#define GATE_DPL3      (UINT64_C(3) << 45)
#define VECTOR_BP      3
#define VECTORS	       32
#define TSS_RSP0       4 /* byte offset */

static void put(struct probe_vm *v, gpa_t gpa, const void *from, size_t len)
{
	assert(gpa + len <= PROBE_RAM);
	memcpy(v->ram + gpa, from, len);
}

static void put64(struct probe_vm *v, gpa_t gpa, uint64_t value)
{
	put(v, gpa, &value, sizeof(value));
}

gva_t probe_vm_gva(const uint8_t *entry)
{
	return PROBE_CODE + ((uintptr_t)entry - (uintptr_t)probe_guest);
}

void probe_vm_handle(struct probe_vm *v, unsigned vector, const uint8_t *entry)
{
	gva_t to = probe_vm_gva(entry);
	uint64_t gate = (to & 0xffff) | (uint64_t)PN_BOOT_CS << 16 | GATE_INTERRUPT |
			(to >> 16 & 0xffff) << 48;

	/* INT3 may be run at CPL 3. */
	put64(v, PROBE_IDT + vector * 16, vector == VECTOR_BP ? gate | GATE_DPL3 : gate);
	put64(v, PROBE_IDT + vector * 16 + 8, to >> 32);
}

/* GVA = GPA for what the VM has, in 4 KiB pages open to both rings, and the special ranges. */
static void write_tables(struct probe_vm *v)
{
	const uint64_t all = PTE_PRESENT | PTE_WRITE | PTE_USER;

	for (uint64_t gpa = PAGE; gpa < PROBE_RAM; gpa += PAGE)
		put64(v, PROBE_PT + gpa / PAGE * 8, gpa | all);
	for (uint64_t i = 0; i < PROBE_ABSENT_PAGES; i++)
		put64(v, PROBE_PT + (PROBE_ABSENT / PAGE + i) * 8, PROBE_DATA | PTE_WRITE);
	put64(v, PROBE_PD, PROBE_PT | all);
	put64(v, PROBE_PDPT, PROBE_PD | all);
	put64(v, PROBE_PDPT + PROBE_GVA_1G / 0x40000000 * 8, PTE_PS | all);
	put64(v, PROBE_PML4, PROBE_PDPT | all);
	put64(v, PROBE_PML5, PROBE_PML4 | all);
	put64(v, PROBE_PML5 + PROBE_GVA_LA57 / 0x1000000000000 * 8, PROBE_PML4 | all);
}

static void write_memory(struct probe_vm *v)
{
	size_t size = (uintptr_t)probe_guest_end - (uintptr_t)probe_guest;
	uint64_t gdt[GDT_ENTRIES];

	assert(size <= PROBE_CODE_SIZE);
	put(v, PROBE_CODE, probe_guest, size);
	longmode_gdt(gdt, PROBE_TSS);
	gdt[PROBE_USER_DS / 8] = GDT_USER_DATA;
	gdt[PROBE_USER_CS / 8] = GDT_USER_CODE;
	put(v, PROBE_GDT, gdt, sizeof(gdt));
	put64(v, PROBE_TSS + TSS_RSP0, PROBE_STACK);
	for (unsigned i = 0; i < VECTORS; i++)
		probe_vm_handle(v, i, probe_guest_stubs + (size_t)i * PROBE_STUB_SIZE);
	write_tables(v);
}

static int set_sregs(struct probe_vm *v, bool la57, struct pn_error *err)
{
	struct longmode start = {
		.cr3 = la57 ? PROBE_PML5 : PROBE_PML4,
		.gdt = PROBE_GDT,
		.tss = PROBE_TSS,
		.la57 = la57,
	};
	struct kvm_sregs sregs;

	if (ioctl(v->vcpu, KVM_GET_SREGS, &sregs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_SREGS");
	longmode_sregs(&sregs, &start);
	sregs.gdt.limit = GDT_ENTRIES * sizeof(uint64_t) - 1;
	sregs.idt = (struct kvm_dtable){.base = PROBE_IDT, .limit = VECTORS * 16 - 1};
	if (ioctl(v->vcpu, KVM_SET_SREGS, &sregs))
		return pn_fail_errno(err, la57 ? PN_ERR_HOST_LACKS : PN_ERR_SYSTEM,
				     "KVM_SET_SREGS");
	return PN_OK;
}

/*
 * The bound in time: a timer signals this thread. The signal is blocked, except inside KVM_RUN, so
 * it needs no handler and cannot come between a look at the clock and KVM_RUN (KVM API 4.21).
 */
static int arm_timer(struct probe_vm *v, struct pn_error *err)
{
	union {
		struct kvm_signal_mask head;
		char room[sizeof(struct kvm_signal_mask) + sizeof(uint64_t)];
	} inside = {.head.len = sizeof(uint64_t)};
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = PN_KICK_SIGNAL,
	};
	struct itimerspec limit = {
		.it_value.tv_sec = PROBE_LIMIT_NS / 1000000000,
		.it_value.tv_nsec = PROBE_LIMIT_NS % 1000000000,
	};
	sigset_t kick, mask;

	sigemptyset(&kick);
	sigaddset(&kick, PN_KICK_SIGNAL);
	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &v->timer))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "timer_create");
	pthread_sigmask(SIG_BLOCK, &kick, &v->old_mask);
	v->timed = true;

	mask = v->old_mask;
	sigdelset(&mask, PN_KICK_SIGNAL);
	memcpy(inside.head.sigset, &mask, sizeof(uint64_t));
	if (ioctl(v->vcpu, KVM_SET_SIGNAL_MASK, &inside.head))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_SIGNAL_MASK");
	v->deadline_ns = clock_ns() + PROBE_LIMIT_NS;
	if (timer_settime(v->timer, 0, &limit, NULL))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "timer_settime");
	return PN_OK;
}

/* Takes pending kicks away: one that outlived the timer would end the process. */
static void drop_kicks(void)
{
	const struct timespec now = {0};
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, PN_KICK_SIGNAL);
	while (sigtimedwait(&kick, NULL, &now) > 0)
		;
}

static void disarm_timer(struct probe_vm *v)
{
	if (!v->timed)
		return;
	timer_delete(v->timer);
	drop_kicks();
	pthread_sigmask(SIG_SETMASK, &v->old_mask, NULL);
}

static int create(struct probe_vm *v, struct probe *p, bool la57, struct pn_error *err)
{
	void *ram;
	int code;

	v->vm = kvm_vm_create(v->host, err);
	if (v->vm < 0)
		return v->vm;
	ram = mmap(NULL, PROBE_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		return pn_fail_errno(err, PN_ERR_NOMEM, "mmap of %d bytes", PROBE_RAM);
	v->ram = ram;
	write_memory(v);
	code = kvm_vm_set_slot(v->vm, 0, 0, PROBE_RAM, v->ram, 0, err);
	if (code)
		return code;
	v->vcpu = kvm_vcpu_create(v->host, v->vm, 0, &v->run, err);
	if (v->vcpu < 0)
		return v->vcpu;
	if (ioctl(v->vcpu, KVM_SET_CPUID2, &p->cpuid->list))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_CPUID2");
	code = set_sregs(v, la57, err);
	return code ? code : arm_timer(v, err);
}

int probe_vm_create(struct probe_vm *v, struct probe *p, bool la57, struct pn_error *err)
{
	int code;

	*v = (struct probe_vm){.host = &p->host, .vm = -1, .vcpu = -1};
	code = create(v, p, la57, err);
	if (code)
		probe_vm_destroy(v);
	return code;
}

void probe_vm_destroy(struct probe_vm *v)
{
	disarm_timer(v);
	if (v->run)
		kvm_vcpu_close(v->host, v->vcpu, v->run);
	if (v->vm >= 0)
		close(v->vm);
	if (v->ram)
		munmap(v->ram, PROBE_RAM);
}

int probe_vm_enter(struct probe_vm *v, const uint8_t *entry, struct kvm_regs *regs,
		   struct pn_error *err)
{
	regs->rip = probe_vm_gva(entry);
	regs->rsp = PROBE_STACK;
	/* IF = 1: a vCPU that spins with IF = 0 cannot be kicked on every host. */
	regs->rflags = RFLAGS_FIXED | RFLAGS_IF;
	if (ioctl(v->vcpu, KVM_SET_REGS, regs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_REGS");
	return PN_OK;
}

int probe_vm_run(struct probe_vm *v, struct pn_error *err)
{
	if (v->exits++ == PROBE_EXITS_MAX)
		return pn_fail(err, PN_ERR_HOST_LACKS, "the guest did not end within %d exits",
			       PROBE_EXITS_MAX);
	while (ioctl(v->vcpu, KVM_RUN, 0) < 0) {
		if (errno != EINTR && errno != EAGAIN)
			return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_RUN");
		drop_kicks();
		if (clock_ns() >= v->deadline_ns)
			return pn_fail(err, PN_ERR_HOST_LACKS, "no exit within %llu ms",
				       (unsigned long long)PROBE_LIMIT_NS / 1000000);
	}
	return PN_OK;
}

enum probe_stop probe_vm_stop(const struct probe_vm *v)
{
	if (v->run->exit_reason != KVM_EXIT_IO || v->run->io.direction != KVM_EXIT_IO_OUT)
		return PROBE_STOP_EXIT;
	switch (v->run->io.port) {
	case PROBE_PORT_END: return PROBE_STOP_END;
	case PROBE_PORT_EXCEPTION: return PROBE_STOP_EXCEPTION;
	default: return PROBE_STOP_EXIT;
	}
}

unsigned probe_vm_vector(const struct probe_vm *v)
{
	return *((const uint8_t *)v->run + v->run->io.data_offset);
}

void probe_vm_describe(const struct probe_vm *v, char *text, size_t size)
{
	static const char *const names[VECTORS] = {
		[0] = "#DE",  [1] = "#DB",  [2] = "NMI",  [3] = "#BP",	[4] = "#OF",
		[5] = "#BR",  [6] = "#UD",  [7] = "#NM",  [8] = "#DF",	[10] = "#TS",
		[11] = "#NP", [12] = "#SS", [13] = "#GP", [14] = "#PF", [16] = "#MF",
		[17] = "#AC", [18] = "#MC", [19] = "#XM", [20] = "#VE", [21] = "#CP",
	};
	unsigned vector;

	switch (probe_vm_stop(v)) {
	case PROBE_STOP_END: snprintf(text, size, "the guest ended"); return;
	case PROBE_STOP_EXIT:
		snprintf(text, size, "exit %s", kvm_exit_name(v->run->exit_reason));
		return;
	case PROBE_STOP_EXCEPTION: break;
	}
	vector = probe_vm_vector(v);
	snprintf(text, size, "exception %u (%s)", vector,
		 vector < VECTORS && names[vector] ? names[vector] : "reserved");
}

int probe_vm_regs(const struct probe_vm *v, struct kvm_regs *regs, struct pn_error *err)
{
	if (ioctl(v->vcpu, KVM_GET_REGS, regs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_REGS");
	return PN_OK;
}
