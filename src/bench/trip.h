/* SPDX-License-Identifier: MIT */
/*
 * The cost of one exit, measured.
 *
 * What: the round trip of an OUT by a guest at CPL 0, from one return of KVM_RUN to the next,
 * through Penumbra's run loop (registers handed over, exit recorded, port looked up) and through a
 * bare loop around KVM_RUN (bare.h).
 *
 * How: two VMs in this process, in turn, round by round; the quoted ratio is the median of the
 * rounds' ratios.
 *
 * What it cannot tell: what an exit costs that needs work, or one that comes with a cold cache.
 */
#ifndef BENCH_TRIP_H
#define BENCH_TRIP_H

#include "bench/sample.h"
#include "sandbox/sandbox.h"

#include <penumbra/penumbra.h>

struct bench_trip {
	struct sample penumbra; /* ns a round trip */
	struct sample bare;	/* ns a round trip */
	struct sample ratio;
};

/*
 * Measures `rounds` rounds of `exits` round trips. `guest` is the path of a guest that does OUTs
 * for ever. Returns 0, PN_ERR_SYSTEM, or an error of making a machine.
 */
int bench_trip(struct bench_trip *result, unsigned rounds, unsigned exits, const char *guest,
	       const struct sandbox_options *sandbox, struct pn_error *err);

#endif
