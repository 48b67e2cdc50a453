/* SPDX-License-Identifier: MIT */
/* The end of the kernel, when it cannot go on. */
#ifndef PANIC_H
#define PANIC_H

#include "regs.h"

/* Prints one line and ends the guest with STATUS_PANIC. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for an exception in ring 0 that nothing explains. `cr2` as it was at the trap. */
_Noreturn void panic_trap(const struct regs *regs, uint64_t cr2);

/* A vector in words: "page fault". */
const char *vector_name(uint64_t vector);

#endif
