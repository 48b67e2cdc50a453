/* SPDX-License-Identifier: MIT */
/*
 * The conformance guest: does a batch of cases (record.h). It exits with 0 after the last, 1 if a
 * register could not be set.
 */
#include "guest.h"

#include <penumbra/guest.h>

#define ENTRIES	  512
#define P_RW_US	  UINT64_C(7)
#define CR0_WP	  (UINT64_C(1) << 16)
#define CR4_PGE	  (UINT64_C(1) << 7)
#define CR4_SMEP  (UINT64_C(1) << 20)
#define CR4_SMAP  (UINT64_C(1) << 21)
#define CR4_PKE	  (UINT64_C(1) << 22)
#define RFLAGS_AC (UINT64_C(1) << 18)
#define MSR_EFER  0xc0000080
#define EFER_NXE  (UINT64_C(1) << 11)

typedef volatile uint64_t table[ENTRIES];

_Noreturn void conformance(const struct pn_boot_info *boot);

/* The test's. */
uint64_t conf_count;
volatile uint64_t conf_done; /* for the test, if a case does not end */
struct conf_case conf_cases[CONF_BATCH];
struct conf_result conf_results[CONF_BATCH];
uint32_t conf_offered; /* of CONF_SMEP, CONF_SMAP, CONF_PKE: what CR4 takes */

/* By slot, and by level - 1. The last is for the page of user code. */
table conf_tables[CONF_SLOTS + 1][4] __attribute__((aligned(4096)));

volatile struct conf_trap conf_trap;

static unsigned levels;
static uint32_t regs = CONF_WP | CONF_NXE | CONF_PGE; /* as at boot */
static uint32_t pkru;
static uint64_t gva_of[CONF_SLOTS], user_gva;
static volatile uint64_t *entry_of[CONF_SLOTS + 1][5];

static _Noreturn void finish(uint32_t status)
{
	for (;;)
		__asm__ volatile("outl %0, %1" : : "a"(status), "Nd"((uint16_t)PN_PORT_EXIT));
}

static uint64_t top_shift(void)
{
	return levels == 5 ? 48 : 39;
}

/* Finds a slot's entries, and its GVA for the low bits of `gpa`. */
static uint64_t lay_out(unsigned slot, uint64_t gpa)
{
	uint64_t gva = (uint64_t)(CONF_TOP + slot) << top_shift() | gpa;
	uint64_t cr3;

	__asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
	for (unsigned level = 1; level <= levels; level++) {
		uint64_t index = gva >> (3 + 9 * level) & (ENTRIES - 1);
		volatile uint64_t *t = level == levels
					       ? (volatile uint64_t *)(cr3 & ~UINT64_C(0xfff))
					       : conf_tables[slot][level - 1];

		entry_of[slot][level - 1] = &t[index];
	}
	return gva;
}

static void map_user_page(void)
{
	const unsigned slot = CONF_SLOTS;
	uint64_t gpa = conf_gpa(conf_user_page);

	user_gva = lay_out(slot, gpa);
	*entry_of[slot][0] = gpa | P_RW_US | (uint64_t)CONF_USER_KEY << 59;
	for (unsigned level = 2; level <= levels; level++)
		*entry_of[slot][level - 1] = conf_gpa(conf_tables[slot][level - 2]) | P_RW_US;
}

static uint64_t cr4_bits(uint32_t of)
{
	return (of & CONF_PGE ? CR4_PGE : 0) | (of & CONF_SMEP ? CR4_SMEP : 0) |
	       (of & CONF_SMAP ? CR4_SMAP : 0) | (of & CONF_PKE ? CR4_PKE : 0);
}

static uint64_t read_cr4(void)
{
	uint64_t cr4;

	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	return cr4;
}

static void set_cr4(uint32_t to)
{
	uint64_t all = cr4_bits(CONF_PGE | CONF_SMEP | CONF_SMAP | CONF_PKE);

	conf_try((read_cr4() & ~all) | cr4_bits(to), 0, conf_set_cr4, CONF_RFLAGS, 0);
	if (conf_trap.vector != CONF_NO_TRAP)
		finish(1);
}

static void find_out_what_is_offered(void)
{
	static const uint32_t bit[] = {CONF_SMEP, CONF_SMAP, CONF_PKE};

	for (unsigned i = 0; i < sizeof(bit) / sizeof(bit[0]); i++) {
		conf_try(read_cr4() | cr4_bits(bit[i]), 0, conf_set_cr4, CONF_RFLAGS, 0);
		if (conf_trap.vector == CONF_NO_TRAP)
			conf_offered |= bit[i];
	}
	set_cr4(regs);
}

static void set_cr0_wp(uint32_t to)
{
	uint64_t cr0;

	__asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
	cr0 = (cr0 & ~CR0_WP) | (to & CONF_WP ? CR0_WP : 0);
	__asm__ volatile("movq %0, %%cr0" : : "r"(cr0) : "memory");
}

static void set_efer_nxe(uint32_t to)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
	low = (low & ~(uint32_t)EFER_NXE) | (to & CONF_NXE ? (uint32_t)EFER_NXE : 0);
	__asm__ volatile("wrmsr" : : "a"(low), "d"(high), "c"(MSR_EFER) : "memory");
}

static void set_regs(uint32_t to, uint32_t to_pkru)
{
	uint32_t changed = regs ^ to;

	if (changed & CONF_WP)
		set_cr0_wp(to);
	if (changed & CONF_NXE)
		set_efer_nxe(to);
	if (changed & (CONF_PGE | CONF_SMEP | CONF_SMAP | CONF_PKE))
		set_cr4(to);
	if (to & CONF_PKE && (to_pkru != pkru || changed & CONF_PKE)) {
		__asm__ volatile("wrpkru" : : "a"(to_pkru), "c"(0), "d"(0) : "memory");
		pkru = to_pkru;
	}
	regs = to;
}

static void flush(uint8_t what, uint64_t gva)
{
	uint64_t value;

	switch (what) {
	case CONF_FLUSH_CONTEXT:
		__asm__ volatile("movq %%cr3, %0; movq %0, %%cr3" : "=r"(value) : : "memory");
		break;
	case CONF_FLUSH_ALL:
		value = read_cr4();
		__asm__ volatile("movq %0, %%cr4; movq %1, %%cr4"
				 :
				 : "r"(value ^ CR4_PGE), "r"(value)
				 : "memory");
		break;
	default: __asm__ volatile("invlpg (%0)" : : "r"(gva) : "memory");
	}
}

static uint64_t user_rip(const uint8_t *place)
{
	return user_gva + (uint64_t)(place - conf_user_page);
}

static void do_access(const struct conf_case *c, unsigned access)
{
	uint64_t gva = gva_of[c->slot];
	uint64_t rflags = CONF_RFLAGS | (c->regs & CONF_AC ? RFLAGS_AC : 0);
	uint64_t rip = 0;
	void (*how)(void) = conf_user;

	conf_data[0] = CONF_READS;
	conf_data[1] = access >= CONF_IMPLICIT_WRITE ? CONF_UNUSED : CONF_USED;
	switch (access) {
	case CONF_USER_READ: rip = user_rip(conf_user_read); break;
	case CONF_USER_WRITE: rip = user_rip(conf_user_write); break;
	case CONF_USER_FETCH: rip = user_rip(conf_user_fetch); break;
	case CONF_KERNEL_READ: how = conf_kernel_read; break;
	case CONF_KERNEL_WRITE: how = conf_kernel_write; break;
	case CONF_KERNEL_FETCH:
		how = conf_kernel_fetch;
		rip = gva + CONF_CODE_KERNEL;
		break;
	case CONF_IMPLICIT_USER:
	case CONF_IMPLICIT_WRITE_USER:
		rip = user_rip(conf_user_implicit);
		conf_load_ldt(gva);
		break;
	default:
		how = conf_implicit_read;
		conf_load_ldt(gva);
		break;
	}
	conf_try(gva, CONF_WRITES, how, rflags, rip);
}

static uint64_t value_of(unsigned access)
{
	switch (access) {
	case CONF_USER_WRITE:
	case CONF_KERNEL_WRITE: return conf_data[0];
	case CONF_IMPLICIT_WRITE:
	case CONF_IMPLICIT_WRITE_USER: return conf_data[1];
	default: return conf_trap.rax;
	}
}

static void do_case(const struct conf_case *c, struct conf_result *r)
{
	volatile uint64_t *const *entry = entry_of[c->slot];

	set_regs(c->regs, c->pkru);
	/* What has not changed is not written: in shadow mode a store may be an exit. */
	for (unsigned i = 0; i < levels; i++)
		if (*entry[i] != c->entry[i])
			*entry[i] = c->entry[i];
	flush(c->flush, gva_of[c->slot]);
	if (c->first != CONF_ACCESSES)
		do_access(c, c->first);
	do_access(c, c->access);
	for (unsigned i = 0; i < levels; i++)
		r->entry[i] = *entry[i];
	r->vector = conf_trap.vector;
	r->error = (uint32_t)conf_trap.error;
	r->cr2 = conf_trap.cr2;
	r->value = value_of(c->access);
}

_Noreturn void conformance(const struct pn_boot_info *boot)
{
	levels = boot->levels;
	conf_load_tables();
	map_user_page();
	find_out_what_is_offered();
	for (unsigned slot = 0; slot < CONF_SLOTS; slot++)
		gva_of[slot] = lay_out(slot, conf_gpa(conf_data));
	for (uint64_t i = 0; i < conf_count; conf_done = ++i)
		do_case(&conf_cases[i], &conf_results[i]);
	finish(0);
}
