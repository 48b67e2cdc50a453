/* SPDX-License-Identifier: MIT */
/*
 * System calls: a table. Arguments come from ring 3 and are checked; what a call returns goes to
 * RAX, unless it has given the process other registers altogether.
 */
#include "syscalls.h"

#include "console.h"
#include "flush.h"
#include "layout.h"
#include "schedule.h"
#include "usercopy.h"
#include "x86.h"

/* RFLAGS that are the user's own business: the status flags, DF, AC, ID. */
#define RFLAGS_USER 0x240cd5

/* Arguments, as syscall.h says. */
#define ARG1(p) ((p)->regs.rdi)
#define ARG2(p) ((p)->regs.rsi)
#define ARG3(p) ((p)->regs.rdx)

static bool is_user_address(gva_t gva)
{
	return gva >= USER_BASE && gva < USER_END;
}

static uint64_t sys_exit(struct process *p)
{
	process_exit(p, ARG1(p));
	return 0;
}

static uint64_t sys_yield(struct process *p)
{
	schedule_add(p);
	return 0;
}

static uint64_t sys_block(struct process *p)
{
	p->value = ARG1(p);
	p->state = PROCESS_BLOCKED;
	return 0;
}

static uint64_t sys_fork(struct process *p)
{
	struct process *child = process_fork(p);

	return child ? child->pid : SYS_EAGAIN;
}

static uint64_t sys_wait(struct process *p)
{
	struct process *child;
	uint64_t status;

	for (unsigned n = 0; (child = process_child(p, n)); n++) {
		if (child->state != PROCESS_ENDED)
			continue;
		status = child->value;
		process_release(child);
		return status;
	}
	if (!process_child(p, 0))
		return SYS_ECHILD;
	p->state = PROCESS_WAITING;
	return 0;
}

static uint64_t sys_getpid(struct process *p)
{
	return p->pid;
}

static uint64_t sys_write(struct process *p)
{
	char buffer[SYS_TEXT_MAX];
	gva_t text = ARG1(p);
	uint64_t bytes = ARG2(p);

	if (bytes > sizeof(buffer))
		return SYS_EINVAL;
	if (!is_user_address(text) || usercopy_read(buffer, text, bytes) != 0)
		return SYS_EFAULT;
	for (uint64_t i = 0; i < bytes; i++)
		kprintf("%c", buffer[i]);
	return bytes;
}

static uint64_t sys_protect(struct process *p)
{
	struct area *a = space_find(&p->space, ARG1(p));
	uint64_t prot = ARG2(p);

	if (!a || a->start != ARG1(p) || !(prot & PROT_READ) ||
	    prot > (PROT_READ | PROT_WRITE | PROT_EXEC))
		return SYS_EINVAL;
	space_protect(&p->space, a, (unsigned)prot);
	return 0;
}

static uint64_t sys_swap(struct process *p)
{
	gpa_t root = p->space.root;
	gva_t a = page_down(ARG1(p)), b = page_down(ARG2(p));
	uint64_t how = ARG3(p);

	if (how >= SWAP_KINDS || !is_user_address(a) || !is_user_address(b) ||
	    tables_path(root, a).leaf != 1 || tables_path(root, b).leaf != 1)
		return SYS_EINVAL;
	tables_swap(root, a, b);
	switch (how) {
	case SWAP_PAGE:
		flush_page(root, a);
		flush_page(root, b);
		break;
	case SWAP_CONTEXT: flush_context(root); break;
	default: flush_all(); break;
	}
	return 0;
}

static uint64_t sys_catch(struct process *p)
{
	gva_t entry = ARG1(p);

	if (entry && !is_user_address(entry))
		return SYS_EFAULT;
	p->handler = entry;
	return 0;
}

static uint64_t sys_resume(struct process *p)
{
	gva_t rip = ARG1(p);

	if (!p->handling)
		return SYS_EINVAL;
	if (rip && !is_user_address(rip))
		return SYS_EFAULT;
	p->regs = p->caught;
	p->handling = false;
	if (rip)
		p->regs.rip = rip;
	return p->regs.rax;
}

static uint64_t sys_fail(struct process *p)
{
	gva_t what = ARG1(p);
	unsigned n = 0;

	while (n < sizeof(p->what) - 1 && is_user_address(what + n) &&
	       usercopy_read(&p->what[n], what + n, 1) == 0 && p->what[n])
		n++;
	p->what[n] = 0;
	process_fail(p, ARG2(p), ARG3(p));
	return 0;
}

static uint64_t (*const calls[SYS_COUNT])(struct process *) = {
	[SYS_EXIT] = sys_exit,	 [SYS_YIELD] = sys_yield,     [SYS_BLOCK] = sys_block,
	[SYS_FORK] = sys_fork,	 [SYS_WAIT] = sys_wait,	      [SYS_GETPID] = sys_getpid,
	[SYS_WRITE] = sys_write, [SYS_PROTECT] = sys_protect, [SYS_SWAP] = sys_swap,
	[SYS_CATCH] = sys_catch, [SYS_RESUME] = sys_resume,   [SYS_FAIL] = sys_fail,
};

void syscall_handle(struct process *p)
{
	struct regs *regs = &p->regs;
	uint64_t result = SYS_EINVAL;

	/* SYSRET must not meet an address that is not canonical: on Intel it faults in ring 0. */
	if (!is_user_address(regs->rip)) {
		process_kill(p);
		return;
	}
	regs->vector = VECTOR_SYSCALL;
	regs->rflags = (regs->rflags & RFLAGS_USER) | RFLAGS_FIXED | RFLAGS_IF;
	if (regs->rax < SYS_COUNT)
		result = calls[regs->rax](p);
	regs->rax = result;
}
