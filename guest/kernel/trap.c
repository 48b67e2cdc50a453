/* SPDX-License-Identifier: MIT */
/*
 * Traps: the one switch between what the processor reports and the file that knows what to do.
 */
#include "trap.h"

#include "cpu.h"
#include "host.h"
#include "log.h"
#include "panic.h"
#include "schedule.h"
#include "syscalls.h"
#include "x86.h"

/* usercopy.S: instructions that may fault, and where to go on if they do; ended by zeroes. */
struct fixup {
	uintptr_t from, landing;
};
extern const struct fixup fixups[];

/*
 * A SYSCALL that arrives as a page fault. kvm_pvm (seen in Linux 6.18) enters SYSCALL's target
 * without leaving CPL 3, and so the first fetch there faults, with everything but CS and SS as
 * SYSCALL leaves it. A program that jumps there on such a host gains nothing: it could have
 * executed SYSCALL.
 */
static bool is_syscall_at_cpl3(const struct regs *regs, gva_t cr2)
{
	return cr2 == (uintptr_t)syscall_entry && regs->rip == cr2 &&
	       regs->error == (PF_ERR_PRESENT | PF_ERR_USER | PF_ERR_FETCH);
}

static void user_page_fault(struct process *p)
{
	struct regs *regs = &p->regs;
	gva_t cr2 = read_cr2();

	host_report()->faults++;
	log_fault(regs, cr2);
	if (is_syscall_at_cpl3(regs, cr2)) {
		regs->rip = regs->rcx;
		regs->rflags = regs->r11;
		syscall_handle(p);
		return;
	}
	if (!fault_is_resolved(fault_handle(p, cr2, regs->error, regs->rip, regs->rflags)))
		process_catch_or_kill(p, process_fault(p, 0));
}

void trap_user(struct process *p)
{
	switch (p->regs.vector) {
	case VECTOR_SYSCALL:
		cpu_enable_guards();
		syscall_handle(p);
		break;
	case VECTOR_PAGE_FAULT: user_page_fault(p); break;
	default: process_catch_or_kill(p, NULL); break;
	}
}

static const struct fixup *find_fixup(uintptr_t rip)
{
	for (const struct fixup *f = fixups; f->from; f++)
		if (f->from == rip)
			return f;
	return NULL;
}

void trap_kernel(struct regs *regs)
{
	struct process *p = schedule_current();
	gva_t cr2 = read_cr2();
	uintptr_t rip = regs->rip;
	const struct fixup *fixup;

	if (regs->vector != VECTOR_PAGE_FAULT)
		panic_trap(regs, cr2);
	host_report()->faults++;
	log_fault(regs, cr2);

	/* When a call fails, RIP is its target; where it came from is on the stack. */
	if (rip == cr2)
		rip = *(uintptr_t *)kernel_pointer(regs->rsp);
	/* Only code with a fixup may touch what belongs to users. */
	fixup = find_fixup(rip);
	if (!fixup || !p)
		panic_trap(regs, cr2);
	if (fault_is_resolved(fault_handle(p, cr2, regs->error, regs->rip, regs->rflags)))
		return;
	if (regs->rip == cr2)
		regs->rsp += sizeof(rip);
	regs->rip = fixup->landing;
	regs->rax = regs->error;
	regs->rdx = cr2;
}
