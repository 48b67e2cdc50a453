/* SPDX-License-Identifier: MIT */
/*
 * uint64_t hold(const uint64_t value[STATE_GENERAL], uint64_t turns, uint64_t found[...])
 *
 * Fills the general registers and flags, spins, and stores what is in them then; returns RFLAGS.
 */
#include "state.h"

	.text
	.globl	hold
hold:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdx				/* found */
	mov	%rsi, %rcx			/* turns */
	pushfq					/* the flags that are no business of ours */
	pop	%rax
	or	$STATE_FLAGS, %rax
	push	%rax
	mov	0(%rdi), %rax
	mov	8(%rdi), %rbx
	mov	16(%rdi), %rdx
	mov	24(%rdi), %rsi
	mov	40(%rdi), %rbp
	mov	48(%rdi), %r8
	mov	56(%rdi), %r9
	mov	64(%rdi), %r10
	mov	72(%rdi), %r11
	mov	80(%rdi), %r12
	mov	88(%rdi), %r13
	mov	96(%rdi), %r14
	mov	104(%rdi), %r15
	mov	32(%rdi), %rdi
	popfq
1:	lea	-1(%rcx), %rcx			/* changes no flag */
	jrcxz	2f
	jmp	1b
2:	pushfq
	push	%rdi
	mov	16(%rsp), %rdi			/* found */
	mov	%rax, 0(%rdi)
	mov	%rbx, 8(%rdi)
	mov	%rdx, 16(%rdi)
	mov	%rsi, 24(%rdi)
	mov	%rbp, 40(%rdi)
	mov	%r8, 48(%rdi)
	mov	%r9, 56(%rdi)
	mov	%r10, 64(%rdi)
	mov	%r11, 72(%rdi)
	mov	%r12, 80(%rdi)
	mov	%r13, 88(%rdi)
	mov	%r14, 96(%rdi)
	mov	%r15, 104(%rdi)
	pop	%rax				/* RDI as it was */
	mov	%rax, 32(%rdi)
	pop	%rax				/* the flags: the result */
	cld
	add	$8, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.globl	_start
_start:
	sti
	jmp	state

	.section .note.GNU-stack, "", @progbits
