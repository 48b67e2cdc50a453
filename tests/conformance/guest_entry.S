/* SPDX-License-Identifier: MIT */
/*
 * The conformance guest's assembly: the accesses, in ring 0 and in ring 3, and a stub for every
 * exception that keeps what it got and goes back to where conf_try() was called.
 */
#include "guest.h"
#include "exception_stubs.inc"

	.section .text.start, "ax"
	.globl	_start
_start:
	leaq	stack_top(%rip), %rsp
	call	conformance
	ud2

	.text
/*
 * void conf_try(uint64_t gva, uint64_t value, void (*how)(void), uint64_t rflags, uint64_t rip):
 * does an access; conf_trap tells how it ended.
 */
	.globl	conf_try
conf_try:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, saved_rsp(%rip)
	xorl	%eax, %eax
	jmp	*%rdx

/* How: RDI, RSI, RCX and R8 are conf_try's. */
	.globl	conf_kernel_read, conf_kernel_write, conf_kernel_fetch, conf_implicit_read
	.globl	conf_user, conf_set_cr4
conf_kernel_read:
	pushq	%rcx
	popfq
	movq	(%rdi), %rax
	jmp	done
conf_kernel_write:
	pushq	%rcx
	popfq
	movq	%rsi, (%rdi)
	jmp	done
conf_kernel_fetch:
	pushq	%rcx
	popfq
	call	*%r8
	jmp	done
conf_implicit_read:
	pushq	%rcx
	popfq
	movl	$CONF_LDT_KERNEL, %edx
	movw	%dx, %es
	xorl	%edx, %edx
	movw	%dx, %es
	jmp	done
conf_set_cr4:
	movq	%rdi, %cr4
	jmp	done
conf_user:
	pushq	$CONF_USER_DS
	pushq	$0
	pushq	%rcx
	pushq	$CONF_USER_CS
	pushq	%r8
	iretq

done:
	movb	$CONF_NO_TRAP, conf_trap+CONF_TRAP_VECTOR(%rip)
	movq	%rax, conf_trap+CONF_TRAP_RAX(%rip)
back:
	pushq	$CONF_RFLAGS
	popfq
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

	.globl	conf_stubs
	.balign	16
conf_stubs:
	exception_stubs 32, trap

trap:
	movq	%rax, conf_trap+CONF_TRAP_RAX(%rip)
	popq	%rax
	movb	%al, conf_trap+CONF_TRAP_VECTOR(%rip)
	popq	conf_trap+CONF_TRAP_ERROR(%rip)
	cmpb	$CONF_VECTOR_PF, %al
	jne	1f
	movq	%cr2, %rax
	movq	%rax, conf_trap+CONF_TRAP_CR2(%rip)
1:	movq	saved_rsp(%rip), %rsp
	jmp	back

/* What runs in ring 3: a page of its own. */
	.section .user, "ax"
	.balign	4096
	.globl	conf_user_page, conf_user_read, conf_user_write, conf_user_fetch
	.globl	conf_user_implicit
conf_user_page:
conf_user_read:
	movq	(%rdi), %rax
	int3
conf_user_write:
	movq	%rsi, (%rdi)
	int3
conf_user_fetch:
	addq	$CONF_CODE_USER, %rdi
	jmp	*%rdi
conf_user_implicit:
	movl	$CONF_LDT_USER, %edx
	movw	%dx, %es
	xorl	%edx, %edx
	movw	%dx, %es
	int3
	.balign	4096

/* What all cases' ways lead to: a word, a segment descriptor, code for each ring. */
	.section .data.conf, "aw"
	.balign	4096
	.globl	conf_data
conf_data:
	.quad	0
	.quad	0
	.org	conf_data + CONF_CODE_USER
	int3
	.org	conf_data + CONF_CODE_KERNEL
	ret
	.balign	4096

	.bss
	.balign	16
	.skip	0x4000
stack_top:
	.globl	conf_trap_stack
	.skip	0x2000
conf_trap_stack:
saved_rsp:
	.skip	8

	.section .note.GNU-stack, "", @progbits
