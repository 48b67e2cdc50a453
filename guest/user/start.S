/* SPDX-License-Identifier: MIT */
/*
 * The edges of user programs: where a process starts, where its faults come back to, and the
 * accesses that are made to fault. An access that fails goes on at the address in `recover`.
 */
#include "syscall.h"

	.text
/* The kernel starts every process here, with the program in R8 and its arguments in place. */
	.globl	user_start
user_start:
	xor	%ebp, %ebp
	call	*%r8
	mov	%rax, %rdi
	mov	$SYS_EXIT, %eax
	syscall
	ud2

/* SYS_CATCH's entry: RDI = GVA, RSI = error code, RDX = RIP. */
	.globl	fault_entry
fault_entry:
	call	fault_caught
	mov	%rax, %rdi
	mov	$SYS_RESUME, %eax
	syscall
	ud2

	.macro	recover_at label
	lea	\label(%rip), %rax
	mov	%rax, recover(%rip)
	.endm

	.globl	probe_read
probe_read:
	recover_at failed
	movb	(%rdi), %al
	jmp	worked

	.globl	probe_write
probe_write:
	recover_at failed
	movb	$0, (%rdi)
	jmp	worked

	.globl	probe_call
probe_call:
	recover_at 1f
	call	*%rdi
	jmp	worked
1:	add	$8, %rsp	/* the return address of the call that did not arrive */
failed:
	xor	%eax, %eax
	ret
worked:
	mov	$1, %eax
	ret

/* Where ring 3 looks for a `ret` that it may copy and call. */
	.globl	just_return
just_return:
	ret

	.section .note.GNU-stack, "", @progbits
