/* SPDX-License-Identifier: MIT */
/*
 * The operations. `run` is what is counted; whatever it needs is made by `prepare`. Each checks
 * that it did what it is called.
 */
#include "paging.h"

static uint64_t at; /* page of the area where the next round begins */

/* A page mapped, accessed and dirty. */
static void prepare_page(uint64_t n)
{
	(void)n;
	if (spaces_begin(1))
		store(space_entry(&spaces[0], 0), frames[0] | USER_PAGE | PAGE_USED);
	touch(AREA);
}

static void run_syscall(uint64_t n)
{
	user_run(user_gva(user_calls), 0, n);
}

static void run_iretq(uint64_t n)
{
	iretq_loop(n);
}

static void run_cr2(uint64_t n)
{
	while (n--)
		read_cr2();
}

/* What a kernel does around what must not be interrupted. */
static void run_cli(uint64_t n)
{
	while (n--)
		__asm__ volatile("cli; sti" : : : "memory");
}

static void prepare_switch(uint64_t n)
{
	(void)n;
	if (!spaces_begin(1))
		return;
	for (unsigned i = 0; i < SPACES; i++) {
		if (i)
			space_make(&spaces[i], 1);
		space_fill(&spaces[i], 0, 2, frames[i % 2], USER_PAGE | PAGE_USED);
		switch_roots[i] = (uintptr_t)spaces[i].root;
	}
}

static void run_cr3(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		load_cr3(switch_roots[i % SPACES]);
		expect(touch(AREA) == frames[i % 2]);
		touch(page_gva(1));
	}
}

static void run_switch(uint64_t n)
{
	user_run(user_gva(user_switches), AREA, n);
}

static void run_invlpg(uint64_t n)
{
	while (n--)
		invlpg(AREA);
}

static void run_invlpg_touch(uint64_t n)
{
	while (n--) {
		invlpg(AREA);
		touch(AREA);
	}
}

static void run_store(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		store(space_entry(&spaces[0], 0), frames[i % 2] | USER_PAGE | PAGE_USED);
		touch(AREA);
	}
}

static void run_remap(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		store(space_entry(&spaces[0], 0), frames[i % 2] | USER_PAGE | PAGE_USED);
		invlpg(AREA);
		expect(touch(AREA) == frames[i % 2]);
	}
}

static void prepare_rewrite(uint64_t n)
{
	(void)n;
	if (spaces_begin(1))
		space_fill(&spaces[0], 0, ENTRIES, frames[0], USER_PAGE | PAGE_USED);
	touch(AREA);
}

static void rewrite(uint64_t n, bool look)
{
	for (uint64_t i = 0; i < n; i++) {
		space_fill(&spaces[0], 0, ENTRIES, frames[i % 2], USER_PAGE | PAGE_USED);
		space_load(&spaces[0]);
		for (uint64_t page = 0; look && page < ENTRIES; page++)
			expect(touch(page_gva(page)) == frames[i % 2]);
	}
}

static void run_rewrite(uint64_t n)
{
	rewrite(n, false);
}

static void run_rewrite_touch(uint64_t n)
{
	rewrite(n, true);
}

/* Pages that were never accessed: nobody may fill them in before they are. */
static void prepare_unaccessed(uint64_t n)
{
	if (spaces_begin(1))
		space_fill(&spaces[0], 0, 4 * n, frames[0], USER_PAGE);
}

static void run_touch(uint64_t n)
{
	user_run(user_gva(user_touch), page_gva(at), n);
	expect(*space_entry(&spaces[0], at) & PTE_ACCESSED);
	at += n;
}

static void prepare_clean(uint64_t n)
{
	if (spaces_begin(1))
		space_fill(&spaces[0], 0, 4 * n, frames[0], USER_PAGE | PTE_ACCESSED);
	user_run(user_gva(user_touch), page_gva(at), n);
	expect(!(*space_entry(&spaces[0], at) & PTE_DIRTY));
}

static void run_write(uint64_t n)
{
	user_run(user_gva(user_write), page_gva(at), n);
	expect(*space_entry(&spaces[0], at) & PTE_DIRTY);
	at += n;
}

/* A space that the shadow has never seen, its pages accessed and dirty: `n` leaf tables of them. */
static void prepare_fresh(uint64_t n)
{
	spaces_begin(1);
	space_make(&child, (unsigned)n);
	space_fill(&child, 0, n * ENTRIES, frames[0], USER_PAGE | PAGE_USED);
	space_load(&child);
}

static void run_fill(uint64_t n)
{
	user_run(user_gva(user_touch), AREA, n * ENTRIES);
}

static void demand_zero_cr2(struct fault_frame *frame)
{
	(void)frame;
	demand_zero_at(read_cr2());
}

/* The pages to come are there and the kernel has written them: its own map of them is warm. */
static void prepare_frames(uint64_t n)
{
	static gpa_t taken[ENTRIES];

	spaces_begin(1);
	for (uint64_t i = 0; i < n; i++) {
		taken[i] = page_take();
		page_zero(taken[i]);
	}
	for (uint64_t i = 0; i < n; i++)
		page_give(taken[i]);
}

static void prepare_demand(uint64_t n)
{
	prepare_frames(n);
	fault_handler = demand_zero;
}

static void prepare_demand_cr2(uint64_t n)
{
	prepare_frames(n);
	fault_handler = demand_zero_cr2;
}

static void run_demand(uint64_t n)
{
	uint64_t before = faults;

	user_run(user_gva(user_write), page_gva(at), n);
	expect(faults - before == n);
	at += n;
}

/* A parent with `n` pages that it has written. */
static void prepare_fork(uint64_t n)
{
	spaces_begin(1);
	space_make(&spaces[0], 1);
	space_fill(&spaces[0], 0, n, 0, USER_PAGE);
	space_load(&spaces[0]);
	user_run(user_gva(user_write), AREA, n);
}

static void run_fork(uint64_t n)
{
	uint64_t before = faults;

	fork_pages(n);
	expect(faults - before == 2 * n);
}

/* For times and not for counts: `n` leaf tables of pages never accessed, until the host stops. */
static void prepare_endless(uint64_t n)
{
	spaces_begin((unsigned)n);
	space_fill(&spaces[0], 0, n * ENTRIES, frames[0], USER_PAGE);
}

static void run_endless(uint64_t n)
{
	(void)n;
	user_run(user_gva(user_endless), AREA, 0);
}

const struct operation operations[] = {
	{"syscall", prepare_page, run_syscall},
	{"iretq", prepare_page, run_iretq},
	{"cr2", prepare_page, run_cr2},
	{"cli", prepare_page, run_cli},
	{"cr3", prepare_switch, run_cr3},
	{"switch", prepare_switch, run_switch},
	{"invlpg", prepare_page, run_invlpg},
	{"invlpg-touch", prepare_page, run_invlpg_touch},
	{"store", prepare_page, run_store},
	{"remap", prepare_page, run_remap},
	{"rewrite", prepare_rewrite, run_rewrite},
	{"rewrite-touch", prepare_rewrite, run_rewrite_touch},
	{"hidden", prepare_unaccessed, run_touch},
	{"clean", prepare_clean, run_write},
	{"fill", prepare_fresh, run_fill},
	{"demand", prepare_demand, run_demand},
	{"demand-cr2", prepare_demand_cr2, run_demand},
	{"fork", prepare_fork, run_fork},
	{"endless", prepare_endless, run_endless},
	{NULL, NULL, NULL},
};
