/* SPDX-License-Identifier: MIT */
/* The bits of a page-table entry and of a #PF error code, in words. */
#ifndef MEMORY_ENTRY_WORDS_H
#define MEMORY_ENTRY_WORDS_H

#include "memory/format.h"

#include <stddef.h>

/*
 * Writes "present, writable, user, accessed, key 3" into text of `size` bytes; only "not present"
 * for an entry that is not. `leaf`: it maps a page. Bits that entries of this level do not have are
 * left out. Returns text.
 */
const char *entry_words(const struct pt_format *format, unsigned level, uint64_t entry, bool leaf,
			char *text, size_t size);

/* Writes "protection | write | user", "not present | read | supervisor". Returns text. */
const char *error_code_words(uint32_t error_code, char *text, size_t size);

/* "4 KiB", "2 MiB", "1 GiB" for 1 << shift bytes. Returns text. */
const char *page_size_words(unsigned shift, char *text, size_t size);

#endif
