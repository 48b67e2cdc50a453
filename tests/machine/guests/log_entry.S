/* SPDX-License-Identifier: MIT */
/* Start of the log guest: the boot stack and tables do. */
	.text
	.globl	_start
_start:
	call	log_guest
	ud2

	.section .note.GNU-stack, "", @progbits
