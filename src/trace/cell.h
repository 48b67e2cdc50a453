/* SPDX-License-Identifier: MIT */
/* A number in a column of a report: never wider than the column, however great it is. */
#ifndef TRACE_CELL_H
#define TRACE_CELL_H

#include <stdbool.h>

#define CELL 16

struct cell {
	char text[CELL];
};

/*
 * The number in `width` columns (less than CELL): with so many decimals as asked for, or with as many
 * as there is room for, or by its power of ten; `sign`: with a plus, too.
 */
struct cell cell(double value, int width, int decimals, bool sign);

#endif
