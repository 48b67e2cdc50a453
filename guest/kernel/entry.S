/* SPDX-License-Identifier: MIT */
/*
 * The way between ring 3 and ring 0. A process runs as a function call: user_run() enters it and
 * returns at its next trap, be it an exception or a SYSCALL, with its registers in the struct regs
 * it was entered with. So the kernel needs one stack, whatever the number of processes, and a
 * process that sleeps is nothing but data. TSS.RSP0 points past the end of that struct: the
 * processor itself pushes the first words of it.
 *
 * RFLAGS.IF stays set wherever it can: no interrupt exists here that could do harm, and some hosts
 * get a spinning guest back only by one.
 */
#include "regs.h"
#include "x86.h"
#include "exception_stubs.inc"

/* The rest of a struct regs below what the processor and the stub have pushed. */
	.macro	save_registers
	push	%rax
	push	%rbx
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%rbp
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	.endm

/* Back to where a whole struct regs says; RSP is at its start. */
	.macro	return_from_trap
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rbp
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rbx
	pop	%rax
	add	$16, %rsp		/* vector and error code */
	iretq
	.endm

	.text

/* void user_run(struct regs *regs) */
	.globl	user_run
user_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, kernel_rsp(%rip)
	lea	REGS_SIZE(%rdi), %rax
	mov	%rax, regs_end(%rip)

	/* From here to ring 3 RSP is no stack. */
	cli
	mov	%rdi, %rsp
	cmpq	$VECTOR_SYSCALL, REGS_VECTOR(%rsp)
	je	1f

	return_from_trap

	/*
	 * The short way back from a SYSCALL, which has said goodbye to RCX and R11. RIP is known to
	 * be canonical here (syscall.c), without which SYSRET would fault in ring 0 on Intel.
	 */
1:	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	mov	REGS_RFLAGS - REGS_R11(%rsp), %r11
	mov	REGS_RIP - REGS_R11(%rsp), %rcx
	add	$8, %rsp
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rbp
	pop	%rdi
	pop	%rsi
	pop	%rdx
	add	$8, %rsp
	pop	%rbx
	pop	%rax
	mov	REGS_RSP - REGS_VECTOR(%rsp), %rsp
	sysretq

/* SYSCALL comes here (MSR_LSTAR) with DF, AC, TF off (MSR_FMASK), on the user's stack. */
	.globl	syscall_entry
syscall_entry:
	mov	%rsp, user_rsp(%rip)
	mov	regs_end(%rip), %rsp
	pushq	$USER_DS
	pushq	user_rsp(%rip)
	push	%r11
	pushq	$USER_CS
	push	%rcx
	pushq	$0
	pushq	$VECTOR_SYSCALL
	jmp	user_trap

/* One stub of 16 bytes for each vector; the processor pushes an error code for some. */
	.balign	16
	.globl	vector_stubs
vector_stubs:
	exception_stubs VECTOR_COUNT, trap

	/*
	 * The interrupted code's DF and AC must not reach C; IF is set already, and the gates leave
	 * it so. Not by POPF: in shadow mode this is ring 3, where POPF keeps from IF in silence on
	 * some hosts (docs/guest-rules.md). CLAC traps there, and so is for those only that have AC
	 * set. RSP is the struct regs.
	 */
	.macro	flags_for_c
	cld
	testl	$RFLAGS_AC, REGS_RFLAGS(%rsp)
	jz	.Lflags\@
	cmpb	$0, cpu_smap(%rip)
	je	.Lflags\@
	clac
.Lflags\@:
	.endm

trap:
	testb	$3, REGS_CS - REGS_VECTOR(%rsp)
	jz	kernel_trap

	/* From ring 3: finish the struct regs, and return from user_run. */
user_trap:
	save_registers
	flags_for_c
	mov	kernel_rsp(%rip), %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	/* From ring 0: an ordinary nested call of trap_kernel(struct regs *), on the same stack. */
kernel_trap:
	save_registers
	flags_for_c
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$-16, %rsp
	call	trap_kernel
	mov	%rbp, %rsp
	return_from_trap

	.bss
	.balign	8
kernel_rsp:		/* of the user_run that is under way */
	.quad	0
regs_end:		/* end of its struct regs */
	.quad	0
user_rsp:		/* for two instructions of syscall_entry */
	.quad	0

	.section .note.GNU-stack, "", @progbits
