/* SPDX-License-Identifier: MIT */
/*
 * The guest of the embedding lesson: prints what it finds in the shared page, answers by changing
 * one word of it, and ends.
 */
#include <penumbra/guest.h>

#define SHARED 0xd0000000
#define LENGTH 12		/* of "hello, guest" */

	.globl _start
	.text
_start:
	lea	says(%rip), %rdi
	mov	$says_end - says, %esi
	call	console

	mov	$SHARED, %edi		/* boot tables: GVA = GPA */
	mov	$LENGTH, %esi
	call	console

	lea	newline(%rip), %rdi
	mov	$2, %esi
	call	console

	mov	$SHARED, %edi
	mov	$0x74736f68, %eax	/* "host" over "gues": hello, hostt... */
	mov	%eax, 7(%rdi)
	movb	$0, 11(%rdi)		/* ... cut to "hello, host" */

	xor	%eax, %eax
	out	%eax, $PN_PORT_EXIT

console:				/* RDI: address, RSI: bytes */
	mov	$PN_PORT_CALL, %edx
	mov	$PN_CALL_CONSOLE, %eax
	in	%dx, %eax
	ret

	.section .rodata
says:	.ascii "guest: the page says \""
says_end:
newline:
	.ascii "\"\n"
