/* SPDX-License-Identifier: MIT */
/* A page x time map: a hash of cells that grows coarser instead of larger. */
#include "trace/html/grid.h"

#include <stdlib.h>
#include <string.h>

#define USED_MAX ((size_t)1 << GRID_BITS)

/* Places looked at; a half-full table without malice needs few. */
#define TRIES 256

/* A row of one page at 2^52 pages is all there is. */
#define SHIFT_MAX 52

bool grid_init(struct grid *g, uint64_t end_ns)
{
	if (end_ns >= GRID_NS_MAX)
		end_ns = 0;
	*g = (struct grid){.column_ns = end_ns / GRID_COLUMNS + 1, .room = USED_MAX * 2};
	g->cell = calloc(g->room, sizeof(*g->cell));
	return g->cell != NULL;
}

void grid_fini(struct grid *g)
{
	free(g->cell);
	free(g->row);
	g->cell = NULL;
	g->row = NULL;
}

/* The place of a cell, or the empty one that it may have; NULL if there is none. */
static struct grid_cell *place_of(struct grid *g, uint64_t page, unsigned column, unsigned kind)
{
	/* Multipliers without a pattern: neighbours land far apart. */
	uint64_t hash = (page * 131 + column) * UINT64_C(0x9e3779b97f4a7c15) +
			kind * UINT64_C(0xd6e8feb86659fd93);

	hash ^= hash >> 32;
	for (unsigned i = 0; i < TRIES; i++) {
		struct grid_cell *c = &g->cell[(hash + i) & (g->room - 1)];

		if (!c->count || (c->page == page && c->column == column && c->kind == kind))
			return c;
	}
	return NULL;
}

static void store(struct grid *g, uint64_t page, unsigned column, unsigned kind, uint32_t count)
{
	struct grid_cell *c = place_of(g, page, column, kind);

	if (!c) {
		g->crowded += count;
		return;
	}
	g->used += !c->count;
	c->page = page;
	c->column = (uint16_t)column;
	c->kind = (uint16_t)kind;
	c->count = count > UINT32_MAX - c->count ? UINT32_MAX : c->count + count;
}

/* A row's number when rows are 1 << by times as wide; the space stays what it is. */
static uint64_t row_of(uint64_t page, unsigned by)
{
	return (page & GRID_GPA) | (page & ~GRID_GPA) >> by;
}

/* Moves the cells to the front of the table; how many there are. */
static size_t gather(struct grid *g)
{
	size_t to = 0;

	for (size_t i = 0; i < g->room; i++)
		if (g->cell[i].count)
			g->cell[to++] = g->cell[i];
	memset(&g->cell[to], 0, (g->room - to) * sizeof(*g->cell));
	return to;
}

/* Widens columns by 1 << time_by and rows by 1 << page_by: each cell finds its place anew. */
static void coarsen(struct grid *g, unsigned time_by, unsigned page_by)
{
	size_t count = gather(g);
	struct grid_cell *old;

	if (!count)
		goto done;
	old = malloc(count * sizeof(*old));
	if (!old) {
		/* Without memory to do it in, what there is is given up, and counted. */
		for (size_t i = 0; i < count; i++)
			g->crowded += g->cell[i].count;
		count = 0;
	} else {
		memcpy(old, g->cell, count * sizeof(*old));
	}
	memset(g->cell, 0, g->room * sizeof(*g->cell));
	g->used = 0;
	for (size_t i = 0; i < count; i++)
		store(g, row_of(old[i].page, page_by),
		      (unsigned)((uint64_t)old[i].column >> time_by), old[i].kind, old[i].count);
	free(old);
done:
	g->column_ns <<= time_by;
	g->page_shift += page_by;
}

static int by_place(const void *a, const void *b)
{
	const struct grid_cell *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->page != y->page)
		return x->page < y->page ? -1 : 1;
	return (x->column > y->column) - (x->column < y->column);
}

static int by_page(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * The distinct rows of a map that is 1 << by times as coarse, sorted; the caller frees them. NULL if
 * there is no memory.
 */
static uint64_t *rows_of(const struct grid *g, unsigned by, size_t *rows)
{
	uint64_t *page = malloc((g->used + 1) * sizeof(*page));
	size_t count = 0;

	*rows = 0;
	if (!page)
		return NULL;
	for (size_t i = 0; i < g->room; i++)
		if (g->cell[i].count)
			page[count++] = row_of(g->cell[i].page, by);
	qsort(page, count, sizeof(*page), by_page);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || page[i] != page[i - 1])
			page[(*rows)++] = page[i];
	return page;
}

static size_t count_rows(const struct grid *g, unsigned by)
{
	size_t rows;

	free(rows_of(g, by, &rows));
	return rows;
}

/*
 * Makes room, to half of it, so that the next time is not near. A picture is about twice as wide as it
 * is high: whatever is finer than that becomes coarser.
 */
static void make_room(struct grid *g)
{
	while (g->used > USED_MAX / 2) {
		bool rows = g->page_shift < SHIFT_MAX &&
			    count_rows(g, 0) > g->last_ns / g->column_ns / 2;

		coarsen(g, !rows, rows);
	}
}

bool grid_add(struct grid *g, unsigned kind, uint64_t page, uint64_t time)
{
	unsigned doubled = 0;

	if (time >= GRID_NS_MAX)
		return false;
	while (time / (g->column_ns << doubled) >= GRID_COLUMNS)
		doubled++;
	if (doubled)
		coarsen(g, doubled, 0);
	if (time > g->last_ns)
		g->last_ns = time;
	if (g->used == USED_MAX)
		make_room(g);
	store(g, row_of(page, g->page_shift), (unsigned)(time / g->column_ns), kind, 1);
	g->events++;
	return true;
}

bool grid_end(struct grid *g)
{
	unsigned by = 0;

	while (g->page_shift + by < SHIFT_MAX && count_rows(g, by) > GRID_ROWS)
		by++;
	if (by)
		coarsen(g, 0, by);
	g->row = rows_of(g, 0, &g->rows);
	if (!g->row)
		return false;
	qsort(g->cell, gather(g), sizeof(*g->cell), by_place);
	for (size_t i = 0; i < g->used; i++)
		if (g->cell[i].count > g->most)
			g->most = g->cell[i].count;
	return true;
}

size_t grid_row(const struct grid *g, uint64_t page)
{
	const uint64_t *found = bsearch(&page, g->row, g->rows, sizeof(page), by_page);

	return found ? (size_t)(found - g->row) : 0;
}
