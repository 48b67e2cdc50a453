/* SPDX-License-Identifier: MIT */
/*
 * Start of the script guest: keeps every register it was started with for the test to look at,
 * then calls script(boot information). try() calls a function so that an exception inside it
 * comes back as a value.
 */
#include <penumbra/guest.h>

	.section .text.start, "ax"
	.globl	start
start:
	movq	%rax, initial+0x00(%rip)
	leaq	initial(%rip), %rax
	movq	%rbx, 0x08(%rax)
	movq	%rcx, 0x10(%rax)
	movq	%rdx, 0x18(%rax)
	movq	%rsi, 0x20(%rax)
	movq	%rdi, 0x28(%rax)
	movq	%rbp, 0x30(%rax)
	movq	%rsp, 0x38(%rax)
	movq	%r8, 0x40(%rax)
	movq	%r9, 0x48(%rax)
	movq	%r10, 0x50(%rax)
	movq	%r11, 0x58(%rax)
	movq	%r12, 0x60(%rax)
	movq	%r13, 0x68(%rax)
	movq	%r14, 0x70(%rax)
	movq	%r15, 0x78(%rax)
	pushfq
	popq	0x80(%rax)
	movq	%cr0, %rcx
	movq	%rcx, 0x88(%rax)
	movq	%cr2, %rcx
	movq	%rcx, 0x90(%rax)
	movq	%cr3, %rcx
	movq	%rcx, 0x98(%rax)
	movq	%cr4, %rcx
	movq	%rcx, 0xa0(%rax)
	movw	%cs, 0xb0(%rax)
	movw	%ds, 0xb2(%rax)
	movw	%es, 0xb4(%rax)
	movw	%fs, 0xb6(%rax)
	movw	%gs, 0xb8(%rax)
	movw	%ss, 0xba(%rax)
	str	%cx
	movw	%cx, 0xbc(%rax)
	sgdt	0xc0(%rax)
	sidt	0xd0(%rax)
	movq	%rax, %r12
	movl	$0xc0000080, %ecx	/* EFER */
	rdmsr
	movl	%eax, 0xa8(%r12)
	movl	%edx, 0xac(%r12)
	movq	0x28(%r12), %rdi
	call	script
	ud2

	.text
/*
 * uint64_t try(void (*f)(void *), void *arg): calls f(arg). Returns UINT64_MAX, or the number of
 * the exception that ended it; then fault_error and fault_cr2 tell more.
 */
	.globl	try
try:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, saved_rsp(%rip)
	movq	%rdi, %rax
	movq	%rsi, %rdi
	call	*%rax
	movq	$-1, %rax
back:
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

	.macro	trap number, has_error
	.globl	trap_\number
trap_\number:
	.if	\has_error
	popq	fault_error(%rip)
	.else
	movq	$0, fault_error(%rip)
	.endif
	movl	$\number, %eax
	jmp	fault
	.endm

	trap	6, 0
	trap	13, 1
	trap	14, 1

fault:
	movq	%cr2, %rcx
	movq	%rcx, fault_cr2(%rip)
	movq	saved_rsp(%rip), %rsp
	sti
	jmp	back

	.bss
	.balign	8
	.globl	initial, fault_error, fault_cr2
	.type	initial, @object
	.size	initial, 0xe0
initial:
	.skip	0xe0
fault_error:
	.skip	8
fault_cr2:
	.skip	8
saved_rsp:
	.skip	8

	.section .note.GNU-stack, "", @progbits
