/* SPDX-License-Identifier: MIT */
/*
 * `protect`: rights are taken from pages that are in use, and given back: by ring 3 itself, and by
 * its own handler during the fault. A right that is still in the TLB after it was taken is seen as
 * an access that goes through.
 */
#include "protect.h"

#include "layout.h"
#include "schedule.h"
#include "workload.h"
#include "x86.h"

#define WRITE_DENIED (PF_ERR_PRESENT | PF_ERR_WRITE | PF_ERR_USER)
#define FETCH_DENIED (PF_ERR_PRESENT | PF_ERR_USER | PF_ERR_FETCH)

void run_protect(struct check *c, const struct params *params)
{
	const uint64_t pages = params->value[PARAM_PAGES], rounds = params->value[PARAM_ROUNDS];
	const gva_t code_start = USER_AREA + pages * PAGE_SIZE;
	struct area *data, *code;
	struct table_scan scan;
	struct process *p;

	if (!check_memory(c, 1, pages))
		return;
	p = check_create(c, PROGRAM_PROTECT, USER_AREA, pages, rounds, params->value[PARAM_SEED]);
	if (!p)
		return;
	data = check_area(c, p, AREA_ZERO, USER_AREA, pages, PROT_READ | PROT_WRITE, 0);
	code = check_area(c, p, AREA_ZERO, code_start, 1, PROT_READ | PROT_WRITE, 0);
	if (!data || !code)
		return;
	schedule_run();
	if (!check_blocked(c, p, 1))
		return;
	process_wake(p, 0);
	schedule_run();
	if (!check_blocked(c, p, 2))
		return;

	/* The last three: the write to code, and the call; before them, the write that was let in. */
	check_fault(c, p, 0, FAULT_PROTECTION, FETCH_DENIED, code_start);
	check_fault(c, p, 1, FAULT_PROTECTION, WRITE_DENIED, code_start);
	check_fault(c, p, 2, FAULT_PROTECTION, FETCH_DENIED, code_start);
	check_fault(c, p, 3, FAULT_PROTECTION, WRITE_DENIED, USER_AREA);
	check_fault(c, p, 4, FAULT_PROTECTION, WRITE_DENIED,
		    code_start - PAGE_SIZE + protect_offset(pages - 1));
	check_equal(c, "demand-zero faults", pages, data->faults[FAULT_DEMAND_ZERO]);
	check_equal(c, "protection faults", rounds * (pages + 1), data->faults[FAULT_PROTECTION]);
	check_equal(c, "writes denied", rounds * (pages + 1), data->errors[WRITE_DENIED]);
	check_equal(c, "faults of all kinds", pages + rounds * (pages + 1), area_faults(data));
	check_equal(c, "writes to code denied", rounds, code->errors[WRITE_DENIED]);
	check_equal(c, "calls denied", 2 * rounds, code->errors[FETCH_DENIED]);
	check_equal(c, "faults on the code page", 1 + 3 * rounds, area_faults(code));
	scan = tables_scan(p->space.root, USER_AREA, code->end);
	check_equal(c, "pages writable at the end", pages + 1, scan.writable);
	check_equal(c, "pages executable at the end", 0, scan.executable);

	process_wake(p, 0);
	schedule_run();
	check_exited(c, p, 0);
	check_ok(c, "pages=%lu rounds=%lu denied=%lu", pages, rounds, rounds * (pages + 4));
}
