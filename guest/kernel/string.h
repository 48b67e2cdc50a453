/* SPDX-License-Identifier: MIT */
/* Memory and text. The compiler itself asks for the mem functions. */
#ifndef STRING_H
#define STRING_H

#include <stdbool.h>
#include <stddef.h>

void *memset(void *to, int byte, size_t bytes);
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

size_t string_length(const char *s);

/* Whether the `len` bytes at `word` spell the string `name`. */
bool string_is(const char *word, size_t len, const char *name);

/* Whole pages, by address of their first byte. */
void page_zero(void *page);
void page_copy(void *restrict to, const void *restrict from);

#endif
