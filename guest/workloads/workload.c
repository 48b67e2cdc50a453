/* SPDX-License-Identifier: MIT */
/*
 * The table of workloads, and what is the same for all: the command line, the end of a run, and
 * the check that no frame has been lost.
 */
#include "workload.h"

#include "console.h"
#include "flush.h"
#include "frames.h"
#include "string.h"
#include "tables.h"

#define SEED                     \
	{                        \
		1, 0, UINT64_MAX \
	}

const struct workload workloads[] = {
	{
		.name = "touch",
		.summary = "demand-zero: each page faults once, on a read or a write",
		.in_all = true,
		.bounds = {[PARAM_PAGES] = {128, 2, 65536}, [PARAM_SEED] = SEED},
		.run = run_touch,
	},
	{
		.name = "warm",
		.summary = "pages touched again: no faults; accessed and dirty bits come back",
		.in_all = true,
		.bounds = {[PARAM_PAGES] = {64, 16, 65536},
			   [PARAM_ROUNDS] = {4, 1, 1000000},
			   [PARAM_SEED] = SEED},
		.run = run_warm,
	},
	{
		.name = "file",
		.summary = "pages filled from a file on the first fault; private once written",
		.in_all = true,
		.bounds = {[PARAM_PAGES] = {32, 2, 16384}, [PARAM_SEED] = SEED},
		.run = run_file,
	},
	{
		.name = "remap",
		.summary = "another frame at the same GVA, with each way to flush",
		.in_all = true,
		.bounds = {[PARAM_PAGES] = {16, 1, 8192},
			   [PARAM_ROUNDS] = {6, 1, 100000},
			   [PARAM_SEED] = SEED},
		.run = run_remap,
	},
	{
		.name = "protect",
		.summary = "read-only and no-execute, taken away and given back",
		.in_all = true,
		.bounds = {[PARAM_PAGES] = {16, 2, 8192},
			   [PARAM_ROUNDS] = {2, 1, 100000},
			   [PARAM_SEED] = SEED},
		.run = run_protect,
	},
	{
		.name = "fork",
		.summary = "copy-on-write: everybody writes, nobody sees it of another",
		.in_all = true,
		.bounds = {[PARAM_PAGES] = {16, 1, 4096},
			   [PARAM_PROCS] = {2, 1, 16},
			   [PARAM_SEED] = SEED},
		.run = run_fork,
	},
	{
		.name = "switch",
		.summary = "processes in turn, the same GVAs, each with its own contents",
		.in_all = true,
		.bounds = {[PARAM_PAGES] = {4, 1, 1024},
			   [PARAM_PROCS] = {4, 1, 32},
			   [PARAM_ROUNDS] = {16, 1, 100000},
			   [PARAM_SEED] = SEED},
		.run = run_switch,
	},
	{
		.name = "spawn",
		.summary = "address spaces built and torn down; no frame is lost",
		.in_all = true,
		.bounds = {[PARAM_PAGES] = {4, 1, 1024},
			   [PARAM_ROUNDS] = {8, 1, 100000},
			   [PARAM_SEED] = SEED},
		.run = run_spawn,
	},
	{
		.name = "huge",
		.summary = "pages of 2 MiB (level=2) and 1 GiB (level=3), split; 0: those that fit",
		.in_all = true,
		.bounds = {[PARAM_LEVEL] = {0, 0, 3}, [PARAM_SEED] = SEED},
		.run = run_huge,
	},
	{
		.name = "user",
		.summary = "ring 3: system calls, and one fault of each kind",
		.in_all = true,
		.run = run_user,
	},
	{
		.name = "spin",
		.summary = "never ends: ring 3 loops",
		.run = run_spin,
	},
	{
		.name = "mmio",
		.summary = "reads a GPA outside RAM",
		.bounds = {[PARAM_GPA] = {0xe0000000, 0x1000, 0x7fffffffff}},
		.run = run_mmio,
	},
	{
		.name = "triple",
		.summary = "an exception without an IDT",
		.run = run_triple,
	},
	{
		.name = "halt",
		.summary = "HLT with interrupts off",
		.run = run_halt,
	},
	{
		.name = "exit",
		.summary = "ends with status=",
		.bounds = {[PARAM_STATUS] = {0, 0, PN_STATUS_MAX}},
		.run = run_exit,
	},
	{
		.name = "panic",
		.summary = "the kernel reads through a null pointer",
		.run = run_panic,
	},
	{
		.name = "overflow",
		.summary = "the kernel's stack overflows",
		.run = run_overflow,
	},
	{.name = NULL},
};

static const struct bounds all_bounds[PARAM_COUNT] = {[PARAM_SEED] = SEED};

/*
 * Runs one, between two marks (the workload's place in the table from 1; value 0: begins, 1: has
 * ended).
 */
static enum status run(const struct workload *w, const struct params *params)
{
	struct check c = {.name = w->name};
	uint32_t mark = (uint32_t)(w - workloads) + 1;
	uint64_t before = frames_free();

	host_mark(mark, 0);
	w->run(&c, params);
	process_release_all();
	if (!c.failed) {
		check_equal(&c, "free frames at the end", before, frames_free());
		check_equal(&c, "the loaded root at the end", tables_kernel_root(), flush_root());
	}
	host_mark(mark, 1);
	if (c.unfit)
		return STATUS_USAGE;
	return c.failed ? STATUS_CHECK_FAILED : STATUS_OK;
}

static enum status run_all(const char *text)
{
	struct params given;
	unsigned ok = 0, failed = 0;

	if (!params_parse("all", text, all_bounds, &given))
		return STATUS_USAGE;
	for (const struct workload *w = workloads; w->name; w++) {
		struct params params;

		if (!w->in_all)
			continue;
		params_parse(w->name, "", w->bounds, &params);
		params.value[PARAM_SEED] = given.value[PARAM_SEED];
		if (run(w, &params) == STATUS_OK)
			ok++;
		else
			failed++;
	}
	kprintf("%-8s %s  workloads=%u failed=%u\n", "all", failed ? "FAILED" : "ok", ok + failed,
		failed);
	return failed ? STATUS_CHECK_FAILED : STATUS_OK;
}

static enum status help(void)
{
	kprintf("WORKLOAD [name=value ...]; without one: all\n");
	kprintf("%-8s  every workload up to \"user\", with its defaults. Parameters:", "all");
	params_print(all_bounds);
	kprintf("\n");
	for (const struct workload *w = workloads; w->name; w++) {
		kprintf("%-8s  %s. Parameters:", w->name, w->summary);
		params_print(w->bounds);
		kprintf("\n");
	}
	return STATUS_OK;
}

enum status workload_main(const char *cmdline)
{
	const char *rest = cmdline;
	size_t len = 0;

	while (cmdline[len] && cmdline[len] != ' ')
		len++;
	rest += len;
	if (len == 0 || string_is(cmdline, len, "all"))
		return run_all(rest);
	if (string_is(cmdline, len, "help"))
		return help();
	for (const struct workload *w = workloads; w->name; w++) {
		struct params params;

		if (!string_is(cmdline, len, w->name))
			continue;
		if (!params_parse(w->name, rest, w->bounds, &params))
			return STATUS_USAGE;
		return run(w, &params);
	}
	kprintf("pagelab: there is no workload \"");
	for (size_t i = 0; i < len; i++)
		kprintf("%c", cmdline[i]);
	kprintf("\"; there are: all help");
	for (const struct workload *w = workloads; w->name; w++)
		kprintf(" %s", w->name);
	kprintf("\n");
	return STATUS_USAGE;
}
