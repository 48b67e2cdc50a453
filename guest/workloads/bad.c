/* SPDX-License-Identifier: MIT */
/*
 * Guests that a VMM must be able to deal with: those that never end, end as told, or end in a way
 * they should not. None of them is in `all`.
 */
#include "cpu.h"
#include "host.h"
#include "kernel_map.h"
#include "schedule.h"
#include "workload.h"

void run_spin(struct check *c, const struct params *params)
{
	(void)params;
	if (check_create(c, PROGRAM_SPIN, 0, 0, 0, 0))
		schedule_run();
}

void run_mmio(struct check *c, const struct params *params)
{
	const gpa_t gpa = params->value[PARAM_GPA];

	if (!check_true(c, "gpa= is RAM", !tables_path(tables_kernel_root(), gpa).leaf)) {
		c->unfit = true;
		return;
	}
	kernel_map_device(gpa);
	/* Where the host lets this go on, it has answered. */
	check_ok(c, "gpa=0x%lx value=0x%x", gpa, *(volatile uint32_t *)kernel_pointer(gpa));
}

void run_triple(struct check *c, const struct params *params)
{
	(void)c;
	(void)params;
	cpu_forget_idt();
	__asm__ volatile("ud2");
}

void run_halt(struct check *c, const struct params *params)
{
	(void)c;
	(void)params;
	for (;;)
		__asm__ volatile("cli\n\thlt");
}

void run_exit(struct check *c, const struct params *params)
{
	(void)c;
	host_exit((unsigned)params->value[PARAM_STATUS]);
}

void run_panic(struct check *c, const struct params *params)
{
	(void)c;
	(void)params;
	__asm__ volatile("movb 0, %%al" : : : "rax");
}

void run_overflow(struct check *c, const struct params *params)
{
	(void)c;
	(void)params;
	__asm__ volatile("1:\n\tpush %rax\n\tjmp 1b");
}
