/* SPDX-License-Identifier: MIT */
/*
 * The conformance guest outside long mode: two levels of 32-bit entries, or PAE. It does what guest.c
 * does, under one more rule: each case's top entry is taken away at its end, as in PAE a processor looks
 * at all four of them whenever CR3 or CR4 is set.
 */
#include "guest32.h"

#include <penumbra/guest.h>

#define PAGE	  4096u
#define P_RW	  3u
#define US	  4u
#define CR0_PG_WP 0x80010000u
#define CR0_WP	  (1u << 16)
#define CR4_PSE	  (1u << 4)
#define CR4_PAE	  (1u << 5)
#define CR4_PGE	  (1u << 7)
#define CR4_SMEP  (1u << 20)
#define CR4_SMAP  (1u << 21)
#define EFLAGS_AC (1u << 18)
#define MSR_EFER  0xc0000080u
#define EFER_NXE  (1u << 11)
#define CR4_BITS  (CONF_PSE | CONF_PGE | CONF_SMEP | CONF_SMAP)

#define VECTORS	  32
#define TYPE_TSS  0x89u
#define TYPE_LDT  0x82u

typedef void (*how)(void);

_Noreturn void conformance(uint32_t boot_levels);
void conf_try(uint32_t gva, uint32_t value, how access, uint32_t eflags, uint32_t eip);
void conf_kernel_read(void), conf_kernel_write(void), conf_kernel_fetch(void), conf_implicit(void);
void conf_user(void), conf_set_cr0(void), conf_set_cr4(void), conf_set_cr3(void);
extern const uint8_t conf_stubs[], conf_trap_stack[], conf_user_page[], conf_user_read[],
	conf_user_write[], conf_user_fetch[], conf_user_implicit[];
extern volatile uint64_t conf_data[];

/* The test's, by struct conf32_index. */
uint32_t conf_count, conf_offered;
volatile uint32_t conf_done;
struct conf_case conf_cases[CONF_BATCH];
struct conf_result conf_results[CONF_BATCH];
uint8_t conf_tables[CONF_SLOTS + 1][4][PAGE] __attribute__((aligned(4096)));
uint8_t conf_top[PAGE] __attribute__((aligned(4096)));

volatile struct {
	uint32_t eax, error, cr2;
	uint8_t vector;
} conf_trap;

static uint8_t own[3][PAGE] __attribute__((aligned(4096))); /* the guest's own tables */
static uint64_t gdt[CONF32_USER_CS / 8 + 1], idt[VECTORS];
static uint32_t tss[26];
static uint32_t levels, cr4, regs;

static _Noreturn void finish(uint32_t status)
{
	for (;;)
		__asm__ volatile("outl %0, %w1" : : "a"(status), "d"(PN_PORT_EXIT));
}

static uint32_t at(const volatile void *p)
{
	return (uint32_t)p;
}

static uint64_t get(const void *table, uint32_t index)
{
	return levels == 2 ? ((const volatile uint32_t *)table)[index]
			   : ((const volatile uint64_t *)table)[index];
}

static void put(void *table, uint32_t index, uint64_t entry)
{
	if (levels == 2)
		((volatile uint32_t *)table)[index] = (uint32_t)entry;
	else
		((volatile uint64_t *)table)[index] = entry;
}

static uint64_t own_top(void)
{
	return levels == 2 ? at(own[0]) | P_RW | US : at(own[2]) | 1;
}

/* GVA = GPA for all of the memory, and the page of user code open to ring 3. */
static void map_own(void)
{
	uint32_t per_table = levels == 2 ? 1024 : 512;

	for (uint32_t gpa = 0; gpa < CONF32_RAM; gpa += PAGE) {
		uint32_t n = gpa / PAGE;

		put(own[n / per_table], n % per_table,
		    gpa | P_RW | (gpa == at(conf_user_page) ? US : 0));
	}
	if (levels == 2) {
		put(conf_top, 0, own_top());
		return;
	}
	put(own[2], 0, at(own[0]) | P_RW | US);
	put(own[2], 1, at(own[1]) | P_RW | US);
	put(conf_top, 0, own_top());
}

static uint64_t system_segment(uint32_t base, uint32_t limit, uint32_t type)
{
	return limit | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)type << 40 |
	       (uint64_t)(base >> 24) << 56;
}

static void load_tables(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) g = {sizeof(gdt) - 1, at(gdt)}, i = {sizeof(idt) - 1, at(idt)};

	gdt[CONF32_CS / 8] = UINT64_C(0x00cf9b000000ffff);
	gdt[CONF32_SS / 8] = UINT64_C(0x00cf93000000ffff);
	gdt[CONF32_USER_DS / 8] = UINT64_C(0x00cff3000000ffff);
	gdt[CONF32_USER_CS / 8] = UINT64_C(0x00cffb000000ffff);
	gdt[CONF32_TR / 8] = system_segment(at(tss), sizeof(tss) - 1, TYPE_TSS);
	for (uint32_t v = 0; v < VECTORS; v++) {
		uint64_t stub = at(conf_stubs) + v * 16;

		idt[v] = (stub & 0xffff) | CONF32_CS << 16 |
			 (uint64_t)(v == CONF_VECTOR_BP ? 0xef : 0x8f) << 40 | stub >> 16 << 48;
	}
	tss[1] = at(conf_trap_stack);
	tss[2] = CONF32_SS;
	tss[25] = (uint32_t)sizeof(tss) << 16;
	__asm__ volatile("lgdt %0; lidt %1; ltr %w2; ljmp %3, $1f; 1: movw %w4, %%ss;"
			 "movw %w5, %%ds; movw %w5, %%es; movw %w5, %%fs; movw %w5, %%gs; sti"
			 :
			 : "m"(g), "m"(i), "r"(CONF32_TR), "i"(CONF32_CS), "r"(CONF32_SS),
			   "r"(CONF32_USER_DS)
			 : "memory");
}

static uint32_t cr4_of(uint32_t of)
{
	return (levels == 2 ? 0 : CR4_PAE) | (of & CONF_PSE ? CR4_PSE : 0) |
	       (of & CONF_PGE ? CR4_PGE : 0) | (of & CONF_SMEP ? CR4_SMEP : 0) |
	       (of & CONF_SMAP ? CR4_SMAP : 0);
}

/*
 * QEMU's processor sets A in PAE's top entries, where the bit is reserved, and then KVM refuses CR4 for
 * it. What it needs on the way to CR4 is in its TLB at the second attempt.
 */
static void try_cr4(uint32_t to)
{
	for (uint32_t i = 0; i < 3; i++) {
		put(conf_top, 0, own_top());
		conf_try(to, 0, conf_set_cr4, CONF32_EFLAGS, 0);
		if (conf_trap.vector == CONF_NO_TRAP)
			break;
	}
}

static void set_cr4(uint32_t to)
{
	try_cr4(to);
	if (conf_trap.vector != CONF_NO_TRAP)
		finish(CONF32_NO_CR4);
	cr4 = to;
}

static void start_paging(void)
{
	static const uint32_t bit[] = {CONF_SMEP, CONF_SMAP};
	uint32_t cr0;

	set_cr4(cr4_of(0));
	__asm__ volatile("movl %1, %%cr3; movl %%cr0, %0" : "=&r"(cr0) : "r"(conf_top) : "memory");
	conf_try(cr0 | CR0_PG_WP, 0, conf_set_cr0, CONF32_EFLAGS, 0);
	if (conf_trap.vector != CONF_NO_TRAP)
		finish(CONF32_NO_PAGING);
	regs = CONF_WP;
	for (uint32_t i = 0; i < 2; i++) {
		try_cr4(cr4 | cr4_of(bit[i]));
		if (conf_trap.vector == CONF_NO_TRAP)
			conf_offered |= bit[i];
	}
	set_cr4(cr4);
}

static void set_regs(uint32_t to)
{
	uint32_t changed = regs ^ to, low, high;

	if (changed & CONF_WP) {
		__asm__ volatile("movl %%cr0, %0" : "=r"(low));
		low = (low & ~CR0_WP) | (to & CONF_WP ? CR0_WP : 0);
		__asm__ volatile("movl %0, %%cr0" : : "r"(low) : "memory");
	}
	if (changed & CONF_NXE) {
		__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
		low = (low & ~EFER_NXE) | (to & CONF_NXE ? EFER_NXE : 0);
		__asm__ volatile("wrmsr" : : "a"(low), "d"(high), "c"(MSR_EFER) : "memory");
	}
	if (changed & CR4_BITS)
		set_cr4(cr4_of(to));
	regs = to;
}

static void flush(uint8_t what, uint32_t gva)
{
	switch (what) {
	case CONF_FLUSH_CONTEXT:
		__asm__ volatile("movl %0, %%cr3" : : "r"(conf_top) : "memory");
		break;
	case CONF_FLUSH_ALL:
		if (levels == 3) /* CR3 was set just now, and CR4 might be refused */
			break;
		set_cr4(cr4 ^ CR4_PGE);
		set_cr4(cr4 ^ CR4_PGE);
		break;
	default: __asm__ volatile("invlpg (%0)" : : "r"(gva) : "memory");
	}
}

static void load_ldt(uint32_t gva)
{
	gdt[CONF32_LDTR / 8] = system_segment(gva, 15, TYPE_LDT);
	__asm__ volatile("lldt %w0" : : "r"(CONF32_LDTR) : "memory");
}

static void do_access(const struct conf_case *c, uint32_t gva, uint32_t access)
{
	uint32_t eflags = CONF32_EFLAGS | (c->regs & CONF_AC ? EFLAGS_AC : 0), eip = 0;
	how a = conf_user;

	conf_data[0] = CONF_READS;
	conf_data[1] = access >= CONF_IMPLICIT_WRITE ? CONF_UNUSED : CONF_USED;
	switch (access) {
	case CONF_USER_READ: eip = at(conf_user_read); break;
	case CONF_USER_WRITE: eip = at(conf_user_write); break;
	case CONF_USER_FETCH: eip = at(conf_user_fetch); break;
	case CONF_KERNEL_READ: a = conf_kernel_read; break;
	case CONF_KERNEL_WRITE: a = conf_kernel_write; break;
	case CONF_KERNEL_FETCH:
		a = conf_kernel_fetch;
		eip = gva + CONF_CODE_KERNEL;
		break;
	case CONF_IMPLICIT_USER:
	case CONF_IMPLICIT_WRITE_USER:
		eip = at(conf_user_implicit);
		load_ldt(gva);
		break;
	default:
		a = conf_implicit;
		load_ldt(gva);
		break;
	}
	conf_try(gva, (uint32_t)CONF_WRITES, a, eflags, eip);
}

/* Words of 32 bits; record.h has the same word twice. */
static uint64_t value_of(uint32_t access)
{
	uint32_t word = access == CONF_USER_WRITE || access == CONF_KERNEL_WRITE
				? (uint32_t)conf_data[0]
				: conf_trap.eax;

	return access >= CONF_IMPLICIT_WRITE ? conf_data[1] : (uint64_t)word << 32 | word;
}

static void do_case(const struct conf_case *c, struct conf_result *r)
{
	uint32_t shift = levels == 2 ? 22 : 30;
	uint32_t gva = (uint32_t)(CONF_TOP + c->slot) << shift | at(conf_data);
	uint8_t *table[3] = {conf_tables[c->slot][0], conf_tables[c->slot][1],
			     conf_tables[c->slot][2]};
	uint32_t index[3];

	/* While no entry is there that CR4 could refuse. */
	set_regs(c->regs);
	table[levels - 1] = conf_top;
	for (uint32_t i = 0; i < levels; i++) {
		index[i] = levels == 2 ? gva >> (12 + 10 * i) & 1023 : gva >> (12 + 9 * i) & 511;
		if (get(table[i], index[i]) != c->entry[i])
			put(table[i], index[i], c->entry[i]);
	}
	conf_trap.vector = CONF_NO_TRAP;
	if (levels == 3)
		conf_try(at(conf_top), 0, conf_set_cr3, CONF32_EFLAGS, 0);
	if (conf_trap.vector == CONF_NO_TRAP) {
		flush(c->flush, gva);
		if (c->first != CONF_ACCESSES)
			do_access(c, gva, c->first);
		do_access(c, gva, c->access);
	}
	for (uint32_t i = 0; i < levels; i++)
		r->entry[i] = get(table[i], index[i]);
	r->vector = conf_trap.vector;
	r->error = conf_trap.error;
	r->cr2 = conf_trap.cr2;
	r->value = value_of(c->access);
	if (levels == 3)
		put(conf_top, index[2], 0);
}

_Noreturn void conformance(uint32_t boot_levels)
{
	levels = boot_levels;
	map_own();
	load_tables();
	start_paging();
	for (uint32_t i = 0; i < conf_count; conf_done = ++i)
		do_case(&conf_cases[i], &conf_results[i]);
	finish(0);
}
