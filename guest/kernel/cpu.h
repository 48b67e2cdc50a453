/* SPDX-License-Identifier: MIT */
/* The processor: what it can do, its own tables, and the instructions that C has no words for. */
#ifndef CPU_H
#define CPU_H

#include "address.h"

#include <stdbool.h>
#include <stdint.h>

struct cpu_features {
	bool smep;	/* CR4.SMEP is on: ring 0 does not execute user pages */
	bool smap;	/* CR4.SMAP is on: ring 0 reaches user pages only after STAC */
	bool gib_pages; /* pages of 1 GiB */
};

/* What this processor has and cpu_init() has switched on. */
const struct cpu_features *cpu_features(void);

/* Loads our own GDT, IDT, TSS and SYSCALL registers; switches on WP, NX and PGE; sets RFLAGS.IF. */
void cpu_init(void);

/*
 * Switches on SMEP and SMAP where CPUID offers them; to be called when a SYSCALL has arrived in
 * ring 0. Not sooner, because that tells a processor from kvm_pvm, where the CPUID that answers is
 * the host's, but ring 0 is interpreted and STAC is not known. There, SYSCALL never arrives so
 * (trap.c), and we do without.
 */
void cpu_enable_guards(void);

/* Traps from ring 3 push their first words below `end` from now on (TSS.RSP0). 16-byte aligned. */
void cpu_set_trap_frame(void *end);

/* Loads an IDT without entries: the next exception is a triple fault. */
void cpu_forget_idt(void);

static inline uint64_t read_cr2(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

static inline uint64_t read_cr4(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static inline void write_cr4(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline uint64_t read_cr3(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr3, %0" : "=r"(value));
	return value;
}

static inline void write_cr3(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void invlpg(gva_t gva)
{
	__asm__ volatile("invlpg (%0)" : : "r"(gva) : "memory");
}

#endif
