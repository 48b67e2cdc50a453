/* SPDX-License-Identifier: MIT */
/* Ring 3 of `file`: a private mapping, read, and in one of two processes written. */
#include "user.h"

/* `written` is the seed of what this process writes; 0: it only reads. */
uint64_t user_file(gva_t base, uint64_t pages, uint64_t file, uint64_t written)
{
	for (uint64_t i = 0; i < pages; i++)
		page_expect("a word of the file", base + i * PAGE_SIZE, file, i);
	sys_block(1);
	for (uint64_t i = 0; written && i < pages; i++)
		page_fill(base + i * PAGE_SIZE, written, i);
	sys_yield();
	for (uint64_t i = 0; i < pages; i++)
		page_expect("a word after one process wrote", base + i * PAGE_SIZE,
			    written ? written : file, i);
	sys_block(2);
	return 0;
}
