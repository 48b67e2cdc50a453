/* SPDX-License-Identifier: MIT */
/* The end of the kernel: a wrong kernel must say so, and must not be taken for a wrong host. */
#include "panic.h"

#include "console.h"
#include "host.h"
#include "x86.h"

static const char *const vector_names[VECTOR_COUNT] = {
	[0] = "divide error",
	[1] = "debug",
	[2] = "NMI",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range",
	[6] = "invalid opcode",
	[7] = "no coprocessor",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "no segment",
	[12] = "stack fault",
	[13] = "protection",
	[14] = "page fault",
	[16] = "x87 error",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "SIMD error",
	[20] = "virtualization",
	[21] = "control protection",
};

const char *vector_name(uint64_t vector)
{
	if (vector == VECTOR_SYSCALL)
		return "system call";
	return vector < VECTOR_COUNT && vector_names[vector] ? vector_names[vector] : "reserved";
}

_Noreturn void panic(const char *format, ...)
{
	va_list args;

	kprintf("pagelab: panic: ");
	va_start(args, format);
	kvprintf(format, args);
	va_end(args);
	kprintf("\n");
	host_exit(STATUS_PANIC);
}

_Noreturn void panic_trap(const struct regs *regs, uint64_t cr2)
{
	panic("vector %lu (%s) error code 0x%lx rip 0x%lx cr2 0x%lx rsp 0x%lx", regs->vector,
	      vector_name(regs->vector), regs->error, regs->rip, cr2, regs->rsp);
}
