/* SPDX-License-Identifier: MIT */
/*
 * `file`: pages whose first contents the kernel puts together during the fault, and that two
 * processes map. The mapping is private: what one writes, the other does not see.
 */
#include "layout.h"
#include "schedule.h"
#include "workload.h"

static void check_area_faults(struct check *c, const struct area *a, uint64_t pages)
{
	check_equal(c, "file faults", pages, a->faults[FAULT_FILE]);
	check_equal(c, "faults of all kinds", pages, area_faults(a));
}

void run_file(struct check *c, const struct params *params)
{
	const uint64_t pages = params->value[PARAM_PAGES], seed = params->value[PARAM_SEED];
	const gva_t end = USER_AREA + pages * PAGE_SIZE;
	struct process *p[2];
	struct area *a[2];

	if (!check_memory(c, 2, 2 * pages))
		return;
	for (unsigned i = 0; i < 2; i++) {
		p[i] = check_create(c, PROGRAM_FILE, USER_AREA, pages, seed, i ? seed + 1 : 0);
		if (!p[i])
			return;
		a[i] = check_area(c, p[i], AREA_FILE, USER_AREA, pages, PROT_READ | PROT_WRITE,
				  seed);
		if (!a[i])
			return;
	}
	schedule_run();
	for (unsigned i = 0; i < 2; i++) {
		if (!check_blocked(c, p[i], 1))
			return;
		check_area_faults(c, a[i], pages);
		check_equal(c, "pages dirty after reading", 0,
			    tables_scan(p[i]->space.root, USER_AREA, end).dirty);
		process_wake(p[i], 0);
	}
	schedule_run();
	for (unsigned i = 0; i < 2; i++) {
		if (!check_blocked(c, p[i], 2))
			return;
		check_area_faults(c, a[i], pages);
		check_equal(c, "pages dirty after one process wrote", i ? pages : 0,
			    tables_scan(p[i]->space.root, USER_AREA, end).dirty);
		process_wake(p[i], 0);
	}
	schedule_run();
	check_exited(c, p[0], 0);
	check_exited(c, p[1], 0);
	check_ok(c, "pages=%lu procs=2 faults=%lu", pages, 2 * pages);
}
