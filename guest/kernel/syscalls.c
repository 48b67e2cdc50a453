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

static bool is_user_address(gva_t gva)
{
	return gva >= USER_BASE && gva < USER_END;
}

static uint64_t sys_exit(struct process *p, uint64_t status, uint64_t b, uint64_t c)
{
	(void)b;
	(void)c;
	process_exit(p, status);
	return 0;
}

static uint64_t sys_yield(struct process *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	(void)b;
	(void)c;
	schedule_add(p);
	return 0;
}

static uint64_t sys_block(struct process *p, uint64_t value, uint64_t b, uint64_t c)
{
	(void)b;
	(void)c;
	p->value = value;
	p->state = PROCESS_BLOCKED;
	return 0;
}

static uint64_t sys_fork(struct process *p, uint64_t a, uint64_t b, uint64_t c)
{
	struct process *child = process_fork(p);

	(void)a;
	(void)b;
	(void)c;
	return child ? child->pid : SYS_EAGAIN;
}

static uint64_t sys_wait(struct process *p, uint64_t a, uint64_t b, uint64_t c)
{
	struct process *child;
	uint64_t status;

	(void)a;
	(void)b;
	(void)c;
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

static uint64_t sys_getpid(struct process *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	(void)b;
	(void)c;
	return p->pid;
}

static uint64_t sys_write(struct process *p, uint64_t text, uint64_t bytes, uint64_t c)
{
	char buffer[SYS_TEXT_MAX];

	(void)p;
	(void)c;
	if (bytes > sizeof(buffer))
		return SYS_EINVAL;
	if (!is_user_address(text) || usercopy_read(buffer, text, bytes) != 0)
		return SYS_EFAULT;
	for (uint64_t i = 0; i < bytes; i++)
		kprintf("%c", buffer[i]);
	return bytes;
}

static uint64_t sys_protect(struct process *p, uint64_t gva, uint64_t prot, uint64_t c)
{
	struct area *a = space_find(&p->space, gva);

	(void)c;
	if (!a || a->start != gva || prot > (PROT_READ | PROT_WRITE | PROT_EXEC))
		return SYS_EINVAL;
	space_protect(&p->space, a, (unsigned)prot);
	return 0;
}

static uint64_t sys_swap(struct process *p, uint64_t first, uint64_t second, uint64_t how)
{
	gpa_t root = p->space.root;
	gva_t a = page_down(first), b = page_down(second);

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
	case SWAP_ALL: flush_all(); break;
	}
	return 0;
}

static uint64_t sys_catch(struct process *p, uint64_t entry, uint64_t b, uint64_t c)
{
	(void)b;
	(void)c;
	if (entry && !is_user_address(entry))
		return SYS_EFAULT;
	p->handler = entry;
	return 0;
}

static uint64_t sys_resume(struct process *p, uint64_t rip, uint64_t b, uint64_t c)
{
	(void)b;
	(void)c;
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

static uint64_t sys_fail(struct process *p, uint64_t what, uint64_t expected, uint64_t got)
{
	unsigned n = 0;

	while (n < sizeof(p->what) - 1 && is_user_address(what + n) &&
	       usercopy_read(&p->what[n], what + n, 1) == 0 && p->what[n])
		n++;
	p->what[n] = 0;
	process_fail(p, expected, got);
	return 0;
}

static uint64_t (*const calls[SYS_COUNT])(struct process *, uint64_t, uint64_t, uint64_t) = {
	[SYS_EXIT] = sys_exit,	   [SYS_YIELD] = sys_yield,   [SYS_BLOCK] = sys_block,
	[SYS_FORK] = sys_fork,	   [SYS_WAIT] = sys_wait,     [SYS_GETPID] = sys_getpid,
	[SYS_WRITE] = sys_write,   [SYS_PROTECT] = sys_protect, [SYS_SWAP] = sys_swap,
	[SYS_CATCH] = sys_catch,   [SYS_RESUME] = sys_resume, [SYS_FAIL] = sys_fail,
};

void syscall_handle(struct process *p)
{
	struct regs *regs = &p->regs;
	uint64_t result = SYS_EINVAL;

	regs->rflags = (regs->rflags & RFLAGS_USER) | RFLAGS_FIXED | RFLAGS_IF;
	regs->vector = VECTOR_SYSCALL;
	if (regs->rax < SYS_COUNT)
		result = calls[regs->rax](p, regs->rdi, regs->rsi, regs->rdx);
	regs->rax = result;

	/* SYSRET must not meet an address that is not canonical: on Intel it would fault in ring 0. */
	if (!is_user_address(regs->rip) && p->state != PROCESS_ENDED)
		process_kill(p);
}
