/* SPDX-License-Identifier: MIT */
#include "bench/figures.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 2000

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sort(double *v, unsigned n)
{
	qsort(v, n, sizeof(v[0]), ascending);
}

static double middle(const double *sorted, unsigned n)
{
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

struct figures figures_of(const double *value, unsigned n)
{
	double v[FIGURES_MAX];
	struct figures f;

	if (n > FIGURES_MAX)
		n = FIGURES_MAX;
	if (!n)
		return (struct figures){0};
	memcpy(v, value, n * sizeof(v[0]));
	sort(v, n);
	f = (struct figures){.median = middle(v, n), .min = v[0], .max = v[n - 1]};
	for (unsigned i = 0; i < n; i++)
		v[i] = fabs(v[i] - f.median);
	sort(v, n);
	f.mad = middle(v, n);
	return f;
}

/* xorshift64*: any generator will do, and always the same. */
static uint64_t draw(uint64_t *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * UINT64_C(2685821657736338717) >> 32;
}

static struct interval bootstrap(const double *a, unsigned n, const double *b, unsigned m,
				 bool pairs)
{
	double ratio[DRAWS], x[FIGURES_MAX] = {0}, y[FIGURES_MAX] = {0};
	uint64_t seed = 88172645463325252;

	n = n < FIGURES_MAX ? n : FIGURES_MAX;
	m = m < FIGURES_MAX ? m : FIGURES_MAX;
	for (unsigned d = 0; d < DRAWS; d++) {
		for (unsigned i = 0; i < n; i++) {
			unsigned which = (unsigned)(draw(&seed) % n);

			x[i] = a[which];
			if (pairs)
				y[i] = b[which];
		}
		for (unsigned i = 0; !pairs && i < m; i++)
			y[i] = b[draw(&seed) % m];
		sort(x, n);
		sort(y, m);
		ratio[d] = middle(x, n) / middle(y, m);
	}
	sort(ratio, DRAWS);
	return (struct interval){ratio[DRAWS / 40], ratio[DRAWS - 1 - DRAWS / 40]};
}

struct interval figures_ratio(const double *a, const double *b, unsigned n)
{
	return bootstrap(a, n, b, n, true);
}

struct interval figures_ratio_apart(const double *a, unsigned n, const double *b, unsigned m)
{
	return bootstrap(a, n, b, m, false);
}
