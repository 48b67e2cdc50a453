/* SPDX-License-Identifier: MIT */
/* Who runs next. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "process.h"

/*
 * Runs processes, each until it yields, sleeps or ends, in turn, until none is ready. Then it
 * is the workload's turn to look at them, and to wake those that sleep.
 */
void schedule_run(void);

/* The process whose space is loaded, or was last. */
struct process *schedule_current(void);

/* Makes `p` the current process for accesses from the kernel side. */
void schedule_enter(struct process *p);

/* Puts a process at the end of the queue; takes one out of it. */
void schedule_add(struct process *p);
void schedule_remove(struct process *p);

#endif
