/* SPDX-License-Identifier: MIT */
/* A number in a column of a report. */
#include "trace/cell.h"

#include <stdio.h>

struct cell cell(double value, int width, int decimals, bool sign)
{
	struct cell c;

	for (; decimals >= 0; decimals--) {
		int n = snprintf(c.text, sizeof(c.text), sign ? "%+*.*f" : "%*.*f", width, decimals,
				 value);

		if (n <= width)
			return c;
	}
	snprintf(c.text, sizeof(c.text), sign ? "%+*.1e" : "%*.1e", width, value);
	return c;
}
