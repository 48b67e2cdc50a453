/* SPDX-License-Identifier: MIT */
#include "tour.h"

#include "machine/fixture.h"

#include "clock.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const access_names[CONF_ACCESSES] = {
	"user read",	  "user write",
	"user fetch",	  "kernel read",
	"kernel write",	  "kernel fetch",
	"implicit read",  "implicit read in ring 3",
	"implicit write", "implicit write in ring 3"};

static struct conf_case cases[CONF_BATCH];
static struct conf_result results[CONF_BATCH];

bool conf_tour_is_in(const struct conf_tour *t, enum pn_mode mode)
{
	return t->config.mode == mode || t->config.toggle_ns;
}

static void print_case(const struct conf_tour *t, const struct conf_case *c)
{
	static const char *const names[] = {"WP", "NXE", "SMEP", "SMAP", "PKE", "PGE", "AC", "PSE"};

	print_error("  set \"%s\", case %" PRIu64 ", %s, %u-byte-shift page\n",
		    conf_sets[c->set].name, c->index, access_names[c->access],
		    conf_shift(&t->world, c->leaf));
	if (c->first != CONF_ACCESSES)
		print_error("  after a %s\n", access_names[c->first]);
	print_error("  registers:");
	for (unsigned i = 0; i < COUNT(names); i++)
		if (c->regs >> i & 1)
			print_error(" %s", names[i]);
	print_error("; pkru %#" PRIx32 "\n", c->pkru);
	for (unsigned level = t->world.levels; level; level--)
		print_error("  level %u: %#018" PRIx64 "\n", level, c->entry[level - 1]);
}

static void print_difference(const struct conf_tour *t, const struct conf_case *c,
			     const struct conf_expected *e, const struct conf_result *r,
			     const char *what)
{
	print_error("%s: %s differs:\n", t->name, what);
	print_case(t, c);
	print_error("  walk: %s, %s\n", walk_outcome_name(e->result.outcome),
		    walk_cause_name(e->result.cause));
	print_error("  vector %u and not %u, error code %#" PRIx32 " and not %#" PRIx32
		    ", cr2 %#" PRIx64 " and not %#" PRIx64 ", page %#" PRIx64 " and not %#" PRIx64
		    "\n",
		    r->vector, e->vector, r->error, e->result.error_code, r->cr2, e->query.gva,
		    r->value, e->value);
	for (unsigned level = t->world.levels; level; level--)
		print_error("  level %u became %#018" PRIx64 " and not %#018" PRIx64 "\n", level,
			    r->entry[level - 1], e->entry[level - 1]);
}

/* Holds one result against the model. */
static void check(struct conf_tour *t, const struct conf_case *c, const struct conf_result *r)
{
	struct conf_expected e;
	const char *what;

	conf_expect(&t->model, c, &e);
	what = conf_difference(c, &e, r, t->world.levels);
	if (!what)
		return;
	if (conf_tour_is_in(t, PN_MODE_HW) && conf_is_named(c, &e, r, &t->altered, t->seen))
		return;
	t->failed++;
	if (t->told[c->set]++ < 3)
		print_difference(t, c, &e, r, what);
}

static void flush(struct conf_tour *t)
{
	uint64_t start = clock_ns(), done;

	if (!t->pending)
		return;
	if (!t->way->run(t, cases, t->pending, results, patience(), &done)) {
		print_error("%s: no end of this case, or of the batch:\n", t->name);
		print_case(t, &cases[done % CONF_BATCH]);
		fail_msg("the guest did not end in %u seconds", patience());
	}
	t->ns += clock_ns() - start;
	for (unsigned i = 0; i < t->pending; i++)
		check(t, &cases[i], &results[i]);
	t->done += t->pending;
	t->pending = 0;
}

/* What has been left out because it does not end: one of them must not. */
static void wait_for_endless(struct conf_tour *t)
{
	uint64_t done;

	if (!t->endless_count)
		return;
	print_message("  %" PRIu64 " left out: %s (%s)\n", t->endless_count, t->why->name,
		      t->why->evidence);
	/* A change of mode would end it. */
	if (t->config.toggle_ns)
		return;
	if (t->way->run(t, &t->endless, 1, results, 2, &done)) {
		print_case(t, &t->endless);
		fail_msg("%s: ends, and should not by \"%s\"", t->name, t->why->name);
	}
}

/* PENUMBRA_CONFORMANCE_EVERY=N, or N,M: one in N, in shadow mode and when changing modes one in M. */
static unsigned chosen_every(const struct conf_tour *t)
{
	const char *text = getenv("PENUMBRA_CONFORMANCE_EVERY");
	unsigned hw, others;

	switch (text ? sscanf(text, "%u,%u", &hw, &others) : 0) {
	case 1: others = hw; break;
	case 2: break;
	default: hw = others = t->every;
	}
	return conf_tour_is_in(t, PN_MODE_SHADOW) ? others : hw;
}

/* Whether a run of cases is among the one in so many: in no rhythm that a dimension could have, and
 * the same each time. Each strategy draws others. */
static bool is_drawn(const struct conf_tour *t, unsigned set, uint64_t index, unsigned every)
{
	uint64_t n =
		index / CONF_RUN + set * UINT64_C(1000) + t->config.strategy * UINT64_C(100003);

	return (n * UINT64_C(0x9e3779b97f4a7c15) >> 32) % every == 0;
}

/* Whether the host would not come back from a case, or go where nobody knows. Counts it. */
static bool is_beyond_host(struct conf_tour *t, const struct conf_case *c,
			   const struct conf_expected *e)
{
	const struct conf_deviation *why = conf_endless(c, e);

	if (!why) {
		bool away = conf_leads_away(c, e, &t->altered, t->config.toggle_ns);

		t->led_away += away;
		return away;
	}
	t->why = why;
	if (!t->endless_count++)
		t->endless = *c;
	return true;
}

/* Puts a case into the batch if this tour is to do it. */
static void consider(struct conf_tour *t, unsigned set, uint64_t index)
{
	struct conf_case *c = &cases[t->pending];
	struct conf_expected e;

	if (!conf_set_case(&t->world, t->offered, set, index, c) || !conf_expect(&t->model, c, &e))
		return;
	/* The shadow has no such entries (docs/guest-rules.md): it ends the run. */
	if (conf_tour_is_in(t, PN_MODE_SHADOW) && conf_is_execute_only(&t->model, c)) {
		t->execute_only++;
		return;
	}
	if (conf_tour_is_in(t, PN_MODE_HW) && is_beyond_host(t, c, &e))
		return;
	/* A batch has to end in time on a busy machine, too. */
	if (++t->pending == (conf_tour_is_in(t, PN_MODE_SHADOW) ? CONF_BATCH / 4 : CONF_BATCH / 2))
		flush(t);
}

static void report(const struct conf_tour *t, unsigned chosen)
{
	print_message("%s: %" PRIu64 " cases (one in %u) in %.1f s, %" PRIu64 " failed\n", t->name,
		      t->done, chosen, (double)t->ns / 1e9, t->failed);
	if (t->execute_only)
		print_message("  %" PRIu64 " left out: code that can be run and not read"
			      " (docs/guest-rules.md)\n",
			      t->execute_only);
	if (t->led_away)
		print_message("  %" PRIu64 " left out: this host reads their tables otherwise\n",
			      t->led_away);
	for (unsigned i = 0; i < conf_deviation_count; i++)
		if (t->seen[i])
			print_message("  %" PRIu64 " times: %s (%s)\n", t->seen[i],
				      conf_deviations[i].name, conf_deviations[i].evidence);
}

void conf_tour_go(struct conf_tour *t)
{
	const char *only = getenv("PENUMBRA_CONFORMANCE_TOUR");
	unsigned chosen = chosen_every(t), denser = chosen < 8 ? 1 : chosen / 4;

	if (only && !strstr(t->name, only)) {
		print_message("skipped: PENUMBRA_CONFORMANCE_TOUR is another\n");
		skip();
	}
	t->way->explore(t);
	conf_model_init(&t->model, &t->world);
	conf_altered_init(&t->altered, &t->world);
	for (unsigned set = 0; set < conf_set_count; set++) {
		if (t->maxphyaddr && !conf_sets[set].about_bits)
			continue;
		for (uint64_t i = 0; i < conf_set_size(&conf_sets[set]); i++)
			if (is_drawn(t, set, i, conf_sets[set].about_bits ? denser : chosen))
				consider(t, set, i);
	}
	flush(t);
	conf_model_fini(&t->model);
	conf_altered_fini(&t->altered);
	report(t, chosen);
	wait_for_endless(t);
	if (t->failed)
		fail_msg("%s: %" PRIu64 " cases are not as walk() says", t->name, t->failed);
	if (!t->done && chosen == t->every)
		fail_msg("%s: no case was drawn", t->name);
}
