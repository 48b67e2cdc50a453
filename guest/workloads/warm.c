/* SPDX-License-Identifier: MIT */
/*
 * `warm`: pages that are there. No access may fault; but after the kernel has cleared the accessed
 * and dirty bits and flushed, the processor must set them again: accessed on every level, dirty
 * only by writes. A clear accessed bit is looked at only far from what was touched, because the
 * processor may walk ahead (Intel SDM vol. 3, 4.8); the dirty bit is never set ahead.
 */
#include "layout.h"
#include "schedule.h"
#include "touch.h"
#include "workload.h"

struct warm {
	struct process *p;
	struct area *a;
	uint32_t faults; /* of the area, once it was filled */
};

/* Clears the bits, lets ring 3 do what `command` says, and returns what the bits say then. */
static struct table_scan again(struct check *c, struct warm *w, uint64_t command, gva_t start,
			       gva_t end)
{
	if (c->failed)
		return (struct table_scan){0};
	tables_forget_use(w->p->space.root, w->a->start, w->a->end);
	process_wake(w->p, command);
	schedule_run();
	if (!check_blocked(c, w->p, WARM_READY))
		return (struct table_scan){0};
	check_equal(c, "faults on warm pages", w->faults, area_faults(w->a));
	return tables_scan(w->p->space.root, start, end);
}

void run_warm(struct check *c, const struct params *params)
{
	const uint64_t pages = params->value[PARAM_PAGES], rounds = params->value[PARAM_ROUNDS];
	const gva_t half = USER_AREA + pages / 2 * PAGE_SIZE;
	const gva_t far = USER_AREA + (pages - pages / 4) * PAGE_SIZE;
	const gva_t end = USER_AREA + pages * PAGE_SIZE;
	struct warm w = {.faults = (uint32_t)pages};
	struct table_scan scan;

	if (!check_memory(c, 1, pages))
		return;
	w.p = check_create(c, PROGRAM_WARM, USER_AREA, pages, rounds, params->value[PARAM_SEED]);
	if (!w.p)
		return;
	w.a = check_area(c, w.p, AREA_ZERO, USER_AREA, pages, PROT_READ | PROT_WRITE, 0);
	if (!w.a)
		return;
	schedule_run();
	if (!check_blocked(c, w.p, WARM_READY))
		return;
	check_equal(c, "faults of the first touch", pages, area_faults(w.a));

	scan = again(c, &w, WARM_READ, USER_AREA, end);
	check_equal(c, "pages accessed after reading all", pages, scan.accessed);
	check_equal(c, "pages dirty after reading all", 0, scan.dirty);
	check_use(c, w.p, USER_AREA, 1, false);

	scan = again(c, &w, WARM_READ_HALF, USER_AREA, half);
	check_equal(c, "pages accessed after reading these", pages / 2, scan.accessed);
	if (c->failed)
		return;
	scan = tables_scan(w.p->space.root, far, end);
	check_equal(c, "pages accessed far from what was read", 0, scan.accessed);
	check_equal(c, "pages dirty after reading some", 0, scan.dirty);

	scan = again(c, &w, WARM_WRITE, USER_AREA, end);
	check_equal(c, "pages accessed after writing all", pages, scan.accessed);
	check_equal(c, "pages dirty after writing all", pages, scan.dirty);
	check_use(c, w.p, end - PAGE_SIZE, 1, true);

	if (c->failed)
		return;
	process_wake(w.p, WARM_END);
	schedule_run();
	check_exited(c, w.p, 0);
	check_ok(c, "pages=%lu rounds=%lu faults=0", pages, rounds);
}
