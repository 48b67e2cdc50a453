/* SPDX-License-Identifier: MIT */
/* The architecture's constants, with the manuals' names. C and assembly. */
#ifndef X86_H
#define X86_H

/* Control registers (Intel SDM vol. 3, 2.5). */
#define CR0_WP	 (1 << 16)
#define CR4_PGE	 (1 << 7)
#define CR4_LA57 (1 << 12)
#define CR4_SMEP (1 << 20)
#define CR4_SMAP (1 << 21)

/* CPUID feature bits, by leaf and register. */
#define CPUID_7_EBX_SMEP       (1u << 7)
#define CPUID_7_EBX_SMAP       (1u << 20)
#define CPUID_EXT1_EDX_PAGE1GB (1u << 26) /* leaf 0x80000001 */

/* RFLAGS. */
#define RFLAGS_FIXED (1 << 1)
#define RFLAGS_TF    (1 << 8)
#define RFLAGS_IF    (1 << 9)
#define RFLAGS_DF    (1 << 10)
#define RFLAGS_IOPL  (3 << 12)
#define RFLAGS_NT    (1 << 14)
#define RFLAGS_RF    (1 << 16)
#define RFLAGS_AC    (1 << 18)

/* Model-specific registers. */
#define MSR_EFER  0xc0000080
#define MSR_STAR  0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084
#define EFER_SCE  (1 << 0)
#define EFER_NXE  (1 << 11)

/* Paging-structure entries (Intel SDM vol. 3, 4.5; AMD APM vol. 2, 5.4). */
#define PTE_PRESENT    (1UL << 0)
#define PTE_WRITE      (1UL << 1)
#define PTE_USER       (1UL << 2)
#define PTE_ACCESSED   (1UL << 5)
#define PTE_DIRTY      (1UL << 6)
#define PTE_LARGE      (1UL << 7) /* above level 1: this entry maps a page */
#define PTE_GLOBAL     (1UL << 8)
#define PTE_NO_EXECUTE (1UL << 63)
#define PTE_ADDRESS    0x000ffffffffff000UL

/* The error code of a page fault (Intel SDM vol. 3, 4.7). */
#define PF_ERR_PRESENT	0x01 /* the translation exists and forbids the access */
#define PF_ERR_WRITE	0x02
#define PF_ERR_USER	0x04 /* the access was made at CPL 3 */
#define PF_ERR_RESERVED 0x08 /* a reserved bit is set in an entry */
#define PF_ERR_FETCH	0x10

/* Exception vectors. */
#define VECTOR_BREAKPOINT   3
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PAGE_FAULT   14
#define VECTOR_COUNT	    32
/* Not the processor's: what struct regs holds after a SYSCALL. */
#define VECTOR_SYSCALL 256

/*
 * Selectors. SYSCALL and SYSRET want KERNEL_DS behind KERNEL_CS and USER_CS behind USER_DS. The
 * user's are not Linux's 0x2b and 0x33: a host that runs CPL 3 on its own processor (kvm_pvm) has
 * those two itself, so that a deprivileged kernel's IRETQ to them would go through without a trap.
 */
#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define TSS_SEL	  0x28
#define USER_DS	  0x3b
#define USER_CS	  0x43

#endif
