/* SPDX-License-Identifier: MIT */
/* What is quoted of figures that were measured several times, and how sure a ratio of two is. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#define FIGURES_MAX 128

struct figures {
	double median, min, max;
	double mad; /* median of the absolute deviations from the median */
};

struct interval {
	double low, high;
};

/* Of n values, 1 to FIGURES_MAX; of more the first. For none all are 0. */
struct figures figures_of(const double *value, unsigned n);

/*
 * The interval in which the ratio of the medians, a over b, lies with 95 in 100: the bootstrap's, that
 * is, n pairs drawn with replacement out of the n that there are, 2000 times; a[i] and b[i] were
 * measured next to each other and stay together. The same pairs give the same interval. n is 1 to
 * FIGURES_MAX; b must have no 0.
 */
struct interval figures_ratio(const double *a, const double *b, unsigned n);

/* The same of figures that were measured apart, n of one and m of the other: each drawn by itself. */
struct interval figures_ratio_apart(const double *a, unsigned n, const double *b, unsigned m);

#endif
