/* SPDX-License-Identifier: MIT */
/*
 * x86 control-register bits and #PF error-code bits, under the names of the manuals.
 * Intel SDM vol. 3, 2.5 (control registers), 4.7 (#PF error code); vol. 1, 3.4.3 (EFLAGS);
 * AMD APM vol. 2, 3.1.
 */
#ifndef X86_H
#define X86_H

#include <stdint.h>

/* ECX of CPUID leaf 0: the end of "AuthenticAMD" and of "HygonGenuine". */
#define CPUID_ECX_AMD UINT32_C(0x444d4163)
/* CPUID leaf 7, EBX. */
#define CPUID_7_EBX_SMEP  (UINT32_C(1) << 7)
#define CPUID_7_ECX_UMIP  (UINT32_C(1) << 2) /* ECX */
#define CPUID_7_ECX_PKU	  (UINT32_C(1) << 3)
#define CPUID_7_EBX_SMAP  (UINT32_C(1) << 20)
#define CPUID_ECX_HYGON	  UINT32_C(0x656e6975)

#define CR0_PE		  (UINT64_C(1) << 0)
#define CR0_MP		  (UINT64_C(1) << 1)
#define CR0_EM		  (UINT64_C(1) << 2)
#define CR0_TS		  (UINT64_C(1) << 3)
#define CR0_ET		  (UINT64_C(1) << 4)
#define CR0_NE		  (UINT64_C(1) << 5)
#define CR0_WP		  (UINT64_C(1) << 16)
#define CR0_AM		  (UINT64_C(1) << 18)
#define CR0_NW		  (UINT64_C(1) << 29)
#define CR0_CD		  (UINT64_C(1) << 30)
#define CR0_PG		  (UINT64_C(1) << 31)

#define CR3_PWT		  (UINT64_C(1) << 3)
#define CR3_PCD		  (UINT64_C(1) << 4)
#define CR3_PCID	  UINT64_C(0xfff)     /* the PCID, under CR4.PCIDE */
#define CR3_NOFLUSH	  (UINT64_C(1) << 63) /* in the source of MOV to CR3, under CR4.PCIDE */

#define CR4_VME		  (UINT64_C(1) << 0)
#define CR4_PVI		  (UINT64_C(1) << 1)
#define CR4_TSD		  (UINT64_C(1) << 2)
#define CR4_DE		  (UINT64_C(1) << 3)
#define CR4_PSE		  (UINT64_C(1) << 4)
#define CR4_PAE		  (UINT64_C(1) << 5)
#define CR4_MCE		  (UINT64_C(1) << 6)
#define CR4_PGE		  (UINT64_C(1) << 7)
#define CR4_PCE		  (UINT64_C(1) << 8)
#define CR4_OSFXSR	  (UINT64_C(1) << 9)
#define CR4_OSXMMEXCPT	  (UINT64_C(1) << 10)
#define CR4_UMIP	  (UINT64_C(1) << 11)
#define CR4_LA57	  (UINT64_C(1) << 12)
#define CR4_VMXE	  (UINT64_C(1) << 13)
#define CR4_FSGSBASE	  (UINT64_C(1) << 16)
#define CR4_PCIDE	  (UINT64_C(1) << 17)
#define CR4_OSXSAVE	  (UINT64_C(1) << 18)
#define CR4_SMEP	  (UINT64_C(1) << 20)
#define CR4_SMAP	  (UINT64_C(1) << 21)
#define CR4_PKE		  (UINT64_C(1) << 22)

#define EFER_SCE	  (UINT64_C(1) << 0)
#define EFER_LME	  (UINT64_C(1) << 8)
#define EFER_LMA	  (UINT64_C(1) << 10)
#define EFER_NXE	  (UINT64_C(1) << 11)

#define RFLAGS_CF	  (UINT64_C(1) << 0)
#define RFLAGS_FIXED	  (UINT64_C(1) << 1) /* always 1 */
#define RFLAGS_PF	  (UINT64_C(1) << 2)
#define RFLAGS_AF	  (UINT64_C(1) << 4)
#define RFLAGS_ZF	  (UINT64_C(1) << 6)
#define RFLAGS_SF	  (UINT64_C(1) << 7)
#define RFLAGS_TF	  (UINT64_C(1) << 8)
#define RFLAGS_IF	  (UINT64_C(1) << 9)
#define RFLAGS_DF	  (UINT64_C(1) << 10)
#define RFLAGS_OF	  (UINT64_C(1) << 11)
#define DR6_BS		  (UINT64_C(1) << 14)
#define RFLAGS_IOPL	  (UINT64_C(3) << 12)
#define RFLAGS_IOPL_SHIFT 12
#define RFLAGS_NT	  (UINT64_C(1) << 14)
#define RFLAGS_RF	  (UINT64_C(1) << 16)
#define RFLAGS_VM	  (UINT64_C(1) << 17)
#define RFLAGS_AC	  (UINT64_C(1) << 18)
#define RFLAGS_VIF	  (UINT64_C(1) << 19)
#define RFLAGS_VIP	  (UINT64_C(1) << 20)
#define RFLAGS_ID	  (UINT64_C(1) << 21)

/* The #PF error code. */
#define PF_ERR_PRESENT	(UINT32_C(1) << 0) /* a translation was found, or a reserved bit */
#define PF_ERR_WRITE	(UINT32_C(1) << 1)
#define PF_ERR_USER	(UINT32_C(1) << 2)
#define PF_ERR_RESERVED (UINT32_C(1) << 3)
#define PF_ERR_FETCH	(UINT32_C(1) << 4)
#define PF_ERR_PKEY	(UINT32_C(1) << 5)

/* PKRU: two bits a key, access-disable and write-disable. */
#define PKRU_AD(key) (UINT32_C(1) << (2 * (key)))
#define PKRU_WD(key) (UINT32_C(2) << (2 * (key)))

/* Model-specific registers. */
#define MSR_TSC_AUX	   0xc0000103
#define MSR_TSC		   0x10
#define MSR_SYSENTER_CS	   0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_PAT		   0x277
#define MSR_EFER	   0xc0000080
#define MSR_STAR	   0xc0000081
#define MSR_LSTAR	   0xc0000082
#define MSR_CSTAR	   0xc0000083
#define MSR_SFMASK	   0xc0000084
#define MSR_FS_BASE	   0xc0000100
#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

#endif
