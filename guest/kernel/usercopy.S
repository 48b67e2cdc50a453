/* SPDX-License-Identifier: MIT */
/*
 * The only kernel code that touches user addresses. Under SMAP it opens the user's pages with STAC
 * for just that; each instruction that may fault has a line in the fixup table, where the page
 * fault handler finds how to go on: with RAX = error code and RDX = CR2 at the landing.
 */
	.macro	fixup from, landing
	.section .fixups, "a"
	.quad	\from, \landing
	.text
	.endm

	.macro	open_user
	cmpb	$0, cpu_smap(%rip)
	je	.Lopen\@
	stac
.Lopen\@:
	.endm

	.macro	close_user
	cmpb	$0, cpu_smap(%rip)
	je	.Lclose\@
	clac
.Lclose\@:
	.endm

	.text
/* int64_t usercopy_probe_write(gva_t gva, gva_t *cr2): as below, but with the pages open. */
	.globl	usercopy_probe_write
usercopy_probe_write:
	open_user
1:	movb	$0, (%rdi)
	close_user
	jmp	worked
2:	close_user
	jmp	faulted
	fixup	1b, 2b

/* int64_t usercopy_read(void *to, gva_t from, uint64_t bytes) */
	.globl	usercopy_read
/* int64_t usercopy_write(gva_t to, const void *from, uint64_t bytes) */
	.globl	usercopy_write
usercopy_read:
usercopy_write:
	mov	%rdx, %rcx
	open_user
1:	rep movsb
	close_user
	xor	%eax, %eax
	ret
2:	close_user
	mov	$-1, %rax
	ret
	fixup	1b, 2b

/*
 * int64_t usercopy_raw_read(gva_t gva, gva_t *cr2)
 * int64_t usercopy_raw_write(gva_t gva, gva_t *cr2)
 * int64_t usercopy_raw_call(gva_t gva, gva_t *cr2)
 * One access without STAC, to see it fail: -1 if it went through, or else the error code.
 */
	.globl	usercopy_raw_read
usercopy_raw_read:
1:	movb	(%rdi), %al
	jmp	worked
	fixup	1b, faulted

	.globl	usercopy_raw_write
usercopy_raw_write:
1:	movb	$0, (%rdi)
	jmp	worked
	fixup	1b, faulted

	.globl	usercopy_raw_call
usercopy_raw_call:
	push	%rsi
	call	*%rdi
1:	pop	%rsi
	jmp	worked
2:	pop	%rsi
	jmp	faulted
	fixup	1b, 2b

worked:
	mov	$-1, %rax
	ret
faulted:
	mov	%rdx, (%rsi)
	ret

	.section .note.GNU-stack, "", @progbits
