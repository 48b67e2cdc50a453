/* SPDX-License-Identifier: MIT */
/* What the hostile guest's cases share: its tables, its window, and ways to be caught. */
#ifndef TESTS_HOSTILE_WORLD_H
#define TESTS_HOSTILE_WORLD_H

#include "guest.h"

#include <penumbra/guest.h>
#include <stddef.h>

#define P	     UINT64_C(1)
#define W	     UINT64_C(2)
#define U	     UINT64_C(4)
#define A	     UINT64_C(0x20)
#define D	     UINT64_C(0x40)
#define PS	     UINT64_C(0x80)
#define RW	     (P | W)
#define USER	     (P | W | U)
#define ADDRESS	     UINT64_C(0x000ffffffffff000)

#define PAGE	     4096
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define VECTOR_BP    3
#define VECTOR_UD    6
#define VECTOR_DF    8
#define VECTOR_PF    14
#define VECTORS	     32

typedef uint64_t table[512] __attribute__((aligned(PAGE)));

/* The window's tables, and pages that hold nothing of importance. All lie where GVA = GPA, in the
 * reach of the boot tables' 2 MiB pages. */
extern table window_pdpt, window_pd, window_pt;
extern table data[8];

extern struct hostile_record hostile_record;
extern uint64_t argument[3];

struct gate {
	uint16_t low, selector;
	uint8_t ist, type;
	uint16_t middle;
	uint32_t high, zero;
};

struct tss {
	uint32_t unused;
	uint64_t rsp[3];
	uint64_t unused_2, ist[7], unused_3;
	uint16_t unused_4, bitmap;
} __attribute__((packed));

/* A page each, so that each can be taken away. */
extern struct gate idt[PAGE / sizeof(struct gate)];
extern uint64_t gdt[PAGE / 8];
extern union tss_page {
	struct tss tss;
	table page;
} tss;

/* hostile_entry.S */
uint64_t try(void (*f)(void));
void enter_user(uint64_t rip, uint64_t rdi, uint64_t rax);
void mend_nothing(void);
void load_rubbish(uint64_t gpa);
unsigned patched(void);
extern const uint8_t stubs[], user[], user_read[], user_write[], user_jump[], user_out[], user_in[],
	user_ud[], user_cr2[], user_bp[], ist_top[];

static inline uint64_t gpa_of(const volatile void *p)
{
	return (uint64_t)p;
}

static inline uint64_t *root(void)
{
	uint64_t cr3;

	__asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
	return (uint64_t *)(cr3 & ADDRESS);
}

static inline void load_root(uint64_t gpa)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(gpa) : "memory");
}

static inline void flush(uint64_t gva)
{
	__asm__ volatile("invlpg (%0)" : : "r"(gva) : "memory");
}

static inline uint64_t peek(uint64_t gva)
{
	return *(volatile uint64_t *)gva;
}

static inline void poke(uint64_t gva, uint64_t value)
{
	*(volatile uint64_t *)gva = value;
}

static inline void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

/* Keeps a value for the test. */
void keep(uint64_t value);

/* Gives page n of the window an entry, and flushes it. */
void window(unsigned n, uint64_t entry);

/* Points a vector at a handler; ist 0: no stack of its own. */
void set_gate(unsigned vector, uint64_t handler, unsigned ist);

/* Runs a stretch of the user's code, which ends in an exception. */
void as_user(const uint8_t *what, uint64_t rdi, uint64_t rax);

/* A case; guest_tables.c, guest_self.c, guest_transfer.c, guest_cr2.c, guest_edges.c. */
struct hostile_case {
	const char *name;
	void (*run)(void);
};

extern const struct hostile_case tables_cases[], self_cases[], transfer_cases[], cr2_cases[],
	edges_cases[];

#endif
