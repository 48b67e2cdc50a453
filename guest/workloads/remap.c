/* SPDX-License-Identifier: MIT */
/*
 * `remap`: the frame behind a GVA changes while the old translation is in the TLB. Rounds take
 * turns with the three ways to flush: INVLPG, a load of CR3, CR4.PGE off and on. A host that loses
 * one of them shows the old frame.
 */
#include "layout.h"
#include "schedule.h"
#include "workload.h"

void run_remap(struct check *c, const struct params *params)
{
	const uint64_t pages = params->value[PARAM_PAGES], rounds = params->value[PARAM_ROUNDS];
	const gva_t end = USER_AREA + 2 * pages * PAGE_SIZE;
	volatile struct pn_guest_report *report = host_report();
	struct pn_guest_report before;
	uint64_t in_kind[SWAP_KINDS];
	struct process *p;
	struct area *a;

	if (!check_memory(c, 1, 2 * pages))
		return;
	p = check_create(c, PROGRAM_REMAP, USER_AREA, pages, rounds, params->value[PARAM_SEED]);
	if (!p)
		return;
	a = check_area(c, p, AREA_ZERO, USER_AREA, 2 * pages, PROT_READ | PROT_WRITE, 0);
	if (!a)
		return;
	schedule_run();
	if (!check_blocked(c, p, 1))
		return;

	before = *report;
	process_wake(p, 0);
	schedule_run();
	if (!check_blocked(c, p, 2))
		return;
	for (unsigned how = 0; how < SWAP_KINDS; how++)
		in_kind[how] = pages * ((rounds + SWAP_KINDS - 1 - how) / SWAP_KINDS);
	check_equal(c, "INVLPGs", 2 * in_kind[SWAP_PAGE], report->flush_page - before.flush_page);
	check_equal(c, "flushes of the context", in_kind[SWAP_CONTEXT],
		    report->flush_context - before.flush_context);
	check_equal(c, "loads of CR3", in_kind[SWAP_CONTEXT], report->cr3_loads - before.cr3_loads);
	check_equal(c, "flushes of everything", in_kind[SWAP_ALL],
		    report->flush_all - before.flush_all);
	check_equal(c, "entries stored", 2 * pages * rounds, report->pt_writes - before.pt_writes);
	check_equal(c, "faults", 2 * pages, area_faults(a));
	check_equal(c, "pages accessed", 2 * pages,
		    tables_scan(p->space.root, USER_AREA, end).accessed);

	process_wake(p, 0);
	schedule_run();
	check_exited(c, p, 0);
	check_ok(c, "pages=%lu rounds=%lu page=%lu context=%lu all=%lu", pages, rounds,
		 2 * in_kind[SWAP_PAGE], in_kind[SWAP_CONTEXT], in_kind[SWAP_ALL]);
}
