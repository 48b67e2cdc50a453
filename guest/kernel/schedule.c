/* SPDX-License-Identifier: MIT */
/*
 * A round-robin scheduler without a timer. Turns end only where a process says so, which makes the
 * order of everything that happens here the same in every run and on every host.
 */
#include "schedule.h"

#include "cpu.h"
#include "trap.h"

static struct process *first, *last; /* the ready queue */
static struct process *current;

void schedule_add(struct process *p)
{
	p->state = PROCESS_READY;
	p->next = NULL;
	if (first)
		last->next = p;
	else
		first = p;
	last = p;
}

void schedule_remove(struct process *p)
{
	struct process **link = &first, *before = NULL;

	while (*link && *link != p) {
		before = *link;
		link = &before->next;
	}
	if (!*link)
		return;
	*link = p->next;
	if (last == p)
		last = before;
}

struct process *schedule_current(void)
{
	return current;
}

void schedule_enter(struct process *p)
{
	current = p;
	space_activate(&p->space);
	cpu_set_trap_frame(&p->regs + 1);
}

void schedule_run(void)
{
	while (first) {
		struct process *p = first;

		schedule_remove(p);
		p->state = PROCESS_RUNNING;
		schedule_enter(p);
		while (p->state == PROCESS_RUNNING) {
			user_run(&p->regs);
			trap_user(p);
		}
	}
}
