/* SPDX-License-Identifier: MIT */
/*
 * The first instructions. The host starts us in 64-bit mode on its own stack and tables
 * (penumbra/guest.h); all that C needs on top is a stack of our own. RDI, the boot information, is
 * kernel_main's argument already.
 */
	.text
	.globl	start
start:
	lea	kernel_stack_top(%rip), %rsp
	xor	%ebp, %ebp
	call	kernel_main
	ud2

	.section .note.GNU-stack, "", @progbits
