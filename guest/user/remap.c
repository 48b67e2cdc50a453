/* SPDX-License-Identifier: MIT */
/* Ring 3 of `remap`: pairs of pages change places, and each must show the other's contents. */
#include "user.h"

/* Exchanges a page numbered `x` and one numbered `y`. */
static void swap(gva_t a, gva_t b, uint64_t x, uint64_t y, uint64_t how, uint64_t seed)
{
	/* So that both translations are in the TLB, and old if they stay there. */
	page_expect("a word before the exchange", a, seed, x);
	page_expect("a word before the exchange", b, seed, y);
	expect("SYS_SWAP", 0, syscall3(SYS_SWAP, a, b, how));
	page_expect("a word after the exchange", a, seed, y);
	page_expect("a word after the exchange", b, seed, x);

	*word_at(a) = 0;
	expect("a word of the page that was not written", pattern(seed, x, 0), *word_at(b));
	*word_at(a) = pattern(seed, y, 0);
}

uint64_t user_remap(gva_t base, uint64_t pages, uint64_t rounds, uint64_t seed)
{
	const gva_t other = base + pages * PAGE_SIZE;

	for (uint64_t i = 0; i < 2 * pages; i++)
		page_fill(base + i * PAGE_SIZE, seed, i);
	sys_block(1);
	for (uint64_t r = 0; r < rounds; r++)
		for (uint64_t i = 0; i < pages; i++)
			swap(base + i * PAGE_SIZE, other + i * PAGE_SIZE, r % 2 ? pages + i : i,
			     r % 2 ? i : pages + i, r % SWAP_KINDS, seed);
	sys_block(2);
	return 0;
}
