/* SPDX-License-Identifier: MIT */
/* Counts of whole workloads: see workloads.h. */
#include "bench/workloads.h"

#include "error.h"
#include "machine.h"

#define EXITS_MAX 10000000

const char *const workload_names[] = {"touch",	"warm",	 "file", "remap", "protect", "fork",
				      "switch", "spawn", "huge", "user",  NULL};

/* A whole run. */
static int run(struct counts *counts, const char *words, const struct pn_config *config,
	       const char *guest, struct pn_error *err)
{
	struct pn_config c = *config;
	struct pn_machine *m;
	struct pn_result end;
	int code;

	c.cmdline = words;
	c.max_exits = EXITS_MAX;
	m = pn_machine_create(&c, err);
	if (!m)
		return err->code;
	code = pn_load_elf(m, guest, err);
	if (!code)
		code = pn_run(m, &end, err);
	if (!code && (end.end != PN_END_STATUS || end.status != 0))
		code = pn_fail(err, PN_ERR_STATE, "pagelab.elf %s: %s", words, end.reason);
	if (!code)
		*counts = counts_read(m);
	pn_machine_destroy(m);
	return code;
}

int workload_count(struct counts *c, const char *words, unsigned times,
		   const struct pn_config *config, const char *guest, struct pn_error *err)
{
	struct counts next = {0};
	int code = run(c, words, config, guest, err);

	while (!code && --times) {
		code = run(&next, words, config, guest, err);
		if (!code && next.n[COUNT_KVM] < c->n[COUNT_KVM])
			c->n[COUNT_KVM] = next.n[COUNT_KVM];
	}
	return code;
}
