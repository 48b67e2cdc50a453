/* SPDX-License-Identifier: MIT */
/*
 * `user`: the walls. Ring 3 runs into each of them and reports the error code it gets; then the
 * kernel does the same with what the processor keeps it from, and looks at its own tables.
 */
#include "cpu.h"
#include "faults.h"
#include "image.h"
#include "layout.h"
#include "schedule.h"
#include "usercopy.h"
#include "workload.h"
#include "x86.h"

#define P PF_ERR_PRESENT
#define W PF_ERR_WRITE
#define U PF_ERR_USER
#define I PF_ERR_FETCH

/* No page of the kernel is the user's, and none can be both written and executed. */
static void check_kernel_part(struct check *c, gva_t start, gva_t end)
{
	struct table_scan scan = tables_scan(tables_kernel_root(), start, end);

	check_equal(c, "kernel pages open to ring 3", 0, scan.user);
	check_equal(c, "kernel pages both writable and executable", 0, scan.writable_executable);
}

/* A probe from ring 0 that must fail, and how. */
static void check_probe(struct check *c, const struct process *p, const char *what, int64_t got,
			gva_t cr2, uint64_t error, gva_t gva, enum fault_kind kind)
{
	if (check_true(c, what, got >= 0) && check_equal(c, what, error, (uint64_t)got) &&
	    check_equal(c, "CR2 of a fault in ring 0", gva, cr2))
		check_fault(c, p, 0, kind, error, gva);
}

static void check_ring0(struct check *c, struct process *p)
{
	const struct cpu_features *cpu = cpu_features();
	const gva_t data = USER_AREA + FAULTS_DATA, constant = USER_AREA + FAULTS_CONSTANT;
	const gva_t code = USER_AREA + FAULTS_CODE;
	const uint64_t word = FAULTS_FROM_KERNEL;
	gva_t cr2 = 0;
	int64_t got;

	schedule_enter(p);
	got = usercopy_write(data + PAGE_SIZE, &word, sizeof(word));
	check_equal(c, "a copy to a user page that is not there", 0, (uint64_t)got);
	check_fault(c, p, 0, FAULT_DEMAND_ZERO, W, data + PAGE_SIZE);

	/* Right after a copy, which must not have left the pages open. */
	if (cpu->smap) {
		got = usercopy_raw_read(data + 8, &cr2);
		check_probe(c, p, "SMAP: a read without STAC", got, cr2, P, data + 8, FAULT_SMAP);
		got = usercopy_raw_write(data, &cr2);
		check_probe(c, p, "SMAP: a write without STAC", got, cr2, P | W, data, FAULT_SMAP);
	}
	if (cpu->smep) {
		got = usercopy_raw_call(code, &cr2);
		check_probe(c, p, "SMEP: a call of user code", got, cr2, P | I, code, FAULT_SMEP);
	}
	got = usercopy_probe_write(constant, &cr2);
	check_probe(c, p, "CR0.WP: a write of ring 0 to a read-only page", got, cr2, P | W,
		    constant, FAULT_PROTECTION);
}

/* A process that does the unforgivable is killed, with the right record, and nobody else is. */
static void check_death(struct check *c, uint64_t how)
{
	static const uint64_t vectors[DIE_WAYS] = {14, 6, 13, 3};
	struct process *p = check_create(c, PROGRAM_DIE, how, 0, 0, 0);

	if (!p)
		return;
	schedule_run();
	if (check_true(c, "a process was not killed",
		       p->state == PROCESS_ENDED && p->end == PROCESS_KILLED)) {
		check_equal(c, "vector that killed a process", vectors[how], p->vector);
		if (how == DIE_PAGE_FAULT)
			check_fault(c, p, 0, FAULT_NOWHERE, U | W, DIE_GVA);
		else
			check_equal(c, "error code that killed a process", 0, p->regs.error);
	}
	process_release(p);
}

void run_user(struct check *c, const struct params *params)
{
	const struct cpu_features *cpu = cpu_features();
	struct area *data, *constant, *code;
	struct process *p;

	(void)params;
	check_kernel_part(c, 0, USER_BASE);
	check_kernel_part(c, KERNEL_HIGH_BASE, KERNEL_HIGH_BASE + level_size(3));

	p = check_create(c, PROGRAM_FAULTS, USER_AREA, PN_REPORT_GPA, kernel_segments[0].start, 0);
	if (!p)
		return;
	p->regs.rcx = p->pid;
	data = check_area(c, p, AREA_ZERO, USER_AREA + FAULTS_DATA, 2, PROT_READ | PROT_WRITE, 0);
	constant = check_area(c, p, AREA_ZERO, USER_AREA + FAULTS_CONSTANT, 1, PROT_READ, 0);
	code = check_area(c, p, AREA_ZERO, USER_AREA + FAULTS_CODE, 1, PROT_READ | PROT_WRITE, 0);
	if (!data || !constant || !code)
		return;
	schedule_run();
	if (!check_blocked(c, p, 1))
		return;
	check_equal(c, "faults on the data page", 2, area_faults(data));
	check_equal(c, "faults on the constant page", 3, area_faults(constant));
	check_equal(c, "faults on the code page", 2, area_faults(code));
	check_fault(c, p, 0, FAULT_NOWHERE, U | I, FAULTS_BYTE);
	check_fault(c, p, 3, FAULT_SUPERVISOR, P | U | I, kernel_segments[0].start + FAULTS_BYTE);

	check_ring0(c, p);
	if (c->failed)
		return;
	process_wake(p, 0);
	schedule_run();
	check_exited(c, p, 0);
	for (uint64_t how = 0; how < DIE_WAYS && !c->failed; how++)
		check_death(c, how);
	check_ok(c, "caught=%u killed=%u smep=%s smap=%s", FAULTS_CAUGHT, DIE_WAYS,
		 cpu->smep ? "on" : "no", cpu->smap ? "on" : "no");
}
