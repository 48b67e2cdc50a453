/* SPDX-License-Identifier: MIT */
/* Ring 3 of `huge`: some words all over a large page. */
#include "huge.h"

#include "user.h"

uint64_t user_huge(gva_t base, uint64_t size, uint64_t seed)
{
	const uint64_t step = size / HUGE_SPOTS;
	uint64_t command;

	while ((command = sys_block(HUGE_READY)) != HUGE_END) {
		uint64_t spots = command == HUGE_AGAIN ? 1 : HUGE_SPOTS;

		for (uint64_t i = 0; i < spots; i++) {
			volatile uint64_t *word = word_at(base + i * step + i % 8 * 8);

			if (command == HUGE_READ)
				expect("a word of a large page", pattern(seed, i, i), *word);
			else
				*word = pattern(seed, i, i);
		}
	}
	return 0;
}
