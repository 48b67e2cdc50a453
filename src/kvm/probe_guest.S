/* SPDX-License-Identifier: MIT */
/* The probe guest: see probe_guest.h. Nothing here runs on the host; it is copied into a VM. */
#include "kvm/probe_guest.h"

	.section .rodata, "a", @progbits
	.code64
	.balign	16

.macro entry name
	.globl	\name
	.hidden	\name
\name:
.endm

entry probe_guest

/* One stub per vector: the handler of every exception that a snippet does not expect. */
entry probe_guest_stubs
	.set	vector, 0
	.rept	32
	.balign	PROBE_STUB_SIZE
	push	$vector
	jmp	exception
	.set	vector, vector + 1
	.endr
	.balign	PROBE_STUB_SIZE

exception:
	pop	%rax
	out	%al, $PROBE_PORT_EXCEPTION

/*
 * Touches ECX pages from RBX on and flushes each; the handler makes the page present that was
 * missed and counts in RDI. RSI: the page table.
 */
entry probe_guest_touch
1:	movb	$1, (%rbx)
	invlpg	(%rbx)
	add	$0x1000, %rbx
	dec	%ecx
	jnz	1b
	out	%al, $PROBE_PORT_END

entry probe_guest_page_fault
	mov	%cr2, %rdx
	shr	$12, %rdx
	orq	$1, (%rsi, %rdx, 8)
	inc	%rdi
	add	$8, %rsp
	iretq

/* Loads what RBX points at into RDX, and CR4 into RDI. */
entry probe_guest_load
	mov	(%rbx), %rdx
	mov	%cr4, %rdi
	out	%al, $PROBE_PORT_END

/*
 * Goes to CPL 3 with IOPL = 3 and IF = 1 and keeps RFLAGS as PUSHF shows it: in R12 at first, in
 * R13 after CLI, in R14 after STI. Ends with INT3, which needs no I/O privilege.
 */
entry probe_guest_iopl
	push	$PROBE_USER_DS
	push	$PROBE_USTACK
	push	$0x3202
	push	$PROBE_USER_CS
	lea	1f(%rip), %rax
	push	%rax
	iretq
1:	mov	$PROBE_AT_PUSHF, %ebx
	pushfq
	pop	%r12
	mov	$PROBE_AT_CLI, %ebx
	cli
	pushfq
	pop	%r13
	mov	$PROBE_AT_STI, %ebx
	sti
	pushfq
	pop	%r14
	mov	$PROBE_AT_END, %ebx
	int3

/* A breakpoint instruction, for a host that asks for it. */
entry probe_guest_int3
	int3
	out	%al, $PROBE_PORT_END

/* One-byte instructions to step through. */
entry probe_guest_steps
	.fill	16, 1, 0x90
	out	%al, $PROBE_PORT_END

/* An exception without an IDT; RDI is kept for the host to look for. */
entry probe_guest_triple_fault
	push	$0
	push	$0
	lidt	(%rsp)
	ud2

/* Never ends by itself. */
entry probe_guest_spin
	jmp	probe_guest_spin

entry probe_guest_end

	.section .note.GNU-stack, "", @progbits
