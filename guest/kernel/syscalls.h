/* SPDX-License-Identifier: MIT */
/* The kernel's side of the system calls in syscall.h. */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include "process.h"

/* Does what the process asks for in p->regs. */
void syscall_handle(struct process *p);

#endif
