/* SPDX-License-Identifier: MIT */
/*
 * The cost of a hidden fault, measured.
 *
 * What: the time from one return of KVM_RUN to the next while a guest's ring 3 reads page after
 * page that its own tables map and the shadow does not: #PF, the monitor's stub, OUT, the walk of
 * the guest's tables, its A flag set, the shadow's entry installed, IRETQ. Beside it a bare VM that
 * takes a #PF, does an OUT, has an entry made present and does an IRETQ (bare_fault.h).
 *
 * How: two VMs in this thread, in turns of FAULTS_OF_A_TURN faults each, in the thread's processor
 * time: what else the machine does counts for neither. A round's ratio is that of the sums of its
 * turns; the quoted one is the median of the rounds'. No page is read twice, so that no turn undoes
 * what another did; each round is the 512 pages of one leaf table, whose shadow, a frame of the
 * pool, is made with its first fault. Every exit of a turn is checked to be one hidden fault.
 *
 * What it cannot tell: what the guest gains where one fault fills in its neighbours (none here may
 * be filled: their A is clear), nor a fault with a cold cache.
 */
#ifndef BENCH_FAULT_H
#define BENCH_FAULT_H

#include "bench/sample.h"
#include "sandbox/sandbox.h"

#include <penumbra/penumbra.h>

#define FAULT_ROUNDS_MAX  500
#define FAULTS_OF_A_ROUND 512
#define FAULTS_OF_A_TURN  32

struct bench_fault {
	struct sample penumbra; /* ns a fault */
	struct sample bare;	/* ns a fault */
	struct sample ratio;
};

/*
 * Measures `rounds` rounds, at most FAULT_ROUNDS_MAX, after one to warm up. `guest` is the path of
 * paging.elf. Returns 0, PN_ERR_SYSTEM, PN_ERR_STATE (an exit was no hidden fault), or an error of
 * making a machine.
 */
int bench_fault(struct bench_fault *result, unsigned rounds, enum pn_strategy strategy,
		const char *guest, const struct sandbox_options *sandbox, struct pn_error *err);

#endif
