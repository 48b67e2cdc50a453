/* SPDX-License-Identifier: MIT */
/* What came of a campaign: the result of a shard as JSON, and as lines for people. */
#include "cli/fuzz/fuzz.h"
#include "cli/json_make.h"
#include "fuzz/deviations.h"
#include "kvm/vendor.h"

#include <inttypes.h>
#include <string.h>

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *operations_json(const struct fuzz_counts *n)
{
	json_t *o = json_object();

	for (unsigned k = 0; k < FUZZ_KINDS; k++)
		if (n->done[k])
			o = json_with(o, fuzz_kind_name((enum fuzz_kind)k), number(n->done[k]));
	return o;
}

static json_t *deviations_json(unsigned deviations)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < FUZZ_DEVIATIONS; i++)
		if (deviations >> i & 1)
			a = json_and(a, json_string(fuzz_deviations[i].name));
	return a;
}

static json_t *mode_json(const struct fuzz_campaign *c, unsigned mode)
{
	const struct fuzz_counts *n = &c->counts[mode];

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "programs",
			 number(n->programs), "steps", number(n->steps), "skipped",
			 number(n->skipped), "user", number(n->user), "faults", number(n->faults),
			 "open", number(n->open), "old", number(n->old), "toggles",
			 number(n->toggles), "exits", number(n->exits), "operations",
			 operations_json(n), "deviations", deviations_json(c->deviations[mode]));
}

static json_t *found_json(const struct fuzz_found *f)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:s}", "mode", fuzz_modes[f->mode].name, "program",
			 number(f->program), "why", f->why, "lines", number(f->steps), "case",
			 f->text ? f->text : "");
}

json_t *fuzz_result_json(const struct fuzz_campaign *c, double seconds)
{
	json_t *modes = json_object(), *founds = json_array();

	for (unsigned i = 0; i < FUZZ_MODES; i++)
		if (c->modes >> i & 1)
			modes = json_with(modes, fuzz_modes[i].name, mode_json(c, i));
	for (unsigned i = 0; i < c->founds; i++)
		founds = json_and(founds, found_json(&c->found[i]));
	return json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:f, s:o, s:o}",
			 "format", 1, "penumbra", PN_VERSION, "host",
			 pn_paging_name(kvm_vendor_paging()), "seed", number(c->seed), "steps",
			 number(c->steps), "shard", number(c->shard), "shards", number(c->shards),
			 "programs", number(fuzz_shard_programs(c)), "done", number(c->done),
			 "stopped", c->stopped, "seconds", seconds, "modes", modes, "divergences",
			 founds);
}

/* --- For people ----------------------------------------------------------------------------- */

static uint64_t get(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

void fuzz_print_head(void)
{
	printf("%-14s %9s %9s %9s %8s %8s %8s %5s\n", "mode", "steps", "accesses", "faults", "open",
	       "by old", "toggles", "wrong");
}

void fuzz_print_mode(const char *host, const char *mode, const json_t *counts, uint64_t divergences)
{
	const json_t *done = json_object_get(counts, "operations");
	uint64_t accesses = get(done, "read") + get(done, "write") + get(done, "fetch");

	if (host)
		printf("%s\n", host);
	printf("%-14s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64
	       " %5" PRIu64 "\n",
	       mode, get(counts, "steps"), accesses, get(counts, "faults"), get(counts, "open"),
	       get(counts, "old"), get(counts, "toggles"), divergences);
}

void fuzz_print_founds(const json_t *divergences)
{
	const json_t *f;
	size_t i;

	json_array_foreach(divergences, i, f)
	{
		printf("\n%s", json_string_value(json_object_get(f, "case")));
	}
}
