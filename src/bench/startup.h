/* SPDX-License-Identifier: MIT */
/*
 * Start-up, measured.
 *
 * What: the time from the creation of the process to the return of the first exit (the guest has
 * run its first instructions), by phase, and to the end of the process, for `penumbra run` and for
 * the yardstick (bare.h), which makes the same KVM calls and nothing else.
 *
 * How: both run in turn, round by round, so that a drift of the machine hits both alike; the
 * quoted ratio is the median of the rounds' ratios. Phases come from a run with --stats-file, the
 * whole life from a run without.
 *
 * What it cannot tell: anything about guests that do real work; the first run ever (files not in
 * the page cache, modules not loaded): one round is thrown away.
 */
#ifndef BENCH_STARTUP_H
#define BENCH_STARTUP_H

#include "bench/sample.h"
#include "sandbox/sandbox.h"

#include <penumbra/penumbra.h>

/* The phases, each ending in the moment it is named after. */
enum startup_phase {
	PHASE_SPAWN, /* process creation, dynamic linking, to the first line of work */
	PHASE_KVM,   /* /dev/kvm open, CPUID read; Penumbra's options too */
	PHASE_VM,
	PHASE_MEMORY,
	PHASE_VCPU,
	PHASE_LOAD,
	PHASE_FIRST_EXIT,    /* Penumbra's sandbox too */
	PHASE_TO_FIRST_EXIT, /* all of the above */
	PHASE_TO_END,	     /* to the end of the process */
	PHASES
};

extern const char *const startup_phase_names[PHASES];

struct bench_startup {
	struct sample penumbra[PHASES]; /* ns */
	struct sample bare[PHASES];	/* ns */
	struct sample ratio[PHASES];	/* of a round */
};

/*
 * Measures `rounds` rounds. `penumbra`, `bare` and `guest` are paths: of this program, of
 * penumbra-bare, and of a guest that ends at its first exit. Returns 0 or PN_ERR_SYSTEM.
 */
int bench_startup(struct bench_startup *result, unsigned rounds, const char *penumbra,
		  const char *bare, const char *guest, const struct sandbox_options *sandbox,
		  struct pn_error *err);

#endif
