/* SPDX-License-Identifier: MIT */
/* The assembly of the guest outside long mode; what each part is for is in guest_entry.S. */
#include "guest32.h"
#include "exception_stubs.inc"

	.section .start, "ax"
	.globl	_start
_start:
	movl	$stack_top, %esp
	pushl	%eax
	call	conformance
	ud2
	.org	_start + CONF32_INDEX
	.long	conf_count, conf_done, conf_offered, conf_cases, conf_results, conf_tables
	.long	conf_top, conf_data

	.text
/*
 * void conf_try(uint32_t gva, uint32_t value, void (*how)(void), uint32_t eflags, uint32_t eip);
 * "how" finds them in EDI, ESI, EBX, ECX and EDX.
 */
	.globl	conf_try
conf_try:
	pushl	%ebx
	pushl	%ebp
	pushl	%esi
	pushl	%edi
	movl	%esp, saved_esp
	movl	20(%esp), %edi
	movl	24(%esp), %esi
	movl	28(%esp), %ebx
	movl	32(%esp), %ecx
	movl	36(%esp), %edx
	xorl	%eax, %eax
	jmp	*%ebx

	.globl	conf_kernel_read, conf_kernel_write, conf_kernel_fetch, conf_implicit
	.globl	conf_user, conf_set_cr0, conf_set_cr4, conf_set_cr3
conf_kernel_read:
	pushl	%ecx
	popfl
	movl	(%edi), %eax
	jmp	done
conf_kernel_write:
	pushl	%ecx
	popfl
	movl	%esi, (%edi)
	jmp	done
conf_kernel_fetch:
	pushl	%ecx
	popfl
	call	*%edx
	jmp	done
conf_implicit:
	pushl	%ecx
	popfl
	movl	$CONF32_LDT_KERNEL, %edx
	movw	%dx, %fs
	xorl	%edx, %edx
	movw	%dx, %fs
	jmp	done
conf_set_cr0:
	movl	%edi, %cr0
	jmp	done
conf_set_cr4:
	movl	%edi, %cr4
	jmp	done
conf_set_cr3:
	movl	%edi, %cr3
	jmp	done
conf_user:
	pushl	$CONF32_USER_DS
	pushl	$0
	pushl	%ecx
	pushl	$CONF32_USER_CS
	pushl	%edx
	iretl

done:
	movb	$CONF_NO_TRAP, conf_trap+CONF32_TRAP_VECTOR
	movl	%eax, conf_trap+CONF32_TRAP_EAX
back:
	pushl	$CONF32_EFLAGS
	popfl
	popl	%edi
	popl	%esi
	popl	%ebp
	popl	%ebx
	ret

	.globl	conf_stubs
	.balign	16
conf_stubs:
	exception_stubs 32, trap, pushl

trap:
	movl	%eax, conf_trap+CONF32_TRAP_EAX
	popl	%eax
	movb	%al, conf_trap+CONF32_TRAP_VECTOR
	popl	conf_trap+CONF32_TRAP_ERROR
	cmpb	$CONF_VECTOR_PF, %al
	jne	1f
	movl	%cr2, %eax
	movl	%eax, conf_trap+CONF32_TRAP_CR2
1:	movl	saved_esp, %esp
	jmp	back

	.section .text.user, "ax"
	.balign	4096
	.globl	conf_user_page, conf_user_read, conf_user_write, conf_user_fetch
	.globl	conf_user_implicit
conf_user_page:
conf_user_read:
	movl	(%edi), %eax
	int3
conf_user_write:
	movl	%esi, (%edi)
	int3
conf_user_fetch:
	addl	$CONF_CODE_USER, %edi
	jmp	*%edi
conf_user_implicit:
	movl	$CONF32_LDT_USER, %edx
	movw	%dx, %fs
	xorl	%edx, %edx
	movw	%dx, %fs
	int3
	.balign	4096

	.data
	.balign	4096
	.globl	conf_data
conf_data:
	.quad	0
	.quad	0
	.org	conf_data + CONF_CODE_USER
	int3
	.org	conf_data + CONF_CODE_KERNEL
	ret
	.balign	4096

	.bss
	.balign	16
	.skip	0x2000
stack_top:
	.globl	conf_trap_stack
	.skip	0x1000
conf_trap_stack:
saved_esp:
	.skip	4

	.section .note.GNU-stack, "", @progbits
