/* SPDX-License-Identifier: MIT */
/* Ring 3 of `switch` and `spin`: taking turns, and not. */
#include "user.h"

/* Each process has a seed of its own, so that its pages can be told from the others'. */
uint64_t user_switch(gva_t base, uint64_t pages, uint64_t rounds, uint64_t seed)
{
	for (uint64_t r = 0; r < rounds; r++) {
		for (uint64_t i = 0; i < pages; i++)
			page_fill(base + i * PAGE_SIZE, seed, r * pages + i);
		sys_yield();
		for (uint64_t i = 0; i < pages; i++)
			page_expect("a word after the others had their turn", base + i * PAGE_SIZE,
				    seed, r * pages + i);
	}
	sys_block(1);
	return seed;
}

uint64_t user_spin(void)
{
	for (;;)
		__asm__ volatile("pause");
}
