/* SPDX-License-Identifier: MIT */
/* The hostile guest's code that reads CR2: into each register, and stepped. */
#include "guest.h"

	.text
/* Each register but RSP gets a value of its own. */
	.macro	fill
	.set	value, 0x1010101
	.irp	register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	movq	$value, %\register
	.set	value, value + 0x1010101
	.endr
	.endm

	.macro	store to
	.set	at, 0
	.irp	register, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	movq	%\register, \to + at(%rip)
	.set	at, at + 8
	.endr
	.endm

	.macro	reader register
	.balign	16
cr2_into_\register:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	incq	cr2_turns(%rip)			/* what is done twice shows */
	fill
	store	cr2_before
	movq	%cr2, %\register
	store	cr2_after
	movq	cr2_before+32(%rip), %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	.endm

	.irp	register, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	reader	\register
	.endr

/* void cr2_with_flags(uint64_t rflags): with TF in it a #DB behind the MOV. IRETQ, and not POPF, of
 * which every run of this guest would be warned. */
	.globl	cr2_with_flags, cr2_stepped
cr2_with_flags:
	movq	%rsp, %rax
	pushq	$HOSTILE_DS
	pushq	%rax
	pushq	%rdi
	pushq	$HOSTILE_CS
	leaq	1f(%rip), %rax
	pushq	%rax
	iretq
1:	movq	%cr2, %rax
cr2_stepped:
	ret

	.section .rodata
	.globl	cr2_into
	.balign	8
cr2_into:
	.irp	register, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	.quad	cr2_into_\register
	.endr

	.bss
	.globl	cr2_before, cr2_after, cr2_turns
	.balign	8
cr2_before:
	.skip	128
cr2_after:
	.skip	128
cr2_turns:
	.skip	8

	.section .note.GNU-stack, "", @progbits
