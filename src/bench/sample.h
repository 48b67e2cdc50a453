/* SPDX-License-Identifier: MIT */
/* Figures of one kind, measured several times; what is quoted of them; how sure a ratio of two is. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#define SAMPLE_MAX 1024

/* In the order in which they were measured. */
struct sample {
	unsigned count;
	double value[SAMPLE_MAX];
};

struct spread {
	double median, min, max;
	double mad; /* median of the absolute deviations from the median */
};

struct interval {
	double low, high;
};

/* Adds a figure; past SAMPLE_MAX it is dropped. */
void sample_add(struct sample *s, double value);

/* The median of an even number of figures is the mean of the two in the middle. Zeroes for none. */
struct spread sample_spread(const struct sample *s);

/*
 * The interval in which the ratio of the medians, a over b, lies with 95 in 100, by the bootstrap: as
 * many figures are drawn, with replacement, as there are, 2000 times. The same figures give the same
 * interval. Both have figures, b no 0.
 *
 * Paired: the n-th of a and of b were measured next to each other, and are drawn together; they are
 * as many. Apart: each by itself.
 */
struct interval sample_ratio(const struct sample *a, const struct sample *b);
struct interval sample_ratio_apart(const struct sample *a, const struct sample *b);

#endif
