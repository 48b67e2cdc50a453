/* SPDX-License-Identifier: MIT */
/*
 * The monitor, all of it. A trap of the guest comes to one of the stubs; one OUT hands it to the
 * host, which decides everything, changes the frame on this stack and leaves mail; the mail is
 * done here, inside the VM, because a host kernel that shadows our tables sees changes only so;
 * IRETQ goes back to ring 3.
 *
 * The code is copied to MONITOR_CODE and refers to itself and to the mail by distance only.
 * Registers are the guest's: whatever is used here is saved first.
 */
#include "vcpu/monitor/monitor.h"

#define MAIL(field) (base + MONITOR_MAIL + (field))(%rip)

	.section .rodata
	.balign	4096
	.globl	monitor_start, monitor_end, monitor_stubs, monitor_syscall, monitor_enter
	.hidden	monitor_start, monitor_end, monitor_stubs, monitor_syscall, monitor_enter
monitor_start:
base:

/*
 * One stub a vector. The processor has pushed SS, RSP, RFLAGS, CS, RIP, and for some vectors an
 * error code (bits of HAS_ERROR_CODE: 8, 10 to 14, 17, 21, 29, 30); the others get a zero, so that
 * every frame is laid out as struct monitor_frame.
 */
#define HAS_ERROR_CODE 0x60227d00
monitor_stubs:
	.set	vector, 0
	.rept	32
	.balign	MONITOR_STUB_SIZE, 0xcc
	.if	((HAS_ERROR_CODE >> vector) & 1) == 0
	push	$0
	.endif
	push	$vector
	.if	vector == 14
	jmp	page_fault
	.else
	jmp	trap
	.endif
	.set	vector, vector + 1
	.endr
	.rept	MONITOR_VECTORS - 32
	.balign	MONITOR_STUB_SIZE, 0xcc
	push	$0
	push	$vector
	jmp	trap
	.set	vector, vector + 1
	.endr

/* CR2 has to be read before anything else can fault. */
page_fault:
	push	%rax
	mov	%cr2, %rax
	mov	%rax, MAIL(MONITOR_MAIL_CR2)
	pop	%rax

trap:
	out	%al, $MONITOR_PORT		/* the host handles the trap here */
monitor_enter:					/* the host starts a vCPU here, too */
	cmpl	$0, MAIL(MONITOR_MAIL_COUNT)
	jne	mail
resume:
	add	$16, %rsp			/* vector and error code */
	iretq

/* SYSCALL changes no stack: the frame is made by hand. RCX and R11 hold RIP and RFLAGS. */
monitor_syscall:
	mov	%rsp, MAIL(MONITOR_MAIL_RSP)
	lea	(base + MONITOR_STACK)(%rip), %rsp
	push	$MONITOR_USER_DS
	push	MAIL(MONITOR_MAIL_RSP)
	push	%r11
	push	$MONITOR_USER_CS
	push	%rcx
	push	$0
	push	$MONITOR_VECTOR_SYSCALL
	jmp	trap

/* Does the list from its first entry to its last. */
mail:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	lea	MAIL(MONITOR_MAIL_LIST), %rsi
	mov	MAIL(MONITOR_MAIL_COUNT), %r8
next:
	mov	8(%rsi), %rdi			/* where */
	mov	16(%rsi), %rdx			/* value */
	mov	(%rsi), %eax			/* kind */
	test	%eax, %eax
	jnz	1f
	mov	%rdx, (%rdi)			/* MONITOR_STORE */
	jmp	done
1:	cmp	$MONITOR_INVLPG, %eax
	jne	2f
	invlpg	(%rdi)
	jmp	done
2:	cmp	$MONITOR_CR3, %eax
	jne	3f
	mov	%rdx, %cr3			/* this code is in every root, at one place */
	jmp	done
3:	cmp	$MONITOR_ZERO, %eax
	jne	4f
	mov	%rdx, %rcx
	xor	%eax, %eax
	rep stosq
	jmp	done
4:	cmp	$MONITOR_CR4, %eax
	jne	5f
	mov	%rdx, %cr4
	jmp	done
5:	mov	%edi, %ecx			/* MONITOR_WRMSR */
	mov	%edx, %eax
	shr	$32, %rdx
	wrmsr
done:
	add	$24, %rsi
	dec	%r8
	jnz	next
	movq	$0, MAIL(MONITOR_MAIL_COUNT)
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	cmpl	$0, MAIL(MONITOR_MAIL_AGAIN)
	jne	trap				/* the same trap once more, for the rest */
	jmp	resume
monitor_end:

	.section .note.GNU-stack, "", @progbits
