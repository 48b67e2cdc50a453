/* SPDX-License-Identifier: MIT */
/* Figures of one kind, measured several times, and what is quoted of them. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#define SAMPLE_MAX 1024

struct sample {
	unsigned count;
	double value[SAMPLE_MAX];
};

struct spread {
	double median, min, max;
};

/* Adds a figure; past SAMPLE_MAX it is dropped. */
void sample_add(struct sample *s, double value);

/* Median (of the two middle ones their mean), least and greatest; zeroes for no figures. Sorts. */
struct spread sample_spread(struct sample *s);

#endif
