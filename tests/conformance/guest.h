/* SPDX-License-Identifier: MIT */
/* What the conformance guest's C and assembly share. */
#ifndef TESTS_CONFORMANCE_GUEST_H
#define TESTS_CONFORMANCE_GUEST_H

#include "record.h"

/* Selectors; ring 3's are none that a host's kernel has (docs/guest-rules.md). */
#define CONF_CS		0x08
#define CONF_DS		0x10
#define CONF_TR		0x18
#define CONF_LDTR	0x28
#define CONF_USER_DS	0x3b
#define CONF_USER_CS	0x43
#define CONF_LDT_KERNEL 0x0c /* the second of the LDT: the second word of conf_data */
#define CONF_LDT_USER	0x0f

/* Interrupts are on: nothing sends one, and a vCPU that spins with them off cannot be stopped on
 * every host. */
#define CONF_RFLAGS 0x202

/* Places in struct conf_trap. */
#define CONF_TRAP_RAX	 0
#define CONF_TRAP_ERROR	 8
#define CONF_TRAP_CR2	 16
#define CONF_TRAP_VECTOR 24

#ifndef __ASSEMBLER__

struct conf_trap {
	uint64_t rax, error, cr2;
	uint8_t vector;
};

extern volatile struct conf_trap conf_trap;

void conf_try(uint64_t gva, uint64_t value, void (*how)(void), uint64_t rflags, uint64_t rip);
void conf_kernel_read(void);
void conf_kernel_write(void);
void conf_kernel_fetch(void);
void conf_implicit_read(void);
void conf_user(void);
void conf_set_cr4(void);
extern const uint8_t conf_stubs[], conf_trap_stack[], conf_user_page[], conf_user_read[],
	conf_user_write[], conf_user_fetch[], conf_user_implicit[];
extern volatile uint64_t conf_data[];

/* guest_cpu.c: descriptor tables; the LDT at a GVA. */
void conf_load_tables(void);
void conf_load_ldt(uint64_t gva);

static inline uint64_t conf_gpa(const volatile void *p)
{
	return (uint64_t)p;
}

#endif
#endif
