/* SPDX-License-Identifier: MIT */
/* One model machine, and short words for what a test does to it. Each access is audited. */
#ifndef TESTS_SHADOW_ONE_H
#define TESTS_SHADOW_ONE_H

#include "shadow_fixture.h"

#define FOR_EACH_STRATEGY(name) \
	for (enum shadow_strategy name = SHADOW_VTLB; name <= SHADOW_UNSYNC; name++)
#define FOR_EACH_TRACKING_STRATEGY(name) \
	for (enum shadow_strategy name = SHADOW_WP; name <= SHADOW_UNSYNC; name++)
#define DATA (UINT64_C(32) << 20) /* RAM that holds no tables */
#define LOW  UINT64_C(0x40000000)

extern struct machine m;

enum shadow_outcome touch(gva_t gva, enum walk_access access, enum walk_privilege who);

/* The access must come to this. */
void expect(gva_t gva, enum walk_access access, enum walk_privilege who, enum shadow_outcome want);

/* It must come through; returns the GPA. */
gpa_t reach(gva_t gva, enum walk_access access, enum walk_privilege who);

/* Maps `n` pages of DATA at `gva`. */
void map_many(gva_t gva, unsigned n, uint64_t flags);

#endif
