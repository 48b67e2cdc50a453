/* SPDX-License-Identifier: MIT */
/* The guest's symbols: from address to name+offset for reports, from name to address for tools. */
#ifndef SYMBOLS_H
#define SYMBOLS_H

#include <penumbra/penumbra.h>

struct symbol {
	gva_t gva;
	uint64_t size; /* bytes; 0 if the file does not tell */
	char *name;
};

struct symbols {
	size_t count;
	struct symbol *symbol; /* sorted by gva once symbols_sort was called */
};

/*
 * Adds a copy, of at most SYMBOL_NAME_MAX bytes (many symbols of a hostile file may share one very
 * long name) and with control characters replaced. Returns 0 or PN_ERR_NOMEM.
 */
#define SYMBOL_NAME_MAX 255
int symbols_add(struct symbols *s, gva_t gva, uint64_t size, const char *name);
void symbols_sort(struct symbols *s);
void symbols_free(struct symbols *s);

/*
 * The symbol that `gva` belongs to: the last one at or below it, unless that one's known size ends
 * before it. NULL if there is none.
 */
const struct symbol *symbols_at(const struct symbols *s, gva_t gva);

/* The first symbol of a name, or NULL. */
const struct symbol *symbols_named(const struct symbols *s, const char *name);

/*
 * Writes "name+0x12", or "?" where no symbol fits, into text of `size` bytes; a long name is cut to
 * "long_na...+0x12". Returns text.
 */
char *symbols_format(const struct symbols *s, gva_t gva, char *text, size_t size);

#endif
