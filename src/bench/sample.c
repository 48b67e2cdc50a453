/* SPDX-License-Identifier: MIT */
/* Figures of one kind, measured several times. */
#include "bench/sample.h"

#include <stdlib.h>

void sample_add(struct sample *s, double value)
{
	if (s->count < SAMPLE_MAX)
		s->value[s->count++] = value;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread sample_spread(struct sample *s)
{
	const double *v = s->value;
	unsigned n = s->count;

	if (n == 0)
		return (struct spread){0};
	qsort(s->value, n, sizeof(s->value[0]), ascending);
	return (struct spread){
		.median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2,
		.min = v[0],
		.max = v[n - 1],
	};
}
