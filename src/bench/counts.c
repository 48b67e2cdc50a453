/* SPDX-License-Identifier: MIT */
/* Counts per paging operation: see counts.h for what this is and is not. */
#include "bench/counts.h"

#include "error.h"
#include "kvm/stats.h"
#include "machine.h"
#include "sandbox/apart.h"

#include <stdio.h>

/* Far more than any operation takes: what goes on is wrong. */
#define EXITS_MAX 1000000

#define MARKS	  (2 * COUNT_ROUNDS)

const char *const count_names[COUNTS] = {
	[COUNT_EXITS] = "exits",
	[COUNT_HIDDEN] = "hidden_faults",
	[COUNT_GUEST_FAULTS] = "guest_faults",
	[COUNT_TABLE_WRITES] = "table_writes",
	[COUNT_KVM] = "kvm_exits",
};

/* One page table maps 512 pages: what works on fresh pages has 4n of them. */
const struct count_operation count_operations[] = {
	{"syscall", "SYSCALL and SYSRET", "syscall", 64, ROW_EACH},
	{"iretq", "IRETQ", "iretq", 64, ROW_EACH},
	{"cr2", "MOV from CR2", "cr2", 64, ROW_EACH},
	{"cli", "CLI and STI", "cli", 64, ROW_EACH},
	{"cr3", "CR3 write, 8 spaces", "cr3", 64, ROW_EACH},
	{"switch", "same, by SYSCALL", "switch", 64, ROW_EACH},
	{"invlpg", "INVLPG", "invlpg", 64, ROW_EACH},
	{"invlpg-touch", "INVLPG, page read", "invlpg-touch", 64, ROW_EACH},
	{"store", "PTE store, page read", "store", 72, ROW_EACH},
	{"remap", "same, with INVLPG", "remap", 72, ROW_EACH},
	{"rewrite", "512 PTE stores, flush", "rewrite", 8, ROW_EACH},
	{"rewrite-touch", "same, 512 pages read", "rewrite-touch", 8, ROW_EACH},
	{"hidden", "first access, A clear", "hidden", 128, ROW_EACH},
	{"clean", "first write, D clear", "clean", 128, ROW_EACH},
	{"fill", "512 pages, A set, cold", "fill", 2, ROW_EACH},
	{"demand", "demand-zero fault", "demand", 128, ROW_EACH},
	{"demand-cr2", "same, CR2 read", "demand-cr2", 128, ROW_EACH},
	{"fork-page", "fork, for each page", "fork", 64, ROW_EACH},
	{"fork", "fork, but for pages", "fork", 64, ROW_PER_RUN},
	{NULL, NULL, NULL, 0, ROW_EACH},
};

struct counts counts_between(const struct counts *before, const struct counts *after)
{
	struct counts d;

	for (unsigned i = 0; i < COUNTS; i++)
		d.n[i] = after->n[i] - before->n[i];
	return d;
}

double counts_figure(const struct counts_result *r, const struct count_operation *op, enum count c)
{
	double once = (double)r->round[1].n[c], twice = (double)r->round[2].n[c];

	if (op->row == ROW_PER_RUN)
		return 2 * once - twice - (c == COUNT_EXITS);
	return (twice - once) / op->n;
}

uint64_t counts_exits(const struct counts_result *r, unsigned round)
{
	return r->round[round].n[COUNT_EXITS] - 1;
}

struct counts counts_read(const struct pn_machine *m)
{
	struct counts c = {.n[COUNT_EXITS] = m->vcpu.history.total};
	struct kvm_stats s;

	if (m->vcpu.deprivileged) {
		struct shadow_stats shadow = shadow_stats(m->vcpu.deprivileged->shadow);

		c.n[COUNT_HIDDEN] = shadow.hidden_faults;
		c.n[COUNT_GUEST_FAULTS] = shadow.guest_faults;
		c.n[COUNT_TABLE_WRITES] = shadow.table_writes;
	}
	if (!kvm_stats_read(m->vcpu.fd, &s, NULL)) {
		c.n[COUNT_KVM] = kvm_stats_get(&s, "exits", 0) - kvm_stats_get(&s, "irq_exits", 0);
		kvm_stats_free(&s);
	}
	return c;
}

/* What the marks have found. */
struct marks {
	const struct pn_machine *m;
	unsigned count; /* those past MARKS are counted and not kept */
	struct counts at[MARKS];
};

static void on_console(void *arg, const char *bytes, size_t len)
{
	struct marks *marks = arg;

	(void)bytes;
	while (len--) {
		if (marks->count < MARKS)
			marks->at[marks->count] = counts_read(marks->m);
		marks->count++;
	}
}

static int run(struct pn_machine *m, const char *what, const struct marks *marks,
	       struct pn_error *err)
{
	struct pn_result end;
	int code = pn_run(m, &end, err);

	if (code)
		return code;
	if (end.end != PN_END_STATUS || end.status != 0 || marks->count != MARKS)
		return pn_fail(err, PN_ERR_STATE, "paging.elf %s: %s, after %u of %u marks", what,
			       end.reason, marks->count, MARKS);
	return PN_OK;
}

/* What a run is made of, and comes to. */
struct job {
	struct counts_result result;
	const struct count_operation *op;
	const struct pn_config *config;
	const char *guest;
	const struct sandbox_options *sandbox;
};

static int work(void *arg, struct pn_error *err)
{
	struct job *job = arg;
	struct pn_config c = *job->config;
	struct marks marks = {.count = 0};
	struct sandbox sandbox;
	struct pn_machine *m;
	char words[64];
	int code;

	snprintf(words, sizeof(words), "%s %u", job->op->guest, job->op->n);
	c.cmdline = words;
	c.console = on_console;
	c.console_arg = &marks;
	c.max_exits = EXITS_MAX;
	m = pn_machine_create(&c, err);
	if (!m)
		return err->code;
	marks.m = m;
	code = pn_load_elf(m, job->guest, err);
	if (!code)
		code = sandbox_enter(&sandbox, job->sandbox, err);
	if (!code)
		code = run(m, words, &marks, err);
	pn_machine_destroy(m);
	for (size_t i = 0; !code && i < COUNT_ROUNDS; i++)
		job->result.round[i] = counts_between(&marks.at[2 * i], &marks.at[2 * i + 1]);
	return code;
}

int counts_run(struct counts_result *r, const struct count_operation *op,
	       const struct pn_config *config, const char *guest,
	       const struct sandbox_options *sandbox, struct pn_error *err)
{
	struct job job = {.op = op, .config = config, .guest = guest, .sandbox = sandbox};
	int code = sandbox_apart(work, &job, sizeof(job), err);

	*r = job.result;
	return code;
}

int counts_run_quiet(struct counts_result *r, unsigned times, const struct count_operation *op,
		     const struct pn_config *config, const char *guest,
		     const struct sandbox_options *sandbox, struct pn_error *err)
{
	struct counts_result next = {0};
	int code = counts_run(r, op, config, guest, sandbox, err);

	while (!code && --times) {
		code = counts_run(&next, op, config, guest, sandbox, err);
		for (unsigned i = 0; !code && i < COUNT_ROUNDS; i++) {
			uint64_t *least = &r->round[i].n[COUNT_KVM];

			if (next.round[i].n[COUNT_KVM] < *least)
				*least = next.round[i].n[COUNT_KVM];
			for (unsigned c = 0; c < COUNT_KVM; c++)
				if (next.round[i].n[c] != r->round[i].n[c])
					return pn_fail(err, PN_ERR_STATE,
						       "paging.elf %s: two runs differ in %s",
						       op->guest, count_names[c]);
		}
	}
	return code;
}
