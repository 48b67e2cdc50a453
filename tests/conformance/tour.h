/* SPDX-License-Identifier: MIT */
/*
 * A tour: the cases that are drawn of the sets, done by a guest in batches, each result held against
 * the model and the named deviations. How a guest gets to do a batch is the way's.
 */
#ifndef TESTS_CONFORMANCE_TOUR_H
#define TESTS_CONFORMANCE_TOUR_H

#include "cases.h"
#include "deviations.h"

struct conf_tour;

/* Kinds of guests. Both functions fail the test if something goes wrong. */
struct conf_way {
	/* Fills t->world and t->offered; skips the test, and says why, if the host lacks something. */
	void (*explore)(struct conf_tour *t);
	/* Does `count` cases, at most CONF_BATCH. False if they had not ended after so many seconds;
	 * then *done is the first that had not. */
	bool (*run)(struct conf_tour *t, const struct conf_case *cases, uint64_t count,
		    struct conf_result *results, unsigned seconds, uint64_t *done);
};

struct conf_tour {
	const char *name;
	const struct conf_way *way;
	struct pn_config config;
	unsigned every;	     /* of the cases, one in so many */
	unsigned maxphyaddr; /* in the guest's CPUID, if not the host's; then the sets about bits */
	void *state;	     /* the way's */

	/* What is found, and what came of it. */
	struct conf_world world;
	struct conf_model model;
	struct conf_altered altered;
	unsigned offered;
	unsigned pending;	  /* cases of the next batch */
	unsigned told[16];	  /* failures, by set: the first of each are printed */
	struct conf_case endless; /* the first that does not end, and how many there are */
	uint64_t endless_count;
	const struct conf_deviation *why;
	uint64_t done, failed, led_away, execute_only, seen[CONF_DEVIATIONS], ns;
};

/* Whether some of the cases are done in a mode. */
bool conf_tour_is_in(const struct conf_tour *t, enum pn_mode mode);

/* Does it all; fails the test if a case was wrong, or if there was none. */
void conf_tour_go(struct conf_tour *t);

/* way_machine.c: a guest of a penumbra machine, by config; state is a struct subject. */
extern const struct conf_way conf_way_machine;

/* way_vm32.c: a virtual machine of KVM's own with a guest outside long mode, in hw mode; config.levels
 * is 2 or 3. */
extern const struct conf_way conf_way_vm32;

#endif
