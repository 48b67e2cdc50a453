/* SPDX-License-Identifier: MIT */
/*
 * The guest of `penumbra fuzz`: goes from slot to slot (src/fuzz/layout.h), RBX at the one that is
 * under way. Everything that runs at CPL 0 is as short as can be: some hosts interpret it.
 */
#include <penumbra/guest.h>

#include "fuzz/layout.h"
#include "exception_stubs.inc"

#define ARG(n) (FUZZ_SLOT_ARG + 8 * (n))(%rbx)

	.text
	.globl	_start
_start:
	leaq	stack_top(%rip), %rsp
	lgdt	FUZZ_GDTR
	lidt	FUZZ_IDTR
	movl	$FUZZ_TR, %eax
	ltr	%ax
	movl	$FUZZ_ROOT, %eax
	movq	%rax, %cr3
	sti

/* The host fills the slots. */
	.globl	fuzz_sync
fuzz_sync:
	movl	$FUZZ_PORT, %edx
	outl	%eax, %dx
	movl	$FUZZ_SLOTS, %ebx
	jmp	*(%rbx)

	.macro	routine name
	.globl	\name
\name:
	.endm

	.macro	next
	addq	$FUZZ_SLOT_SIZE, %rbx
	jmp	*(%rbx)
	.endm

/* Stores. */
routine fuzz_set			/* address, value */
	movq	ARG(0), %rdi
	movq	ARG(1), %rsi
	movq	%rsi, (%rdi)
	next
routine fuzz_copy			/* a table, read-only from now on, and another like it */
	movq	ARG(0), %rdi
	movq	ARG(1), %rsi
	.irp	at, 1, 3, 4, 510, 511
	movq	8*\at(%rdi), %rax
	andq	$~2, %rax
	movq	%rax, 8*\at(%rdi)
	movq	%rax, 8*\at(%rsi)
	.endr
	next

/* Registers and flushes. */
routine fuzz_cr0
	movq	ARG(0), %rdi
	movq	%rdi, %cr0
	next
routine fuzz_cr3
	movq	ARG(0), %rdi
	movq	%rdi, %cr3
	next
routine fuzz_flush			/* CR4, two values of it, the second first */
	movq	ARG(1), %rdi
	movq	%rdi, %cr4
routine fuzz_cr4
	movq	ARG(0), %rdi
	movq	%rdi, %cr4
	next
routine fuzz_efer			/* EFER, then two values of CR4 */
	movl	ARG(0), %eax
	xorl	%edx, %edx
	movl	$0xc0000080, %ecx
	wrmsr
	movq	ARG(1), %rdi
	movq	%rdi, %cr4
	movq	ARG(2), %rdi
	movq	%rdi, %cr4
	next
routine fuzz_pkru
	movl	ARG(0), %eax
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	wrpkru
	next
routine fuzz_invlpg
	movq	ARG(0), %rdi
	invlpg	(%rdi)
	next
routine fuzz_invpcid			/* type, and the descriptor */
	movq	ARG(0), %rdi
	invpcid	ARG(1), %rdi
	next
routine fuzz_mode			/* hw or shadow */
	movl	$PN_CALL_SET_MODE, %eax
	movl	$PN_PORT_CALL, %edx
	movq	ARG(0), %rdi
	inl	%dx, %eax
	next

/*
 * Accesses of ring 0: GVA, value. With SMAP on, the ones that begin with CLAC or STAC: POPF, in ring 3,
 * would change AC behind the host's back.
 */
	.macro	accesses, prefix, first
routine fuzz_\prefix\()read
	\first
	movq	ARG(0), %rdi
	movq	(%rdi), %rax
	movq	%rax, FUZZ_SLOT_RAX(%rbx)
	next
routine fuzz_\prefix\()write
	\first
	movq	ARG(0), %rdi
	movq	ARG(1), %rsi
	movq	%rsi, (%rdi)
	next
routine fuzz_\prefix\()fetch
	\first
	call	*ARG(0)
	next
	.endm

	accesses kernel_,
	accesses clac_, clac
	accesses stac_, stac

/* Accesses of ring 3: GVA, value, RIP. */
routine fuzz_user
	movq	ARG(0), %rdi
	movq	ARG(1), %rsi
	pushq	$FUZZ_USER_DS
	pushq	$0
	pushq	$FUZZ_RFLAGS
	pushq	$FUZZ_USER_CS
	pushq	ARG(2)
	iretq

	.globl	fuzz_stubs
	.balign	16
fuzz_stubs:
	exception_stubs 32, trap

trap:
	movq	%rax, FUZZ_SLOT_RAX(%rbx)
	popq	%rax
	movq	%rax, FUZZ_SLOT_VECTOR(%rbx)
	popq	FUZZ_SLOT_ERROR(%rbx)
	cmpb	$FUZZ_PF, %al
	movq	(%rsp), %rax		/* of others, where: a help in need */
	jne	1f
	movq	%cr2, %rax
1:	movq	%rax, FUZZ_SLOT_CR2(%rbx)
	leaq	stack_top(%rip), %rsp
	next

/* Ring 3's code: a page of its own. */
	.section .user, "ax"
	.balign	4096
	.globl	fuzz_user_page, fuzz_user_write
fuzz_user_page:
	movq	(%rdi), %rax
	ud2
	.balign	16
fuzz_user_write:
	movq	%rsi, (%rdi)
	ud2
	.balign	4096

	.bss
	.balign	16
	.skip	0x4000
stack_top:
	.globl	fuzz_trap_stack
	.skip	0x2000
fuzz_trap_stack:

	.section .note.GNU-stack, "", @progbits
