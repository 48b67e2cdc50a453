/* SPDX-License-Identifier: MIT */
/* Ring 3 of `fork`: a family in which everybody writes the same pages. */
#include "fork.h"

#include "user.h"

static void expect_all(const char *what, gva_t base, uint64_t pages, uint64_t seed)
{
	for (uint64_t i = 0; i < pages; i++)
		page_expect(what, base + i * PAGE_SIZE, seed, i);
}

static void fill_all(gva_t base, uint64_t pages, uint64_t seed)
{
	for (uint64_t i = 0; i < pages; i++)
		page_fill(base + i * PAGE_SIZE, seed, i);
}

/* The children's seeds follow the parent's first; the parent's second follows them. */
static uint64_t child(uint64_t n, gva_t base, uint64_t pages, uint64_t seed)
{
	expect_all("a word of the parent's, in a child", base, pages, seed);
	fill_all(base, pages, seed + n);
	sys_yield();
	expect_all("a word of a child's", base, pages, seed + n);
	sys_block(FORK_CHILD_DONE);
	expect_all("a word of a child's, at the end", base, pages, seed + n);
	return n;
}

uint64_t user_fork(gva_t base, uint64_t pages, uint64_t procs, uint64_t seed)
{
	uint64_t order, sum = 0;

	fill_all(base, pages, seed);
	order = sys_block(FORK_READY);
	for (uint64_t n = 1; n <= procs; n++) {
		uint64_t pid = sys_fork();

		if (pid == 0)
			return child(n, base, pages, seed);
		expect("SYS_FORK failed", 1, pid < SYS_ECHILD);
	}
	if (order == FORK_PARENT_FIRST)
		fill_all(base, pages, seed + procs + 1);
	for (uint64_t n = 1; n <= procs; n++)
		sum += sys_wait();
	expect("sum of the children's exit statuses", procs * (procs + 1) / 2, sum);
	expect("SYS_WAIT without children", SYS_ECHILD, sys_wait());
	if (order == FORK_CHILDREN_FIRST) {
		expect_all("a word of the parent's, after the children", base, pages, seed);
		fill_all(base, pages, seed + procs + 1);
	}
	expect_all("a word of the parent's, at the end", base, pages, seed + procs + 1);
	sys_block(FORK_PARENT_DONE);
	return 0;
}
