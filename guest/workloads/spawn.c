/* SPDX-License-Identifier: MIT */
/*
 * `spawn`: address spaces come and go. Page tables are made, filled, emptied and used again, which
 * a VMM that watches them must not mix up; and no frame may be lost on the way.
 */
#include "frames.h"
#include "layout.h"
#include "schedule.h"
#include "workload.h"

void run_spawn(struct check *c, const struct params *params)
{
	const uint64_t pages = params->value[PARAM_PAGES], rounds = params->value[PARAM_ROUNDS];
	const uint64_t seed = params->value[PARAM_SEED], free = frames_free();
	uint64_t first_writes = 0;

	if (!check_memory(c, 1, pages))
		return;
	for (uint64_t r = 0; r < rounds && !c->failed; r++) {
		uint64_t writes = host_report()->pt_writes;
		struct process *p = check_create(c, PROGRAM_SPAWN, USER_AREA, pages, seed + r, 0);
		struct area *a = NULL;

		if (p)
			a = check_area(c, p, AREA_ZERO, USER_AREA, pages, PROT_READ | PROT_WRITE,
				       0);
		if (!a)
			return;
		schedule_run();
		if (!check_exited(c, p, seed + r))
			return;
		check_equal(c, "demand-zero faults", pages, a->faults[FAULT_DEMAND_ZERO]);
		check_equal(c, "faults of all kinds", pages, area_faults(a));
		process_release(p);
		check_equal(c, "free frames after a process", free, frames_free());

		writes = host_report()->pt_writes - writes;
		if (r == 0)
			first_writes = writes;
		check_equal(c, "entries stored in a life", first_writes, writes);
	}
	check_ok(c, "pages=%lu rounds=%lu pt_writes=%lu each", pages, rounds, first_writes);
}
