/* SPDX-License-Identifier: MIT */
/*
 * `switch`: processes in turn, at the same GVAs. Nothing but the load of CR3 keeps their pages
 * apart, so a translation that outlives it is seen as another process's contents.
 */
#include "layout.h"
#include "schedule.h"
#include "workload.h"

/* Seeds of processes are this far apart, so that no two have a page in common. */
#define SEED_STEP 1000003

void run_switch(struct check *c, const struct params *params)
{
	const uint64_t pages = params->value[PARAM_PAGES], procs = params->value[PARAM_PROCS];
	const uint64_t rounds = params->value[PARAM_ROUNDS], seed = params->value[PARAM_SEED];
	struct process *p[PROCESS_MAX];
	uint64_t loads;

	if (!check_memory(c, procs, procs * pages))
		return;
	for (uint64_t n = 0; n < procs; n++) {
		p[n] = check_create(c, PROGRAM_SWITCH, USER_AREA, pages, rounds,
				    seed + n * SEED_STEP);
		if (!p[n] ||
		    !check_area(c, p[n], AREA_ZERO, USER_AREA, pages, PROT_READ | PROT_WRITE, 0))
			return;
	}
	loads = host_report()->cr3_loads;
	schedule_run();
	loads = host_report()->cr3_loads - loads;
	for (uint64_t n = 0; n < procs; n++) {
		if (!check_blocked(c, p[n], 1))
			return;
		check_equal(c, "faults of a process", pages,
			    area_faults(space_find(&p[n]->space, USER_AREA)));
	}
	/* A turn for each round, and one to the end; a process that is alone stays loaded. */
	check_equal(c, "loads of CR3", procs > 1 ? procs * (rounds + 1) : 1, loads);

	for (uint64_t n = 0; n < procs; n++)
		process_wake(p[n], 0);
	schedule_run();
	for (uint64_t n = 0; n < procs; n++)
		check_exited(c, p[n], seed + n * SEED_STEP);
	check_ok(c, "procs=%lu pages=%lu rounds=%lu cr3_loads=%lu", procs, pages, rounds, loads);
}
