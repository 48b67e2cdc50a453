/* SPDX-License-Identifier: MIT */
/*
 * A page x time map in bounded memory. Events are counted in cells: a span of time (a column) by a
 * span of pages (a row) by a kind of event, which is the caller's. Whenever there are more cells than there is room for, columns or
 * rows become twice as wide and cells are added together: the whole trace is always in the map, as
 * fine as its room allows, and no end of the trace needs to be known beforehand.
 */
#ifndef TRACE_HTML_GRID_H
#define TRACE_HTML_GRID_H

#include <penumbra/trace.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRID_COLUMNS 2048
#define GRID_ROWS    1024
#define GRID_BITS    18 /* 1 << GRID_BITS cells at most: 8 MiB of memory */

/* 104 days: beyond that, and beyond what JavaScript counts, a time is one of a damaged file. */
#define GRID_NS_MAX (UINT64_C(1) << 53)

/* Pages are of two spaces: GVA >> 12, or with this bit GPA >> 12. */
#define GRID_GPA (UINT64_C(1) << 63)

struct grid_cell {
	uint64_t page;	/* the first of its row, in units of rows: page >> page_shift */
	uint32_t count; /* 0: an empty place */
	uint16_t column;
	uint16_t kind;
};

struct grid {
	uint64_t last_ns;    /* the latest time of an event */
	uint64_t column_ns;  /* width of a column */
	unsigned page_shift; /* a row is 1 << page_shift pages */
	size_t room, used;
	struct grid_cell
		*cell;	  /* a hash; after grid_end `used` cells sorted by kind, page, column */
	uint64_t events;  /* in cells */
	uint64_t crowded; /* events whose cell found no place: only of a hostile file */
	uint32_t most;	  /* events in the fullest cell; after grid_end */
	uint64_t *row;	  /* the distinct rows, sorted, in units as `page`; after grid_end */
	size_t rows;
};

/* Makes an empty map of columns that reach to `end_ns` (0: not known). False: no memory. */
bool grid_init(struct grid *g, uint64_t end_ns);
void grid_fini(struct grid *g);

/*
 * Counts an event of a kind about a page (of either space). False for a time after GRID_NS_MAX, which
 * is in no cell.
 */
bool grid_add(struct grid *g, unsigned kind, uint64_t page, uint64_t time);

/*
 * Makes rows so wide that there are at most GRID_ROWS, and sorts. Nothing can be added then. False
 * if there is no memory to do it in.
 */
bool grid_end(struct grid *g);

/* The index in g->row of a row. */
size_t grid_row(const struct grid *g, uint64_t page);

#endif
