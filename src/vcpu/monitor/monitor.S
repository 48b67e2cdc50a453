/* SPDX-License-Identifier: MIT */
/*
 * The monitor, all of it. A trap of the guest comes to one of the stubs; one OUT hands it to the
 * host, which decides everything, changes the frame on this stack and leaves mail; the mail is
 * done here, inside the VM, because a host kernel that shadows our tables sees changes only so;
 * IRETQ goes back to ring 3.
 *
 *      ring 3: guest                      ring 0: monitor                     host
 *      trap ------------> stub: push vector
 *                         trap: OUT 0xf0 --------------------> understands the trap,
 *                         monitor_enter: <-------------------- frame and mail changed
 *                           no mail: resume
 *                           mail:    stores, INVLPG, CR3 ...
 *                             asked to come back: OUT 0xf1 --> more mail, or another mode
 *      goes on <--------- resume: IRETQ
 *
 * A #PF has a stub of its own that does the same in fewer instructions, with OUT 0xf2: where a host
 * interprets ring 0, each costs half a microsecond. One instruction that every #PF handler has is
 * done here, without the host: MOV from CR2, where the host has seen it (MONITOR_MAIL_CR2...).
 *
 * The code is copied to MONITOR_CODE and refers to itself and to the mail by distance only.
 * Registers are the guest's, but for RAX, which goes back by the frame: whatever else is used here is
 * saved first. Nothing is kept between two
 * traps, so the host may abandon the monitor at any OUT and start it afresh at monitor_enter.
 */
#include "vcpu/monitor/monitor.h"

#define MAIL(field) (base + MONITOR_MAIL + (field))(%rip)

	.section .rodata
	.balign	4096
	.globl	monitor_start, monitor_end, monitor_stubs, monitor_fault, monitor_syscall, monitor_enter
	.globl	monitor_peek, monitor_cr2
	.hidden	monitor_start, monitor_end, monitor_stubs, monitor_fault, monitor_syscall, monitor_enter
	.hidden	monitor_peek, monitor_cr2
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
	.balign	MONITOR_STUB_SIZE, 0xcc		/* the IDT points at multiples of this */
	.if	vector == 13			/* MOV from CR2, or anything else that is privileged */
	push	%rax				/* in place of the vector */
	mov	16(%rsp), %rax			/* the guest's RIP */
	cmp	MAIL(MONITOR_MAIL_CR2_SITE), %rax
	je	reads_cr2
	pop	%rax
	push	$vector
	jmp	trap
	.elseif	vector == 14			/* the shortest way: nothing is as frequent */
	push	%rax				/* in place of the vector */
	mov	%cr2, %rax			/* the GVA that was not to be had */
	out	%al, $MONITOR_PORT_FAULT
	cmpq	$0, MAIL(MONITOR_MAIL_COUNT)	/* from here on as below */
	jne	mail
	pop	%rax
	add	$8, %rsp
	iretq
	.else
	.if	((HAS_ERROR_CODE >> vector) & 1) == 0
	push	$0				/* in place of an error code */
	.endif
	push	$vector				/* which the host reads */
	jmp	trap
	.endif
	.set	vector, vector + 1
	.endr
	.rept	MONITOR_VECTORS - 32		/* none of these has an error code */
	.balign	MONITOR_STUB_SIZE, 0xcc
	push	$0
	push	$vector
	jmp	trap
	.set	vector, vector + 1
	.endr

trap:
	out	%al, $MONITOR_PORT		/* the host handles the trap here */
monitor_enter:					/* the host starts a vCPU here, too */
	cmpq	$0, MAIL(MONITOR_MAIL_COUNT)	/* neither mail nor a wish to come back? */
	jne	mail
resume:
	pop	%rax				/* the guest's, from where the vector was */
	add	$8, %rsp			/* past the error code */
	iretq					/* ring 3, as the frame says */

/* The same for a #PF where CR2 comes with the exit's special registers: RAX stays what it is. */
	.balign	MONITOR_STUB_SIZE, 0xcc
monitor_fault:
	push	%rax
	out	%al, $MONITOR_PORT_FAULT_CR2
	cmpq	$0, MAIL(MONITOR_MAIL_COUNT)
	jne	mail
	add	$16, %rsp
	iretq

/*
 * At the place where the guest's kernel has read CR2 before: does it stand there still? The host has
 * named no place unless the guest is at its CPL 0. Between fetching the instruction and looking at it
 * its page may have gone; the host mends that (cr2.c).
 */
reads_cr2:
	testb	$1, 33(%rsp)			/* RFLAGS.TF: a #DB is due after it, by the host */
	jnz	other
monitor_peek:
	mov	(%rax), %eax			/* the one look of the monitor into guest memory */
	cmp	MAIL(MONITOR_MAIL_CR2_TEXT), %eax
	jne	other
	mov	MAIL(MONITOR_MAIL_CR2_NEXT), %rax
	mov	%rax, 16(%rsp)			/* past the instruction */
	mov	MAIL(MONITOR_MAIL_CR2), %rax
	jmp	*MAIL(MONITOR_MAIL_CR2_TO)	/* to one of these, by the register */
	.balign	MONITOR_CR2_SIZE, 0xcc
monitor_cr2:
	.irp	register, (%rsp), %rcx, %rdx, %rbx, 40(%rsp), %rbp, %rsi, %rdi, %r8, %r9, %r10, \
		%r11, %r12, %r13, %r14, %r15
	.balign	MONITOR_CR2_SIZE, 0xcc		/* RAX and RSP are in the frame */
	mov	%rax, \register
	jmp	monitor_enter
	.endr
other:
	pop	%rax
	push	$13
	jmp	trap

/* SYSCALL changes no stack: the frame is made by hand. RCX and R11 hold RIP and RFLAGS. */
monitor_syscall:
	mov	%rsp, MAIL(MONITOR_MAIL_RSP)	/* the guest's stack is not to be trusted */
	lea	(base + MONITOR_STACK)(%rip), %rsp
	push	$MONITOR_USER_DS		/* SS */
	push	MAIL(MONITOR_MAIL_RSP)		/* RSP */
	push	%r11				/* RFLAGS */
	push	$MONITOR_USER_CS		/* CS */
	push	%rcx				/* RIP, past the SYSCALL */
	push	$0				/* no error code */
	push	$MONITOR_VECTOR_SYSCALL		/* a number that no exception has */
	jmp	trap

/* Does the list from its first entry to its last. */
mail:
	push	%rax				/* all that is used here */
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	lea	MAIL(MONITOR_MAIL_LIST), %rsi	/* the entry at hand */
	mov	MAIL(MONITOR_MAIL_COUNT), %r8d	/* how many are left */
	test	%r8d, %r8d			/* none: only asked to come back */
	jz	done
next:
	mov	8(%rsi), %rdi			/* where */
	mov	16(%rsi), %rdx			/* value */
	mov	(%rsi), %eax			/* kind */
	test	%eax, %eax
	jnz	1f
	mov	%rdx, (%rdi)			/* MONITOR_STORE: one table entry */
	jmp	step
1:	cmp	$MONITOR_INVLPG, %eax
	jne	2f
	invlpg	(%rdi)				/* the guest's GVA, in the root that CR3 holds */
	jmp	step
2:	cmp	$MONITOR_CR3, %eax
	jne	3f
	mov	%rdx, %cr3			/* this code is in every root, at one place */
	jmp	step
3:	cmp	$MONITOR_ZERO, %eax
	jne	4f
	mov	%rdx, %rcx			/* entries */
	xor	%eax, %eax
	rep stosq				/* from `where` on */
	jmp	step
4:	cmp	$MONITOR_CR4, %eax
	jne	5f
	mov	%rdx, %cr4
	jmp	step
5:	cmp	$MONITOR_CR0, %eax
	jne	6f
	mov	%rdx, %cr0
	jmp	step
6:	mov	%edi, %ecx			/* MONITOR_WRMSR: ECX the number, */
	mov	%edx, %eax			/* EDX:EAX the value */
	shr	$32, %rdx
	wrmsr
step:
	add	$24, %rsi			/* sizeof(struct monitor_entry) */
	dec	%r8d
	jnz	next
	movl	$0, MAIL(MONITOR_MAIL_COUNT)	/* done: it must not be done again */
done:
	pop	%r8				/* the guest's registers, as they were */
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	cmpl	$0, MAIL(MONITOR_MAIL_AGAIN)
	je	resume
	out	%al, $MONITOR_PORT_MAIL		/* the host goes on here, same frame */
	jmp	monitor_enter
monitor_end:

	.section .note.GNU-stack, "", @progbits
