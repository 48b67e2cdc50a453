/* SPDX-License-Identifier: MIT */
/* Workloads in all modes, in turns: see lab.h for what this is and is not. */
#include "bench/lab.h"

#include "clock.h"
#include "error.h"
#include "machine.h"
#include "sandbox/apart.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

const char *const lab_column_names[LAB_COLUMNS] = {
	[LAB_HW] = "hw", [LAB_UNSYNC] = "unsync", [LAB_WP] = "wp", [LAB_VTLB] = "vtlb"};

static const struct pn_config configs[LAB_COLUMNS] = {
	[LAB_HW] = {.mode = PN_MODE_HW},
	[LAB_UNSYNC] = {.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_UNSYNC},
	[LAB_WP] = {.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_WP},
	[LAB_VTLB] = {.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_VTLB},
};

#define MANY (UINT64_C(1) << 30)

const struct lab_workload lab_workloads[] = {
	{"syscall", "SYSCALL and SYSRET", "syscall", 0, 256, MANY, 16 * MIB, true},
	{"exit", "OUT", "exit", 0, 256, MANY, 16 * MIB, true},
	{"touch-cold", "first write to a page", "touch-cold", 0, 512, 16384, 128 * MIB, true},
	{"touch-warm", "read of a page, 4 MiB of them", "touch-warm", 1024, 1024, MANY, 16 * MIB,
	 true},
	{"chase-seq/64M", "next pointer, pages in order", "chase-seq", 16384, 16384, MANY, 96 * MIB,
	 true},
	{"chase-4k/1M", "next pointer, random, 4 KiB pages", "chase-4k", 256, 256, MANY, 16 * MIB,
	 true},
	{"chase-4k/16M", "next pointer, random, 4 KiB pages", "chase-4k", 4096, 4096, MANY,
	 32 * MIB, true},
	{"chase-4k/256M", "next pointer, random, 4 KiB pages", "chase-4k", 65536, 65536, MANY,
	 384 * MIB, true},
	{"chase-2m/256M", "next pointer, random, 2 MiB pages", "chase-2m", 65536, 65536, MANY,
	 384 * MIB, true},
	{"chase-4k/1G", "next pointer, random, 4 KiB pages", "chase-4k", 262144, 262144, MANY,
	 1280 * MIB, false},
	{"chase-2m/1G", "next pointer, random, 2 MiB pages", "chase-2m", 262144, 262144, MANY,
	 1280 * MIB, false},
	{"chase-1g/1G", "next pointer, random, a 1 GiB page", "chase-1g", 262144, 262144, MANY,
	 2304 * MIB, false},
	{"pte-churn", "another frame, INVLPG, a read", "pte-churn", 0, 72, MANY, 16 * MIB, true},
	{"upper-churn", "another leaf table, INVLPG, a read", "upper-churn", 0, 72, MANY, 16 * MIB,
	 true},
	{"protect-storm", "read-only, the write's fault, back", "protect-storm", 0, 256, MANY,
	 16 * MIB, true},
	{"alloc-touch-free", "fault on a page, given back", "alloc-touch-free", 0, 64, MANY,
	 16 * MIB, true},
	{"mmap-munmap", "1 MiB mapped, read, unmapped", "mmap-munmap", 0, 2, MANY, 16 * MIB, true},
	{"cr3-switch/2", "MOV to CR3, 8 pages read", "cr3-switch", 2, 64, MANY, 16 * MIB, true},
	{"cr3-switch/8", "MOV to CR3, 8 pages read", "cr3-switch", 8, 64, MANY, 16 * MIB, true},
	{"cr3-switch/64", "MOV to CR3, 8 pages read", "cr3-switch", 64, 128, MANY, 16 * MIB, true},
	{"fork-cow", "a page of a fork, both write", "fork-cow", 0, 64, MANY, 16 * MIB, true},
	{"spawn-exit", "space made, 8 pages written, gone", "spawn-exit", 0, 16, MANY, 16 * MIB,
	 true},
	{"mixed", "a request to a small server", "mixed", 0, 64, MANY, 16 * MIB, true},
	{NULL, NULL, NULL, 0, 0, 0, 0, false},
};

/* A machine that does rounds. */
struct seat {
	struct pn_machine *m;
	gpa_t lab; /* struct lab of the guest, GVA = GPA */
	char words[64];
	bool at_mark;
};

/* A round: its time, and the counters at its ends. */
struct turn {
	uint64_t ns, ticks;
	struct counts counts;
};

/* The guest's marks stop it; its other bytes are work. */
static void on_console(void *arg, const char *bytes, size_t len)
{
	struct seat *seat = arg;

	for (size_t i = 0; i < len; i++)
		if (bytes[i] == '|') {
			seat->at_mark = true;
			pn_stop(seat->m);
		}
}

static int run_to_mark(struct seat *seat, struct pn_error *err)
{
	struct pn_result end;
	int code;

	seat->at_mark = false;
	code = pn_run(seat->m, &end, err);
	if (code)
		return code;
	if (end.end != PN_END_STOPPED || !seat->at_mark)
		return pn_fail(err, PN_ERR_STATE, "paging.elf %s: %s", seat->words, end.reason);
	return PN_OK;
}

/* From the mark that ends a round to the one that ends the next. */
static int take_turn(struct seat *seat, uint64_t n, struct turn *turn, struct pn_error *err)
{
	struct counts before, after;
	uint64_t begin;
	int code;

	*turn = (struct turn){.ns = 0};
	if (pn_write(seat->m, seat->lab, &n, sizeof(n)))
		return pn_fail(err, PN_ERR_STATE, "paging.elf: its lab is not in memory");
	code = run_to_mark(seat, err);
	if (code)
		return code;
	before = counts_read(seat->m);
	begin = clock_ns();
	code = run_to_mark(seat, err);
	turn->ns = clock_ns() - begin;
	if (code)
		return code;
	after = counts_read(seat->m);
	turn->counts = counts_between(&before, &after);
	return pn_read(seat->m, seat->lab + sizeof(n), &turn->ticks, sizeof(turn->ticks))
		       ? pn_fail(err, PN_ERR_STATE, "paging.elf: its lab is not in memory")
		       : PN_OK;
}

static int sit_down(struct seat *seat, const struct lab_workload *w, enum lab_column column,
		    const char *guest, struct pn_error *err)
{
	struct pn_config c = configs[column];
	gva_t lab;
	int code;

	snprintf(seat->words, sizeof(seat->words), "lab %s %" PRIu64, w->guest, w->size);
	c.cmdline = seat->words;
	c.console = on_console;
	c.console_arg = seat;
	c.ram_size = w->ram;
	seat->m = pn_machine_create(&c, err);
	if (!seat->m)
		return err->code;
	code = pn_load_elf(seat->m, guest, err);
	if (!code && !pn_symbol(seat->m, "lab", &lab))
		code = pn_fail(err, PN_ERR_STATE, "%s: it has no symbol lab", guest);
	if (!code)
		seat->lab = lab;
	return code;
}

/* The counts: what n operations more cost. */
static int count(struct seat *seat, const struct lab_workload *w, struct lab_cell *cell,
		 struct pn_error *err)
{
	struct turn turn[COUNT_ROUNDS];

	for (unsigned i = 0; i < COUNT_ROUNDS; i++) {
		int code = take_turn(seat, i < 2 ? w->count : 2 * w->count, &turn[i], err);

		if (code)
			return code;
	}
	for (unsigned c = 0; c < COUNTS; c++)
		cell->count[c] = ((double)turn[2].counts.n[c] - (double)turn[1].counts.n[c]) /
				 (double)w->count;
	return PN_OK;
}

/* Doubles until a round is long enough; that is warming up as well. */
static int calibrate(struct seat *seat, const struct lab_workload *w, uint64_t long_enough,
		     struct lab_cell *cell, struct pn_error *err)
{
	struct turn turn;
	int code;

	for (cell->n = w->count;; cell->n *= 2) {
		code = take_turn(seat, cell->n, &turn, err);
		if (code || turn.ns >= long_enough || cell->n * 2 > w->most)
			return code;
	}
}

static int measure(struct seat *seat, struct lab_cell *cell, struct pn_error *err)
{
	struct turn turn;
	int code = take_turn(seat, cell->n, &turn, err);

	if (code)
		return code;
	sample_add(&cell->ns, (double)turn.ns / (double)cell->n);
	sample_add(&cell->ticks, (double)turn.ticks / (double)cell->n);
	return PN_OK;
}

static uint64_t shadow_peak(const struct pn_machine *m)
{
	return m->vcpu.deprivileged
		       ? shadow_stats(m->vcpu.deprivileged->shadow).frames_peak * PAGE_SIZE
		       : 0;
}

struct job {
	struct lab_result result;
	const struct lab_workload *w;
	const struct lab_request *q;
};

static bool has_column(const struct job *job, unsigned i)
{
	return job->q->columns >> i & 1;
}

static int do_rounds(struct job *job, struct seat *seats, struct pn_error *err)
{
	struct lab_cell *cells = job->result.cell;
	int code = PN_OK;

	for (unsigned i = 0; i < LAB_COLUMNS && !code; i++) {
		if (!has_column(job, i))
			continue;
		code = run_to_mark(&seats[i], err);
		if (!code)
			code = count(&seats[i], job->w, &cells[i], err);
		if (!code)
			code = calibrate(&seats[i], job->w, job->q->long_enough, &cells[i], err);
	}
	for (unsigned round = 0; round < job->q->rounds; round++)
		for (unsigned i = 0; i < LAB_COLUMNS && !code; i++)
			if (has_column(job, i))
				code = measure(&seats[i], &cells[i], err);
	for (unsigned i = 0; i < LAB_COLUMNS && !code; i++)
		if (has_column(job, i))
			cells[i].shadow_peak = shadow_peak(seats[i].m);
	return code;
}

static int work(void *arg, struct pn_error *err)
{
	struct job *job = arg;
	struct seat seats[LAB_COLUMNS] = {{.m = NULL}};
	struct sandbox sandbox;
	int code = PN_OK;

	for (unsigned i = 0; i < LAB_COLUMNS && !code; i++)
		if (has_column(job, i))
			code = sit_down(&seats[i], job->w, i, job->q->guest, err);
	if (!code)
		code = sandbox_enter(&sandbox, job->q->sandbox, err);
	if (!code)
		code = do_rounds(job, seats, err);
	for (unsigned i = 0; i < LAB_COLUMNS; i++)
		if (seats[i].m)
			pn_machine_destroy(seats[i].m);
	return code;
}

int lab_run(struct lab_result *r, const struct lab_workload *w, const struct lab_request *q,
	    struct pn_error *err)
{
	struct job job = {.w = w, .q = q};
	int code = sandbox_apart(work, &job, sizeof(job), err);

	*r = job.result;
	return code;
}
