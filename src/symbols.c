/* SPDX-License-Identifier: MIT */
/* The guest's symbols: a sorted array. */
#include "symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int symbols_add(struct symbols *s, gva_t gva, uint64_t size, const char *name)
{
	char *copy;

	/* Grown by doubling: room is due whenever the count is a power of two. */
	if ((s->count & (s->count - 1)) == 0) {
		size_t room = s->count ? s->count * 2 : 1;
		struct symbol *more = realloc(s->symbol, room * sizeof(s->symbol[0]));

		if (!more)
			return PN_ERR_NOMEM;
		s->symbol = more;
	}
	copy = strndup(name, SYMBOL_NAME_MAX);
	if (!copy)
		return PN_ERR_NOMEM;
	/* Names are printed, and come from a hostile file: ASCII, and nothing else. */
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	s->symbol[s->count++] = (struct symbol){.gva = gva, .size = size, .name = copy};
	return PN_OK;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->gva != y->gva)
		return x->gva < y->gva ? -1 : 1;
	/* Of two names for one address the one with a size comes last, and is the one found. */
	return (x->size != 0) - (y->size != 0);
}

void symbols_sort(struct symbols *s)
{
	if (s->count)
		qsort(s->symbol, s->count, sizeof(s->symbol[0]), by_address);
}

void symbols_free(struct symbols *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->symbol[i].name);
	free(s->symbol);
	*s = (struct symbols){0};
}

const struct symbol *symbols_at(const struct symbols *s, gva_t gva)
{
	size_t low = 0, high = s->count;
	const struct symbol *found;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s->symbol[mid].gva <= gva)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return NULL;
	found = &s->symbol[low - 1];
	return found->size && gva - found->gva >= found->size ? NULL : found;
}

const struct symbol *symbols_named(const struct symbols *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->symbol[i].name, name) == 0)
			return &s->symbol[i];
	return NULL;
}

char *symbols_format(const struct symbols *s, gva_t gva, char *text, size_t size)
{
	const struct symbol *found = symbols_at(s, gva);
	char offset[24] = "";
	size_t room;

	if (!found) {
		snprintf(text, size, "?");
		return text;
	}
	if (found->gva != gva)
		snprintf(offset, sizeof(offset), "+0x%llx", (unsigned long long)(gva - found->gva));
	/* A name that is too long loses its end; the offset is what must not be lost. */
	room = size > strlen(offset) ? size - strlen(offset) - 1 : 0;
	if (strlen(found->name) <= room)
		snprintf(text, size, "%s%s", found->name, offset);
	else
		snprintf(text, size, "%.*s...%s", room > 3 ? (int)room - 3 : 0, found->name,
			 offset);
	return text;
}
