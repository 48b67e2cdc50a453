/* SPDX-License-Identifier: MIT */
/* Ring 3 of `touch`, `warm` and `spawn`: pages that begin as zeroes. */
#include "user.h"

#include "touch.h"

/* Even pages are read first, odd pages are written first. */
uint64_t user_touch(gva_t base, uint64_t pages, uint64_t seed)
{
	for (uint64_t i = 0; i < pages; i++) {
		gva_t page = base + i * PAGE_SIZE;
		volatile uint8_t *first = byte_at(page + touch_offset(i));

		if (i % 2 == 0)
			expect("first byte read from a new page", 0, *first);
		else
			*first = 0;
		for (uint64_t w = 0; w < PAGE_WORDS; w++)
			expect("a word of a new page", 0, word_at(page)[w]);
	}
	sys_block(TOUCH_TOUCHED);
	for (uint64_t i = 0; i < pages; i++)
		page_fill(base + i * PAGE_SIZE, seed, i);
	for (uint64_t i = 0; i < pages; i++)
		page_expect("a word that was written", base + i * PAGE_SIZE, seed, i);
	sys_block(TOUCH_FILLED);
	return 0;
}

/* The word of page `i` that is used. */
static volatile uint64_t *warm_word(gva_t base, uint64_t i)
{
	return word_at(base + i * PAGE_SIZE + touch_word(i) * 8);
}

/*
 * Does what the kernel side says, until it says it is enough. One word of a page is used at a time,
 * and little else done: a host that is interrupted on the way would lose its TLB, and so hide that
 * the kernel forgot to flush it.
 */
uint64_t user_warm(gva_t base, uint64_t pages, uint64_t rounds, uint64_t seed)
{
	uint64_t command;

	for (uint64_t i = 0; i < pages; i++)
		page_fill(base + i * PAGE_SIZE, seed, i);
	while ((command = sys_block(WARM_READY)) != WARM_END) {
		uint64_t count = command == WARM_READ_HALF ? pages / 2 : pages;

		for (uint64_t r = 0; r < rounds; r++)
			for (uint64_t i = 0; i < count; i++)
				if (command == WARM_WRITE)
					*warm_word(base, i) = pattern(seed, i, touch_word(i));
				else
					expect("a word of a warm page",
					       pattern(seed, i, touch_word(i)),
					       *warm_word(base, i));
	}
	for (uint64_t i = 0; i < pages; i++)
		page_expect("a word of a warm page, at the end", base + i * PAGE_SIZE, seed, i);
	return 0;
}

uint64_t user_spawn(gva_t base, uint64_t pages, uint64_t seed)
{
	for (uint64_t i = 0; i < pages; i++) {
		expect("a word of a new page", 0, *word_at(base + i * PAGE_SIZE));
		page_fill(base + i * PAGE_SIZE, seed, i);
	}
	for (uint64_t i = 0; i < pages; i++)
		page_expect("a word that was written", base + i * PAGE_SIZE, seed, i);
	return seed;
}
