/* SPDX-License-Identifier: MIT */
/* Parameters of workloads: `name=number` words of the command line. */
#ifndef PARAMS_H
#define PARAMS_H

#include <stdbool.h>
#include <stdint.h>

enum param {
	PARAM_PAGES,
	PARAM_PROCS,
	PARAM_ROUNDS,
	PARAM_SEED,
	PARAM_LEVEL,
	PARAM_STATUS,
	PARAM_GPA,
	PARAM_COUNT,
};

/* What a workload makes of a parameter; max 0: it does not take it. */
struct bounds {
	uint64_t initial, min, max;
};

struct params {
	uint64_t value[PARAM_COUNT];
};

extern const char *const param_names[PARAM_COUNT];

/*
 * Fills `params` with the defaults, and then with what `text` says. If it is wrong, prints one
 * line that begins with `who`, and returns false.
 */
bool params_parse(const char *who, const char *text, const struct bounds bounds[PARAM_COUNT],
		  struct params *params);

/* Prints the parameters with defaults and bounds: " pages=256 (2 to 65536)". */
void params_print(const struct bounds bounds[PARAM_COUNT]);

#endif
