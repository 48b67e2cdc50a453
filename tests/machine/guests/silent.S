/* SPDX-License-Identifier: MIT */
/* A guest whose kernel uses what in ring 3 is silently something else: PUSHF, POPF and LAR. */
#include <penumbra/guest.h>

	.text
	.globl	_start
_start:
	call	flags
	xor	%eax, %eax
	out	%eax, $PN_PORT_EXIT

	.globl	flags
	.type	flags, @function
flags:
	pushfq
	pushfq
	pop	%rax
	popfq
	ret
	.size	flags, . - flags

	/* In the text, and never run: at CPL 0 kvm_pvm has no LAR (docs/hosts.md). */
	.globl	selectors
	.type	selectors, @function
selectors:
	mov	$PN_BOOT_CS, %ecx
	lar	%ecx, %eax
	ret
	.size	selectors, . - selectors

	.section .note.GNU-stack, "", @progbits
