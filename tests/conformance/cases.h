/* SPDX-License-Identifier: MIT */
/*
 * The cases, as sets: each set is every combination of a few dimensions, numbered through with the
 * registers as the slowest, because setting one costs the guest more than all the rest.
 */
#ifndef TESTS_CONFORMANCE_CASES_H
#define TESTS_CONFORMANCE_CASES_H

#include "model.h"

#define CONF_DIMENSIONS 8

/*
 * So many cases in a row, from a multiple of it on, have the same slot and the same A and D above the
 * leaf: then the leaf changes under tables that stay, which is what shadows (and TLBs) can get wrong.
 * Whoever takes not all of the cases takes whole runs.
 */
#define CONF_RUN (8 * CONF_ACCESSES)

struct conf_set {
	const char *name;
	/* Values of each dimension, the slowest first; a list that is shorter ends with 0. */
	uint16_t values[CONF_DIMENSIONS];
	/* Makes the case of these values. False if there is no such case here; *c may be changed. */
	bool (*make)(const struct conf_world *world, unsigned offered, const uint16_t *value,
		     struct conf_case *c);
	/* Single bits are turned over. Some pages are global then, and a MOV to CR3 flushes too little; and
	 * one run in four is to be drawn where of other sets it is one in 16. */
	bool about_bits;
};

/* Sets with global pages come last, so that none is left over in another set's slots. */
extern const struct conf_set conf_sets[];
extern const unsigned conf_set_count;

/* Combinations of a set. */
uint64_t conf_set_size(const struct conf_set *set);

/* Case `index` of a set, on a machine that has the CONF_SMEP, ... and CONF_LDT in `offered`. */
bool conf_set_case(const struct conf_world *world, unsigned offered, unsigned set, uint64_t index,
		   struct conf_case *c);

#endif
