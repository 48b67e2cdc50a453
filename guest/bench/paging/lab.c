/* SPDX-License-Identifier: MIT */
/*
 * The workloads of `penumbra bench`. One operation of each is what a kernel does for one system call,
 * one page, one process. What needs no measuring is done by `prepare`, so that rounds can follow each
 * other for ever.
 */
#include "paging.h"

#include <penumbra/guest.h>

#define TOUCHED	 8   /* pages of a space, after a switch */
#define PROCESS	 8   /* pages that a process writes */
#define STORM	 256 /* pages that are made read-only together */
#define FORKED	 64  /* pages of a parent */
#define MEBIBYTE 256 /* pages */
#define CHASE	 UINT64_C(0x8040000000)

volatile struct lab lab;

static uint64_t cold; /* pages of the area that are mapped, from its first on */

/* --- Ring 3 and back, out and back ---------------------------------------------------------- */

static void prepare_plain(uint64_t n)
{
	(void)n;
	spaces_begin(1);
}

static void run_syscall(uint64_t n)
{
	user_run(user_gva(user_calls), 0, n);
}

static void run_exit(uint64_t n)
{
	while (n--)
		__asm__ volatile("outb %%al, %0" : : "i"(PN_PORT_CONSOLE), "a"('.') : "memory");
}

/* --- Pages that are touched ----------------------------------------------------------------- */

static void prepare_cold(uint64_t n)
{
	spaces_begin(LEAVES_MAX);
	expect(n <= GIVEN_MAX);
	space_unmap(&spaces[0], 0, cold);
	cold = n;
	space_load(&spaces[0]);
	fault_handler = demand_zero;
}

static void run_cold(uint64_t n)
{
	user_run(user_gva(user_write), AREA, n);
}

static void prepare_warm(uint64_t n)
{
	(void)n;
	if (spaces_begin(LEAVES_MAX))
		space_fill(&spaces[0], 0, lab.size, 0, USER_PAGE);
	user_run(user_gva(user_write), AREA, lab.size);
}

static void run_warm(uint64_t n)
{
	for (; n > lab.size; n -= lab.size)
		user_run(user_gva(user_touch), AREA, lab.size);
	user_run(user_gva(user_touch), AREA, n);
}

/* --- Pointers: one in each page, in a ring -------------------------------------------------- */

static uint64_t random_below(uint64_t bound)
{
	static uint64_t x = 88172645463325252; /* xorshift64 */

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % bound;
}

/* Page i's pointer lies at another place in its page, so that not all share a set of the cache. */
static uint64_t *pointer_in(gpa_t region, uint64_t page)
{
	return kernel_pointer(region + page * PAGE_SIZE + page % 64 * 64);
}

static gva_t pointer_gva(uint64_t page)
{
	return CHASE + page * PAGE_SIZE + page % 64 * 64;
}

static void prepare_chase(unsigned shift, bool is_random)
{
	uint64_t pages = lab.size, bytes = pages * PAGE_SIZE;
	gpa_t region;

	if (!spaces_begin(1))
		return;
	region = region_take(bytes, UINT64_C(1) << shift);
	for (uint64_t at = 0; at < bytes; at += UINT64_C(1) << shift)
		store(map_entry(&spaces[0], CHASE + at, shift),
		      (region + at) | USER_PAGE | PAGE_USED | (shift > PAGE_SHIFT ? PTE_LARGE : 0));
	for (uint64_t i = 0; i < pages; i++)
		*pointer_in(region, i) = i;
	/* One cycle through all of them: Sattolo's shuffle. */
	for (uint64_t i = pages - 1; is_random && i > 0; i--) {
		uint64_t *a = pointer_in(region, i), *b = pointer_in(region, random_below(i));
		uint64_t was = *a;

		*a = *b;
		*b = was;
	}
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t *p = pointer_in(region, i);

		*p = pointer_gva(is_random ? *p : (i + 1) % pages);
	}
}

static void prepare_chase_4k(uint64_t n)
{
	(void)n;
	prepare_chase(12, true);
}

static void prepare_chase_2m(uint64_t n)
{
	(void)n;
	prepare_chase(21, true);
}

static void prepare_chase_1g(uint64_t n)
{
	(void)n;
	prepare_chase(30, true);
}

static void prepare_chase_seq(uint64_t n)
{
	(void)n;
	prepare_chase(12, false);
}

static void run_chase(uint64_t n)
{
	user_run(user_gva(user_chase), pointer_gva(0), n);
}

/* --- Entries that change -------------------------------------------------------------------- */

static void prepare_churn(uint64_t n)
{
	(void)n;
	if (spaces_begin(2))
		store(space_entry(&spaces[0], 0), frames[0] | USER_PAGE | PAGE_USED);
	touch(AREA);
}

/* Another frame for a page, INVLPG, a read. */
static void run_churn(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		store(space_entry(&spaces[0], 0), frames[i % 2] | USER_PAGE | PAGE_USED);
		invlpg(AREA);
		touch(AREA);
	}
}

/* The same one level up: another leaf table for 2 MiB. */
static void prepare_upper(uint64_t n)
{
	(void)n;
	if (spaces_begin(2)) {
		store(space_entry(&spaces[0], 0), frames[0] | USER_PAGE | PAGE_USED);
		store(space_entry(&spaces[0], ENTRIES), frames[1] | USER_PAGE | PAGE_USED);
	}
	touch(AREA);
}

static void run_upper(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		store(&spaces[0].pd[1], (uintptr_t)spaces[0].leaf[i % 2] | TABLE_ENTRY);
		invlpg(AREA);
		touch(AREA);
	}
}

static void prepare_storm(uint64_t n)
{
	(void)n;
	if (spaces_begin(1))
		space_fill(&spaces[0], 0, STORM, 0, USER_PAGE);
	user_run(user_gva(user_write), AREA, STORM);
	fault_handler = reopen;
}

/* A page made read-only, with INVLPG; the write that faults; the page made writable again. */
static void run_storm(uint64_t n)
{
	while (n) {
		uint64_t part = n < STORM ? n : STORM;

		for (uint64_t i = 0; i < part; i++) {
			pte_t *entry = space_entry(&spaces[0], i);

			store(entry, *entry & ~PTE_WRITE);
			invlpg(page_gva(i));
		}
		user_run(user_gva(user_write), AREA, part);
		n -= part;
	}
}

/* A page taken, cleared, mapped by the fault of the first write, and given back, with INVLPG. */
static void prepare_alloc(uint64_t n)
{
	(void)n;
	spaces_begin(1);
	fault_handler = demand_zero;
}

static void run_alloc(uint64_t n)
{
	while (n--) {
		user_run(user_gva(user_write), AREA, 1);
		space_unmap(&spaces[0], 0, 1);
		invlpg(AREA);
	}
}

/* 1 MiB mapped, each page read, unmapped page by page. */
static void run_mmap(uint64_t n)
{
	while (n--) {
		for (uint64_t i = 0; i < MEBIBYTE; i++)
			store(space_entry(&spaces[0], i), frames[0] | USER_PAGE);
		user_run(user_gva(user_touch), AREA, MEBIBYTE);
		for (uint64_t i = 0; i < MEBIBYTE; i++) {
			store(space_entry(&spaces[0], i), 0);
			invlpg(page_gva(i));
		}
	}
}

/* --- Address spaces ------------------------------------------------------------------------- */

static void prepare_switch(uint64_t n)
{
	(void)n;
	expect(lab.size > 0 && lab.size <= SPACES_MAX);
	if (!spaces_begin(1))
		return;
	for (unsigned i = 0; i < lab.size; i++) {
		if (i)
			space_make(&spaces[i], 1);
		space_fill(&spaces[i], 0, TOUCHED, frames[i % 2], USER_PAGE | PAGE_USED);
	}
}

/* MOV to CR3 and some pages read there. */
static void run_switch(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		space_load(&spaces[i % lab.size]);
		for (uint64_t page = 0; page < TOUCHED; page++)
			touch(page_gva(page));
	}
}

/* A space made, some pages written in it, and all of it given back. */
static void prepare_spawn(uint64_t n)
{
	(void)n;
	spaces_begin(1);
	fault_space = &child;
	fault_handler = demand_zero;
}

static void run_spawn(uint64_t n)
{
	while (n--) {
		space_make(&child, 1);
		space_load(&child);
		user_run(user_gva(user_write), AREA, PROCESS);
		space_load(&spaces[0]);
		space_unmap(&child, 0, PROCESS);
		space_free(&child);
	}
}

static void prepare_fork(uint64_t n)
{
	(void)n;
	if (spaces_begin(1))
		space_fill(&spaces[0], 0, FORKED, 0, USER_PAGE);
	user_run(user_gva(user_write), AREA, FORKED);
}

/* For each page of a fork: made read-only, copied for the child, made writable for the parent. */
static void run_fork(uint64_t n)
{
	for (; n > FORKED; n -= FORKED)
		fork_pages(FORKED);
	fork_pages(n);
}

/* --- A server: requests to workers in turn, each of which asks for a page and gives it back --- */

#define WORKERS 4

static void prepare_mixed(uint64_t n)
{
	(void)n;
	if (spaces_begin(1))
		for (unsigned i = 0; i < WORKERS; i++) {
			if (i)
				space_make(&spaces[i], 1);
			space_fill(&spaces[i], 1, 1 + TOUCHED, frames[0], USER_PAGE | PAGE_USED);
		}
	fault_handler = demand_zero;
}

static void run_mixed(uint64_t n)
{
	while (n--) {
		fault_space = &spaces[n % WORKERS];
		space_load(fault_space);
		user_run(user_gva(user_calls), 0, 4);
		user_run(user_gva(user_touch), page_gva(1), TOUCHED);
		user_run(user_gva(user_write), AREA, 1);
		space_unmap(fault_space, 0, 1);
		invlpg(AREA);
	}
}

const struct operation lab_workloads[] = {
	{"syscall", prepare_plain, run_syscall},     {"exit", prepare_plain, run_exit},
	{"touch-cold", prepare_cold, run_cold},	     {"touch-warm", prepare_warm, run_warm},
	{"chase-seq", prepare_chase_seq, run_chase}, {"chase-4k", prepare_chase_4k, run_chase},
	{"chase-2m", prepare_chase_2m, run_chase},   {"chase-1g", prepare_chase_1g, run_chase},
	{"pte-churn", prepare_churn, run_churn},     {"upper-churn", prepare_upper, run_upper},
	{"protect-storm", prepare_storm, run_storm}, {"alloc-touch-free", prepare_alloc, run_alloc},
	{"mmap-munmap", prepare_plain, run_mmap},    {"cr3-switch", prepare_switch, run_switch},
	{"spawn-exit", prepare_spawn, run_spawn},    {"fork-cow", prepare_fork, run_fork},
	{"mixed", prepare_mixed, run_mixed},	     {NULL, NULL, NULL},
};
