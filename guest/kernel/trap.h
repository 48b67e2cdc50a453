/* SPDX-License-Identifier: MIT */
/* What is done about traps, from ring 3 and from ring 0. */
#ifndef TRAP_H
#define TRAP_H

#include "process.h"

/* Deals with the trap in p->regs that made user_run() return. */
void trap_user(struct process *p);

/* Deals with an exception in ring 0: resolves it, goes on at a fixup, or panics. entry.S. */
void trap_kernel(struct regs *regs);

#endif
