/* SPDX-License-Identifier: MIT */
#include "bench/sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define DRAWS 2000

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

static void sort(struct sample *s)
{
	qsort(s->value, s->count, sizeof(s->value[0]), ascending);
}

/* Of a sorted one. */
static double middle(const struct sample *s)
{
	unsigned half = s->count / 2;

	return s->count % 2 ? s->value[half] : (s->value[half - 1] + s->value[half]) / 2;
}

struct spread sample_spread(const struct sample *s)
{
	struct sample v = *s;
	struct spread spread;

	if (!v.count)
		return (struct spread){0};
	sort(&v);
	spread = (struct spread){
		.median = middle(&v), .min = v.value[0], .max = v.value[v.count - 1]};
	for (unsigned i = 0; i < v.count; i++)
		v.value[i] = fabs(v.value[i] - spread.median);
	sort(&v);
	spread.mad = middle(&v);
	return spread;
}

/* xorshift64*: any generator will do, and always the same. */
static uint64_t draw(uint64_t *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * UINT64_C(2685821657736338717) >> 32;
}

static struct interval bootstrap(const struct sample *a, const struct sample *b, bool pairs)
{
	struct sample x = {.count = a->count}, y = {.count = b->count};
	double all[DRAWS];
	uint64_t seed = 88172645463325252;

	for (unsigned d = 0; d < DRAWS; d++) {
		for (unsigned i = 0; i < x.count; i++) {
			uint64_t which = draw(&seed) % x.count;

			x.value[i] = a->value[which];
			if (pairs)
				y.value[i] = b->value[which];
		}
		for (unsigned i = 0; !pairs && i < y.count; i++)
			y.value[i] = b->value[draw(&seed) % y.count];
		sort(&x);
		sort(&y);
		all[d] = middle(&x) / middle(&y);
	}
	qsort(all, DRAWS, sizeof(all[0]), ascending);
	return (struct interval){all[DRAWS / 40], all[DRAWS - 1 - DRAWS / 40]};
}

struct interval sample_ratio(const struct sample *a, const struct sample *b)
{
	return bootstrap(a, b, true);
}

struct interval sample_ratio_apart(const struct sample *a, const struct sample *b)
{
	return bootstrap(a, b, false);
}
