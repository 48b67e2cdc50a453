/* SPDX-License-Identifier: MIT */
/*
 * `touch`: demand-zero pages, each faulting exactly once. The processor must tell reads from
 * writes, give the exact address, and set the dirty bit on a write and not before.
 */
#include "touch.h"

#include "layout.h"
#include "schedule.h"
#include "workload.h"
#include "x86.h"

#define READ_FAULT  PF_ERR_USER
#define WRITE_FAULT (PF_ERR_USER | PF_ERR_WRITE)

/* The last faults are those of the last pages, in order. */
static void check_log(struct check *c, const struct process *p, uint64_t pages)
{
	for (unsigned back = 0; back < pages && back < 8; back++) {
		uint64_t i = pages - 1 - back;

		if (!check_fault(c, p, back, FAULT_DEMAND_ZERO, i % 2 ? WRITE_FAULT : READ_FAULT,
				 USER_AREA + i * PAGE_SIZE + touch_offset(i)))
			return;
	}
}

void run_touch(struct check *c, const struct params *params)
{
	const uint64_t pages = params->value[PARAM_PAGES], seed = params->value[PARAM_SEED];
	const gva_t end = USER_AREA + pages * PAGE_SIZE;
	struct table_scan scan;
	struct process *p;
	struct area *a;

	if (!check_memory(c, 1, pages))
		return;
	p = check_create(c, PROGRAM_TOUCH, USER_AREA, pages, seed, 0);
	if (!p)
		return;
	a = check_area(c, p, AREA_ZERO, USER_AREA, pages, PROT_READ | PROT_WRITE, 0);
	if (!a)
		return;
	check_equal(c, "pages present before", 0,
		    tables_scan(p->space.root, USER_AREA, end).present);

	schedule_run();
	if (!check_blocked(c, p, TOUCH_TOUCHED))
		return;
	check_log(c, p, pages);
	check_equal(c, "demand-zero faults", pages, a->faults[FAULT_DEMAND_ZERO]);
	check_equal(c, "faults of all kinds", pages, area_faults(a));
	check_equal(c, "read faults", (pages + 1) / 2, a->errors[READ_FAULT]);
	check_equal(c, "write faults", pages / 2, a->errors[WRITE_FAULT]);
	check_use(c, p, USER_AREA, 1, false);
	check_use(c, p, USER_AREA + PAGE_SIZE, 1, true);
	scan = tables_scan(p->space.root, USER_AREA, end);
	check_equal(c, "pages present", pages, scan.present);
	check_equal(c, "pages accessed", pages, scan.accessed);
	check_equal(c, "pages dirty after reading half of them", pages / 2, scan.dirty);

	process_wake(p, 0);
	schedule_run();
	if (!check_blocked(c, p, TOUCH_FILLED))
		return;
	check_equal(c, "pages dirty after writing all", pages,
		    tables_scan(p->space.root, USER_AREA, end).dirty);
	check_equal(c, "faults after the first touch", pages, area_faults(a));

	process_wake(p, 0);
	schedule_run();
	check_exited(c, p, 0);
	check_ok(c, "pages=%lu faults=%lu", pages, pages);
}
