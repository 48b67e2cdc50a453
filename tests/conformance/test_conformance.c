/* SPDX-License-Identifier: MIT */
/*
 * Conformance: a guest does every case of cases.c, in both modes and with every strategy, and each
 * result is held against walk() (model.c): whether the access faults, the error code, CR2, the
 * accessed and dirty flags of every entry, and the page it reached.
 *
 * On a host of its own all cases are done; in a rig one in so many, drawn the same way each time.
 */
#include "cases.h"
#include "deviations.h"
#include "machine/fixture.h"
#include "machine/groups.h"

#include "clock.h"
#include "machine.h"
#include "memory/boot_tables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define GUEST "build/tests/guests/conformance.elf"

static const char *const access_names[CONF_ACCESSES] = {
	"user read",	  "user write",
	"user fetch",	  "kernel read",
	"kernel write",	  "kernel fetch",
	"implicit read",  "implicit read in ring 3",
	"implicit write", "implicit write in ring 3"};

static struct conf_case cases[CONF_BATCH];
static struct conf_result results[CONF_BATCH];

/* One way of running the cases, and what came of it. */
struct tour {
	const char *name;
	struct pn_config config;
	unsigned every; /* of the cases, one in so many */
	unsigned host_maxphyaddr;
	unsigned maxphyaddr; /* in the guest's CPUID, if not the host's; then the sets about bits */
	struct conf_world world;
	struct conf_model model, altered[CONF_DEVIATIONS];
	unsigned offered;
	unsigned pending;	  /* in cases[] */
	unsigned told[8];	  /* failures, by set: the first of each are printed */
	struct conf_case endless; /* the first that does not end, and how many there are */
	uint64_t endless_count;
	const struct conf_deviation *why;
	uint64_t done, failed, led_away, execute_only, seen[CONF_DEVIATIONS], ns;
};

/* Whether some of the cases are done in a mode. */
static bool is_in(const struct tour *t, enum pn_mode mode)
{
	return t->config.mode == mode || t->config.toggle_ns;
}

static void print_case(const struct tour *t, const struct conf_case *c)
{
	static const char *const names[] = {"WP", "NXE", "SMEP", "SMAP", "PKE", "PGE", "AC"};

	print_error("  set \"%s\", case %" PRIu64 ", %s, %u-byte-shift page\n",
		    conf_sets[c->set].name, c->index, access_names[c->access], 3 + 9 * c->leaf);
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

/* CPUID may be set anew until the vCPU has run. In shadow mode the virtual machine keeps the host's,
 * as the VMM area lies above the guest's reach. */
static void set_maxphyaddr(struct subject *s, unsigned bits, enum pn_mode mode)
{
	struct vcpu *v = &s->m->vcpu;
	struct kvm_cpuid_entry2 *sizes = kvm_cpuid_find(v->plan.cpuid, 0x80000008, 0);

	assert_non_null(sizes);
	sizes->eax = (sizes->eax & ~UINT32_C(0xff)) | bits;
	if (mode == PN_MODE_HW)
		assert_int_equal(ioctl(v->fd, KVM_SET_CPUID2, &v->plan.cpuid->list), 0);
	v->facts.maxphyaddr = bits;
}

static void load(struct subject *s, struct tour *t)
{
	int code;

	subject_make(s, &t->config);
	code = pn_load_elf(s->m, GUEST, &s->err);
	if (code == PN_ERR_HOST_LACKS && t->config.levels == 5) {
		print_message("skipped: this host has four paging levels\n");
		skip();
	}
	if (code)
		fail_msg("no guest: %s", s->err.text);
	t->host_maxphyaddr = s->m->vcpu.facts.maxphyaddr;
	if (t->maxphyaddr)
		set_maxphyaddr(s, t->maxphyaddr, t->config.mode);
}

static void run(struct subject *s, const struct tour *t)
{
	if (!subject_ends(s, patience())) {
		print_error("%s: no end of this case, or of the batch:\n", t->name);
		print_case(t, &cases[subject_read(s, subject_symbol(s, "conf_done")) % CONF_BATCH]);
		fail_msg("the guest did not end in %u seconds", patience());
	}
	if (s->result.end != PN_END_STATUS)
		fail_msg("%s\n%s", s->result.reason, s->result.report);
	CHECK_NUMBER("guest", "exit status", s->result.status, 0);
}

/* Learns from a run without cases what the guest's world is. */
static void explore(struct subject *s, struct tour *t)
{
	uint32_t offered;

	load(s, t);
	run(s, t);
	t->world = (struct conf_world){
		.levels = t->config.levels ? t->config.levels : 4,
		.tables = subject_symbol(s, "conf_tables"),
		.data = subject_symbol(s, "conf_data"),
		.maxphyaddr = s->m->vcpu.facts.maxphyaddr,
		.host_maxphyaddr = t->host_maxphyaddr,
		.has_1g = s->m->vcpu.facts.has_1g,
		.amd = s->m->vcpu.facts.amd,
	};
	t->world.root = boot_tables_root(t->world.levels);
	offered = (uint32_t)subject_read(s, subject_symbol(s, "conf_offered"));
	/* kvm_pvm takes the bits and does nothing about them, and CPL 3 has the host's own LDT
	 * (docs/hosts.md). */
	offered |= CONF_LDT;
	if (conf_host() == CONF_ON_PVM && is_in(t, PN_MODE_HW))
		offered = 0;
	t->offered = offered;
	subject_unmake(s);
}

static void print_difference(const struct tour *t, const struct conf_case *c,
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
static void check(struct tour *t, const struct conf_case *c, const struct conf_result *r)
{
	struct conf_expected e;
	const char *what;

	conf_expect(&t->model, c, &e);
	what = conf_difference(c, &e, r, t->world.levels);
	if (!what)
		return;
	if (is_in(t, PN_MODE_HW) && conf_is_named(c, &e, r, t->altered, t->seen))
		return;
	t->failed++;
	if (t->told[c->set]++ < 3)
		print_difference(t, c, &e, r, what);
}

/* Loads the guest with a batch. */
static void load_cases(struct subject *s, struct tour *t, const struct conf_case *c, uint64_t count)
{
	load(s, t);
	assert_int_equal(pn_write(s->m, subject_symbol(s, "conf_count"), &count, sizeof(count)), 0);
	assert_int_equal(pn_write(s->m, subject_symbol(s, "conf_cases"), c, count * sizeof(c[0])),
			 0);
}

static void flush(struct subject *s, struct tour *t)
{
	uint64_t count = t->pending, start;

	if (!count)
		return;
	load_cases(s, t, cases, count);
	start = clock_ns();
	run(s, t);
	t->ns += clock_ns() - start;
	assert_int_equal(pn_read(s->m, subject_symbol(s, "conf_results"), results,
				 count * sizeof(results[0])),
			 0);
	for (uint64_t i = 0; i < count; i++)
		check(t, &cases[i], &results[i]);
	t->done += count;
	t->pending = 0;
	subject_unmake(s);
}

/* What has been left out because it does not end: one of them must not. */
static void wait_for_endless(struct subject *s, struct tour *t)
{
	if (!t->endless_count)
		return;
	print_message("  %" PRIu64 " left out: %s (%s)\n", t->endless_count, t->why->name,
		      t->why->evidence);
	/* A change of mode would end it. */
	if (t->config.toggle_ns)
		return;
	load_cases(s, t, &t->endless, 1);
	if (subject_ends(s, 2)) {
		print_case(t, &t->endless);
		fail_msg("%s: ends, and should not by \"%s\"", t->name, t->why->name);
	}
	subject_unmake(s);
}

/* PENUMBRA_CONFORMANCE_EVERY=N, or N,M: one in N, in shadow mode and when changing modes one in M. */
static unsigned chosen_every(const struct tour *t)
{
	const char *text = getenv("PENUMBRA_CONFORMANCE_EVERY");
	unsigned hw, others;

	switch (text ? sscanf(text, "%u,%u", &hw, &others) : 0) {
	case 1: others = hw; break;
	case 2: break;
	default: hw = others = t->every;
	}
	return is_in(t, PN_MODE_SHADOW) ? others : hw;
}

/* Whether a run of cases is among the one in so many: in no rhythm that a dimension could have, and
 * the same each time. Each strategy draws others. */
static bool is_drawn(const struct tour *t, unsigned set, uint64_t index, unsigned every)
{
	uint64_t n =
		index / CONF_RUN + set * UINT64_C(1000) + t->config.strategy * UINT64_C(100003);

	return (n * UINT64_C(0x9e3779b97f4a7c15) >> 32) % every == 0;
}

static void init_models(struct tour *t)
{
	conf_model_init(&t->model, &t->world);
	for (unsigned i = 0; i < conf_deviation_count; i++) {
		struct conf_world world = t->world;

		if (!conf_deviations[i].alter)
			continue;
		conf_deviations[i].alter(&world);
		conf_model_init(&t->altered[i], &world);
	}
}

static void fini_models(struct tour *t)
{
	conf_model_fini(&t->model);
	for (unsigned i = 0; i < conf_deviation_count; i++)
		if (conf_deviations[i].alter)
			conf_model_fini(&t->altered[i]);
}

/* Whether the host would not come back from a case, or go where nobody knows. Counts it. */
static bool is_beyond_host(struct tour *t, const struct conf_case *c, const struct conf_expected *e)
{
	const struct conf_deviation *why = conf_endless(c, e);

	if (!why) {
		t->led_away += conf_leads_away(c, t->altered);
		return conf_leads_away(c, t->altered);
	}
	t->why = why;
	if (!t->endless_count++)
		t->endless = *c;
	return true;
}

static void go(struct subject *s, struct tour *t)
{
	unsigned chosen = chosen_every(t);

	explore(s, t);
	init_models(t);
	for (unsigned set = 0; set < conf_set_count; set++) {
		if (t->maxphyaddr && !conf_sets[set].has_global)
			continue;
		for (uint64_t i = 0; i < conf_set_size(&conf_sets[set]); i++) {
			struct conf_case *c = &cases[t->pending];
			struct conf_expected e;

			if (!is_drawn(t, set, i, chosen) ||
			    !conf_set_case(&t->world, t->offered, set, i, c) ||
			    !conf_expect(&t->model, c, &e))
				continue;
			/* The shadow has no such entries (docs/guest-rules.md): it ends the run. */
			if (is_in(t, PN_MODE_SHADOW) && conf_is_execute_only(&t->model, c)) {
				t->execute_only++;
				continue;
			}
			if (is_in(t, PN_MODE_HW) && is_beyond_host(t, c, &e))
				continue;
			if (++t->pending == CONF_BATCH)
				flush(s, t);
		}
	}
	flush(s, t);
	fini_models(t);
	print_message("%s: %" PRIu64 " cases (one in %u) in %.1f s, %" PRIu64 " failed\n", t->name,
		      t->done, chosen, (double)t->ns / 1e9, t->failed);
	if (t->execute_only)
		print_message("  %" PRIu64 " left out: code that can be run and not read"
			      " (docs/guest-rules.md)\n",
			      t->execute_only);
	if (t->led_away)
		print_message("  %" PRIu64 " left out: this host would go down another way\n",
			      t->led_away);
	for (unsigned i = 0; i < conf_deviation_count; i++)
		if (t->seen[i])
			print_message("  %" PRIu64 " times: %s (%s)\n", t->seen[i],
				      conf_deviations[i].name, conf_deviations[i].evidence);
	wait_for_endless(s, t);
	if (t->failed)
		fail_msg("%s: %" PRIu64 " cases are not as walk() says", t->name, t->failed);
}

/* One in so many cases: on a host of its own, in QEMU, and in Bochs, which is the slowest. */
static unsigned one_in(unsigned here, unsigned qemu, unsigned bochs)
{
	return conf_host() & (CONF_ON_BOCHS_EPT1 | CONF_ON_BOCHS_EPT0) ? bochs
								       : repeats(here, qemu);
}

#define TOUR(test, title, here, qemu, bochs, ...)                      \
	static void test(void **state)                                 \
	{                                                              \
		static struct tour t = {.name = (title), __VA_ARGS__}; \
                                                                       \
		t.every = one_in((here), (qemu), (bochs));             \
		go(*state, &t);                                        \
	}

#define SHADOW(which) \
	.config = {.mode = PN_MODE_SHADOW, .audit_every = 256, .strategy = PN_STRATEGY_##which}

TOUR(hw_does_as_walk_says, "hw", 5, 5, 11, .config.mode = PN_MODE_HW)
TOUR(vtlb_does_as_walk_says, "shadow, vtlb", 61, 97, 331, SHADOW(VTLB))
TOUR(wp_does_as_walk_says, "shadow, wp", 61, 97, 331, SHADOW(WP))
TOUR(unsync_does_as_walk_says, "shadow, unsync", 61, 97, 331, SHADOW(UNSYNC))
TOUR(changing_modes_does_as_walk_says, "a millisecond in each mode", 61, 97, 331,
     .config.toggle_ns = 1000000)
TOUR(hw_with_five_levels_does_as_walk_says, "hw, five levels", 5, 5, 11, .config.levels = 5)
TOUR(shadow_with_five_levels_does_as_walk_says, "shadow, unsync, five levels", 61, 97, 331,
     SHADOW(UNSYNC), .config.levels = 5)
TOUR(hw_keeps_to_the_guests_maxphyaddr, "hw, MAXPHYADDR 36", 5, 5, 11, .maxphyaddr = 36)
TOUR(shadow_keeps_to_the_guests_maxphyaddr, "shadow, unsync, MAXPHYADDR 36", 61, 97, 331,
     SHADOW(UNSYNC), .maxphyaddr = 36)

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(hw_does_as_walk_says),
	SUBJECT_TEST(vtlb_does_as_walk_says),
	SUBJECT_TEST(wp_does_as_walk_says),
	SUBJECT_TEST(unsync_does_as_walk_says),
	SUBJECT_TEST(changing_modes_does_as_walk_says),
	SUBJECT_TEST(hw_with_five_levels_does_as_walk_says),
	SUBJECT_TEST(shadow_with_five_levels_does_as_walk_says),
	SUBJECT_TEST(hw_keeps_to_the_guests_maxphyaddr),
	SUBJECT_TEST(shadow_keeps_to_the_guests_maxphyaddr),
};

GROUP_OF(conformance, tests);
