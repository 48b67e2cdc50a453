/* SPDX-License-Identifier: MIT */
/*
 * What the linker knows of the image, as tables of 64-bit words (image.h). In assembly, because
 * user addresses fit no 32-bit relocation, and a compiler that sees these constants would fold
 * them into code that does not link.
 */
#include "layout.h"
#include "programs.h"
#include "syscall.h"

/* GVA of the first byte, GVA past the last, GPA of the first, what it allows. */
#define SEGMENT(start, end, gpa, prot) .quad start, end, gpa, prot

	.section .rodata
	.balign	8
	.globl	kernel_segments
kernel_segments:
	SEGMENT(kernel_text_start, kernel_text_end,
		kernel_text_start - KERNEL_OFFSET, PROT_READ | PROT_EXEC)
	SEGMENT(kernel_rodata_start, kernel_rodata_end,
		kernel_rodata_start - KERNEL_OFFSET, PROT_READ)
	SEGMENT(kernel_data_start, kernel_guard_start,
		kernel_data_start - KERNEL_OFFSET, PROT_READ | PROT_WRITE)
	/* Nothing is mapped below the stack, so that an overflow faults. */
	SEGMENT(kernel_guard_start, kernel_guard_end,
		kernel_guard_start - KERNEL_OFFSET, 0)
	SEGMENT(kernel_guard_end, kernel_data_end,
		kernel_guard_end - KERNEL_OFFSET, PROT_READ | PROT_WRITE)

	.globl	user_segments
user_segments:
	SEGMENT(user_text_start, user_text_end, user_text_gpa, PROT_READ | PROT_EXEC)
	SEGMENT(user_rodata_start, user_rodata_end, user_rodata_gpa, PROT_READ)
	SEGMENT(user_data_start, user_data_end, user_data_gpa, PROT_READ | PROT_WRITE)

	.globl	user_start_gva
user_start_gva:
	.quad	user_start

	.globl	program_gva
program_gva:
#define P(number, function) .quad function;
	USER_PROGRAMS(P)

	.section .note.GNU-stack, "", @progbits
