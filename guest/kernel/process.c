/* SPDX-License-Identifier: MIT */
/*
 * Processes. What became of one outlives it, so that whoever made it can look: an ended process
 * keeps its place until it is released.
 */
#include "process.h"

#include "image.h"
#include "layout.h"
#include "schedule.h"
#include "string.h"
#include "x86.h"

#define RED_ZONE 128 /* bytes below RSP that a function of another compiler may be using */

static struct process table[PROCESS_MAX];
static unsigned last_pid;
static uint64_t ends;

/* A free place. Area counts and the log are written before they are read; the rest is cleared. */
static struct process *take_place(void)
{
	for (unsigned i = 0; i < PROCESS_MAX; i++) {
		struct process *p = &table[i];

		if (p->state != PROCESS_NONE)
			continue;
		memset(&p->regs, 0, sizeof(p->regs));
		p->handling = false;
		p->handler = 0;
		p->pid = ++last_pid;
		p->parent = NULL;
		p->faults = 0;
		p->value = 0;
		return p;
	}
	return NULL;
}

struct process *process_create(enum program program, const uint64_t args[PROCESS_ARGS_MAX])
{
	struct process *p = take_place();

	if (!p || !space_create(&p->space))
		return NULL;
	p->regs.rip = user_start_gva;
	p->regs.cs = USER_CS;
	p->regs.ss = USER_DS;
	p->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
	p->regs.rsp = USER_STACK_TOP;
	p->regs.r8 = program_gva[program];
	p->regs.rdi = args[0];
	p->regs.rsi = args[1];
	p->regs.rdx = args[2];
	p->regs.rcx = args[3];
	schedule_add(p);
	return p;
}

struct process *process_fork(struct process *parent)
{
	struct process *p = take_place();

	if (!p || !space_clone(&p->space, &parent->space))
		return NULL;
	p->parent = parent;
	p->regs = parent->regs;
	p->regs.rax = 0;
	p->handler = parent->handler;
	schedule_add(p);
	return p;
}

void process_wake(struct process *p, uint64_t value)
{
	p->regs.rax = value;
	schedule_add(p);
}

static void end(struct process *p, enum process_end how)
{
	struct process *parent = p->parent;

	if (p->state == PROCESS_READY)
		schedule_remove(p);
	for (unsigned i = 0; i < PROCESS_MAX; i++)
		if (table[i].parent == p)
			table[i].parent = NULL;
	space_destroy(&p->space);
	p->state = PROCESS_ENDED;
	p->order = ++ends;
	p->end = how;
	if (parent && parent->state == PROCESS_WAITING) {
		process_wake(parent, p->value);
		process_release(p);
	}
}

void process_exit(struct process *p, uint64_t value)
{
	p->value = value;
	end(p, PROCESS_EXITED);
}

/* A failed or killed process must not go unseen: it is left for the kernel to find. */
static void end_badly(struct process *p, enum process_end how)
{
	struct process *parent = p->parent;

	p->value = SYS_ECHILD;
	p->parent = NULL;
	end(p, how);
	if (parent && parent->state == PROCESS_WAITING)
		process_wake(parent, SYS_ECHILD);
}

void process_fail(struct process *p, uint64_t expected, uint64_t got)
{
	p->expected = expected;
	p->got = got;
	end_badly(p, PROCESS_FAILED);
}

void process_kill(struct process *p)
{
	p->vector = p->regs.vector;
	end_badly(p, PROCESS_KILLED);
}

void process_release(struct process *p)
{
	p->parent = NULL;
	p->state = PROCESS_NONE;
}

void process_release_all(void)
{
	for (unsigned i = 0; i < PROCESS_MAX; i++) {
		struct process *p = &table[i];

		if (p->state == PROCESS_NONE)
			continue;
		if (p->state != PROCESS_ENDED) {
			p->parent = NULL;
			process_exit(p, 0);
		}
		process_release(p);
	}
}

void process_catch_or_kill(struct process *p, const struct fault *fault)
{
	if (!p->handler || p->handling || !fault) {
		process_kill(p);
		return;
	}
	p->caught = p->regs;
	p->handling = true;
	p->regs.rip = p->handler;
	p->regs.rsp = (p->regs.rsp - RED_ZONE) & ~UINT64_C(15);
	p->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
	p->regs.rdi = fault->gva;
	p->regs.rsi = fault->error;
	p->regs.rdx = fault->rip;
}

struct process *process_child(const struct process *parent, unsigned n)
{
	const struct process *last = parent;
	struct process *child = NULL;

	/* Pids only grow, places are used again: so in order of pids. */
	do {
		child = NULL;
		for (unsigned i = 0; i < PROCESS_MAX; i++) {
			struct process *p = &table[i];

			if (p->state != PROCESS_NONE && p->parent == parent && p->pid > last->pid &&
			    (!child || p->pid < child->pid))
				child = p;
		}
		last = child;
	} while (child && n-- > 0);
	return child;
}

const struct process *process_ended_badly(void)
{
	const struct process *first = NULL;

	for (unsigned i = 0; i < PROCESS_MAX; i++) {
		const struct process *p = &table[i];

		if (p->state == PROCESS_ENDED && p->end != PROCESS_EXITED &&
		    (!first || p->order < first->order))
			first = p;
	}
	return first;
}

void process_log(struct process *p, struct fault fault)
{
	p->log[p->faults++ % PROCESS_FAULTS] = fault;
}

const struct fault *process_fault(const struct process *p, unsigned back)
{
	if (back >= PROCESS_FAULTS || back >= p->faults)
		return NULL;
	return &p->log[(p->faults - 1 - back) % PROCESS_FAULTS];
}
