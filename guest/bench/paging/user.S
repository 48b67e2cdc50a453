/* SPDX-License-Identifier: MIT */
/*
 * User code: loops over pages and system calls, in ring 3, in a page of its own. RDI is a GVA, RSI
 * a count; a page that faults is the one in RDI.
 */
#include "paging.h"

	.section .user, "ax"
	.balign	4096
	.globl	user_start, user_touch, user_write, user_calls, user_switches
	.globl	user_chase, user_endless
user_start:

/* Reads a word of each page. */
user_touch:
	mov	(%rdi), %rax
	add	$4096, %rdi
	dec	%rsi
	jnz	user_touch
	jmp	done

/* Writes a word of each page. */
user_write:
	mov	%rdi, (%rdi)
	add	$4096, %rdi
	dec	%rsi
	jnz	user_write
	jmp	done

/* Follows pointers. */
user_chase:
	mov	(%rdi), %rdi
	dec	%rsi
	jnz	user_chase
	jmp	done

user_calls:
	xor	%eax, %eax
	syscall
	dec	%rsi
	jnz	user_calls
	jmp	done

/* Has the kernel go to the next space, and reads two pages there. */
user_switches:
	mov	$CALL_SWITCH, %eax
	syscall
	mov	(%rdi), %rax
	mov	4096(%rdi), %rax
	dec	%rsi
	jnz	user_switches

done:
	mov	$CALL_DONE, %eax
	syscall

/* Reads page after page and never comes back. */
user_endless:
	mov	(%rdi), %rax
	add	$4096, %rdi
	jmp	user_endless

	.balign	4096
	.section .note.GNU-stack, "", @progbits
