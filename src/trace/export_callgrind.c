/* SPDX-License-Identifier: MIT */
/*
 * Callgrind's profile format 1: what each function of the guest has cost, by kind of event. There
 * are no source lines and no calls: each function is one cost line, at line 0.
 */
#include "trace/export.h"

#include <inttypes.h>

/* The columns, in the order of "events:". */
enum { GUEST_FAULTS, HIDDEN_FAULTS, FLUSHES, COST_NS, EVENTS };

static void add(uint64_t *cost, const struct tally_entry *e)
{
	switch (export_key_type(e->key)) {
	case PN_TRACE_GUEST_FAULT: cost[GUEST_FAULTS] += e->count; break;
	case PN_TRACE_HIDDEN_FAULT: cost[HIDDEN_FAULTS] += e->count; break;
	case PN_TRACE_FLUSH: cost[FLUSHES] += e->count; break;
	default: break;
	}
	cost[COST_NS] += e->sum;
}

static void print_costs(FILE *out, const char *before, const uint64_t *cost)
{
	fprintf(out, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", before,
		cost[GUEST_FAULTS], cost[HIDDEN_FAULTS], cost[FLUSHES], cost[COST_NS]);
}

static void end(struct trace_export *x)
{
	const struct tally *t = &x->tally;
	uint64_t total[EVENTS] = {0};
	char name[SYMBOL_NAME_MAX + 1];

	tally_sort_by_key(&x->tally);
	for (size_t i = 0; i < t->used; i++)
		add(total, &t->entry[i]);
	fprintf(x->out,
		"# callgrind format\n"
		"version: 1\n"
		"creator: penumbra trace\n"
		"cmd: %s %s\n"
		"desc: Trace: %s; %" PRIu64 " events of functions that found no room are left out\n"
		"positions: line\n"
		"event: GuestFaults : Guest faults\n"
		"event: HiddenFaults : Hidden faults\n"
		"event: CostNs : Host's time in userspace, ns\n"
		"events: GuestFaults HiddenFaults Flushes CostNs\n",
		x->header->guest, x->header->cmdline, x->header->host, t->rest);
	print_costs(x->out, "summary:", total);
	fprintf(x->out, "\nob=%s\nfl=???\n", x->header->guest);
	/* Keys of one symbol stand together: its number is their upper part. */
	for (size_t i = 0; i < t->used;) {
		uint64_t cost[EVENTS] = {0}, key = t->entry[i].key;

		for (; i < t->used && t->entry[i].key >> 8 == key >> 8; i++)
			add(cost, &t->entry[i]);
		fprintf(x->out, "fn=%s\n", export_key_symbol(x, key, name, sizeof(name)));
		print_costs(x->out, "0", cost);
	}
	print_costs(x->out, "\ntotals:", total);
}

const struct trace_export_format trace_export_callgrind = {"callgrind", NULL, export_count, end};
