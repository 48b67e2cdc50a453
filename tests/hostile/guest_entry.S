/* SPDX-License-Identifier: MIT */
/*
 * The hostile guest's assembly: its start, a stub for every exception that keeps the frame and
 * goes back to where try() was called, and the few instructions it runs as a user.
 */
#include "guest.h"
#include "exception_stubs.inc"

	.section .text.start, "ax"
	.globl	_start
_start:
	leaq	stack_top(%rip), %rsp
	call	hostile
	ud2

	.text
/* uint64_t try(void (*f)(void), ...): calls f(). Returns UINT64_MAX or the exception's vector. */
	.globl	try
try:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, saved_rsp(%rip)
	call	*%rdi
	movq	$HOSTILE_NO_TRAP, %rax
back:
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

	.globl	stubs
	.balign	16
stubs:
	exception_stubs 32, trap

trap:
	movq	hostile_record(%rip), %rax
	incq	hostile_record(%rip)
	cmpq	$HOSTILE_FRAMES, %rax
	jae	1f
	shlq	$6, %rax
	leaq	hostile_record+16(%rip), %rdi
	addq	%rax, %rdi
	movq	%rsp, %rsi
	movl	$7, %ecx
	cld
	rep movsq
	movq	%cr2, %rax
	stosq
1:	movq	(%rsp), %rax
	movq	saved_rsp(%rip), %rsp
	sti
	jmp	back

/*
 * void load_rubbish(uint64_t gpa): CR3, with the next instruction at the start of eight bytes: if a
 * table is there now instead of this code, at the start of an entry.
 */
	.globl	load_rubbish
	.balign	8
load_rubbish:
	nop
	nop
	nop
	nop
	nop
	movq	%rdi, %cr3
	ud2

/* A handler that mends nothing. */
	.globl	mend_nothing
mend_nothing:
	addq	$8, %rsp
	iretq

/* void enter_user(uint64_t rip, uint64_t rdi, uint64_t rax), RCX and R11 as RAX. */
	.globl	enter_user
enter_user:
	movq	%rsp, %rax
	pushq	$HOSTILE_USER_DS
	pushq	%rax
	pushq	$0x202
	pushq	$HOSTILE_USER_CS
	pushq	%rdi
	movq	%rsi, %rdi
	movq	%rdx, %rax
	movq	%rdx, %rcx
	movq	%rdx, %r11
	iretq

/* A function to be patched: its immediate is one byte at the fourth. */
	.globl	patched
patched:
	xorl	%eax, %eax
	movb	$1, %al
	ret

/* What runs as the user: a page of its own. Each ends in an exception. */
	.section .user, "ax"
	.balign	4096
	.globl	user, user_read, user_write, user_jump, user_out, user_in, user_ud, user_cr2, user_bp
user:
user_read:
	movq	(%rdi), %rax
	ud2
user_write:
	movq	%rax, (%rdi)
	ud2
user_jump:
	jmp	*%rdi
user_out:
	movl	%edi, %edx
	outb	%al, %dx
	ud2
user_in:
	movl	%edi, %edx
	inl	%dx, %eax
	ud2
user_ud:
	ud2
user_bp:
	int3
	ud2
user_cr2:
	movq	%cr2, %rax
	jmp	*%rdi
	.balign	4096

	.bss
	.balign	16
	.skip	0x4000
stack_top:
	.globl	ist_top
	.skip	0x2000
ist_top:
saved_rsp:
	.skip	8

	.section .note.GNU-stack, "", @progbits
