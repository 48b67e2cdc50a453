/* SPDX-License-Identifier: MIT */
/*
 * The smallest guest that says something.
 *
 * A guest is an ELF file whose segments become guest-physical memory. There is no firmware and no
 * boot loader in between: Penumbra writes page tables, loads the control registers, and the first
 * instruction below is the first that the virtual processor executes, in 64-bit mode, in ring 0.
 *
 * A guest reaches the world by I/O ports. OUT and IN at a port that the virtual machine has are
 * exits: the processor leaves guest mode, KVM hands over to Penumbra, Penumbra does what the port
 * is for, and the guest goes on. This guest makes two:
 *
 *     penumbra run --stats build/examples/hello.elf
 */
#include <penumbra/guest.h>

	.text
	.globl	_start
_start:
	/* A host call: its number in EAX, its arguments in RDI and RSI, and IN from one port. */
	mov	$PN_CALL_CONSOLE, %eax
	lea	text(%rip), %rdi
	mov	$text_end - text, %esi
	mov	$PN_PORT_CALL, %edx
	in	%dx, %eax

	/* The exit status becomes that of `penumbra run`. */
	xor	%eax, %eax
	mov	$PN_PORT_EXIT, %edx
	out	%eax, %dx

	.section .rodata
text:
	.ascii	"Hello from ring 0.\n"
text_end:

	.section .note.GNU-stack, "", @progbits
