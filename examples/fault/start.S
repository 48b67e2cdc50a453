/* SPDX-License-Identifier: MIT */
/*
 * What cannot be written in C: the entry, and the way into and out of an exception handler.
 *
 * On an exception, a processor in 64-bit mode aligns RSP to 16 bytes and pushes SS, RSP, RFLAGS,
 * CS and RIP of what it interrupted, and for a page fault an error code. It saves no other
 * register: the handler must, because the interrupted code expects no change.
 */
	.text
	.globl	_start
_start:
	/* RDI is the boot information, and is main's argument. The host gave us a stack. */
	call	guest_main
	ud2

	.globl	page_fault_entry
page_fault_entry:
	/* Those that C code may change. */
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	/* 6 words by the processor and these 9 leave RSP 8 short of what C expects. */
	mov	72(%rsp), %rdi
	mov	80(%rsp), %rsi
	sub	$8, %rsp
	cld
	call	page_fault
	add	$8, %rsp
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	/* The error code is still there; IRETQ would take it for RIP. */
	add	$8, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
