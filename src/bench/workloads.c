/* SPDX-License-Identifier: MIT */
/* Counts of whole workloads: see workloads.h. */
#include "bench/workloads.h"

#include "error.h"
#include "machine.h"
#include "sandbox/apart.h"

#define EXITS_MAX 10000000

const char *const workload_names[] = {"touch",	"warm",	 "file", "remap", "protect", "fork",
				      "switch", "spawn", "huge", "user",  NULL};

/* A whole run, and what it comes to. */
struct job {
	struct counts counts;
	const char *words, *guest;
	const struct pn_config *config;
	const struct sandbox_options *sandbox;
};

static int work(void *arg, struct pn_error *err)
{
	struct job *job = arg;
	struct pn_config c = *job->config;
	struct sandbox sandbox;
	struct pn_machine *m;
	struct pn_result end;
	int code;

	c.cmdline = job->words;
	c.max_exits = EXITS_MAX;
	m = pn_machine_create(&c, err);
	if (!m)
		return err->code;
	code = pn_load_elf(m, job->guest, err);
	if (!code)
		code = sandbox_enter(&sandbox, job->sandbox, err);
	if (!code)
		code = pn_run(m, &end, err);
	if (!code && (end.end != PN_END_STATUS || end.status != 0))
		code = pn_fail(err, PN_ERR_STATE, "pagelab.elf %s: %s", job->words, end.reason);
	if (!code)
		job->counts = counts_read(m);
	pn_machine_destroy(m);
	return code;
}

int workload_count(struct counts *c, const char *words, unsigned times,
		   const struct pn_config *config, const char *guest,
		   const struct sandbox_options *sandbox, struct pn_error *err)
{
	struct job job = {.words = words, .guest = guest, .config = config, .sandbox = sandbox};
	int code = sandbox_apart(work, &job, sizeof(job), err);

	*c = job.counts;
	while (!code && --times) {
		code = sandbox_apart(work, &job, sizeof(job), err);
		if (!code && job.counts.n[COUNT_KVM] < c->n[COUNT_KVM])
			c->n[COUNT_KVM] = job.counts.n[COUNT_KVM];
	}
	return code;
}
