/* SPDX-License-Identifier: MIT */
/*
 * The ways into the kernel and out of it, each as short as the architecture allows: what a count
 * per operation says is then said of the operation and not of a kernel's habits.
 */
#include "paging.h"
#include "x86.h"

	.text
	.globl	_start
_start:
	lea	stack_top(%rip), %rsp
	call	paging_main
	ud2

/* void user_run(gva_t entry, gva_t gva, uint64_t count): returns at CALL_DONE. */
	.globl	user_run
user_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, kernel_rsp(%rip)
	pushq	$USER_DS
	pushq	$0
	pushq	$(RFLAGS_FIXED | RFLAGS_IF)
	pushq	$USER_CS
	push	%rdi
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	iretq

/* SYSCALL comes here. What user code relies on is RDI, RSI and RSP; the kernel uses the rest. */
	.globl	syscall_entry
syscall_entry:
	test	%eax, %eax
	jnz	1f
	sysretq
1:	cmp	$CALL_SWITCH, %eax
	jne	2f
	mov	switch_next(%rip), %eax
	inc	%eax
	and	$(SPACES - 1), %eax
	mov	%eax, switch_next(%rip)
	mov	switch_roots(,%rax,8), %rax
	mov	%rax, %cr3
	sysretq
2:	mov	kernel_rsp(%rip), %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/*
 * #PF from ring 3. On kvm_pvm a SYSCALL may come here (docs/hosts.md): the fetch at its target
 * faults, everything but CS and SS as SYSCALL leaves it.
 */
	.globl	page_fault_entry
page_fault_entry:
	cmpq	$syscall_entry, 8(%rsp)
	je	1f
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	mov	%rsp, %rdi
	call	*fault_handler(%rip)
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$8, %rsp
	iretq
1:	mov	32(%rsp), %rsp
	jmp	syscall_entry

/* Any other exception. */
	.globl	unexpected_entry
unexpected_entry:
	lea	stack_top(%rip), %rsp
	mov	$3, %edi
	call	finish

/* void iretq_loop(uint64_t count): from the kernel to itself. */
	.globl	iretq_loop
iretq_loop:
	mov	%rsp, %rdx
	pushq	$KERNEL_DS
	push	%rdx
	pushq	$(RFLAGS_FIXED | RFLAGS_IF)
	pushq	$KERNEL_CS
	lea	1f(%rip), %rax
	push	%rax
	iretq
1:	dec	%rdi
	jnz	iretq_loop
	ret

	.bss
	.balign	16
	.skip	16384
stack_top:
	.skip	4096
	.globl	trap_stack_top, switch_roots
trap_stack_top:
kernel_rsp:		/* of the user_run that is under way */
	.skip	8
switch_roots:		/* CR3 values for CALL_SWITCH */
	.skip	8 * SPACES
switch_next:
	.skip	8

	.section .note.GNU-stack, "", @progbits
