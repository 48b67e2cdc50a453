/* SPDX-License-Identifier: MIT */
/*
 * `penumbra run --trace-source`: whoever looks, from within the guest, from outside, or by trapping
 * all, sees the same guest faults, the same flushes and the same loads of CR3, in the same order.
 */
#include "fixture.h"
#include "groups.h"
#include "trace_run.h"

#include "trace/words.h"

#include <penumbra/guest.h>
#include <stdlib.h>
#include <unistd.h>

#define LOG    "build/tests/guests/log.elf"
#define BIT(n) (1u << (n))

static struct trace_run run, again;
static struct process *const p = &run.process;

/* What a list is made of. */
struct look {
	uint32_t sources; /* bits 1 << enum pn_trace_source */
	uint32_t types;	  /* bits 1 << enum pn_trace_type */
	uint32_t causes;  /* of flushes: bits 1 << enum pn_trace_cause */
	bool syscalls;	  /* page faults that are SYSCALLs, as kvm_pvm has them (docs/hosts.md) */
};

#define SEEN_BY_ALL (BIT(PN_TRACE_GUEST_FAULT) | BIT(PN_TRACE_CR3) | BIT(PN_TRACE_FLUSH))
#define NOT_EFER    (~BIT(PN_CAUSE_EFER)) /* no breakpoint is on WRMSR */

struct list {
	struct pn_trace_record *event;
	size_t count;
};

static bool is_syscall(const struct pn_trace_record *r)
{
	return r->type == PN_TRACE_GUEST_FAULT && r->rip == r->address && r->error == 0x15 &&
	       r->address < UINT64_C(0x8000000000);
}

static bool is_looked_for(const struct pn_trace_record *r, const struct look *look)
{
	return look->sources & BIT(r->source) && look->types & BIT(r->type) &&
	       (r->type != PN_TRACE_FLUSH || look->causes & BIT(r->cause)) &&
	       (look->syscalls || !is_syscall(r));
}

/* Only what two lookers must agree on: none has the same clock, and the guest's log has no cost and
 * does not know the very instruction of a flush. */
static struct pn_trace_record essence(const struct pn_trace_record *r)
{
	struct pn_trace_record e = {
		.type = r->type,
		.address = r->address,
		.error = r->error,
		.kind = r->kind,
		.cause = r->cause,
		.value = {r->value[0], r->value[1]},
	};

	if (r->type == PN_TRACE_GUEST_FAULT) {
		e.rip = r->rip;
		e.cpl = r->cpl;
		e.level = r->level;
	}
	return e;
}

static struct list list_of(const char *path, const struct look *look)
{
	struct list l = {0};
	size_t count;
	struct pn_trace_record *all = trace_records(path, &count);

	l.event = all;
	for (size_t i = 0; i < count; i++)
		if (is_looked_for(&all[i], look))
			l.event[l.count++] = essence(&all[i]);
	return l;
}

static void expect_same(const char *name, struct list a, struct list b)
{
	const struct symbols none = {0};
	char one[256], other[256];
	size_t both = a.count < b.count ? a.count : b.count;

	for (size_t i = 0; i < both; i++)
		if (memcmp(&a.event[i], &b.event[i], sizeof(*a.event)) != 0)
			fail_msg("%s: event %zu: %s and %s", name, i,
				 trace_line(&a.event[i], &none, one, sizeof(one)),
				 trace_line(&b.event[i], &none, other, sizeof(other)));
	CHECK_NUMBER(name, "events", a.count, b.count);
	assert_true(a.count > 10);
	free(a.event);
	free(b.event);
}

/* Two lookers at one run. */
static void expect_agreement(const char *name, const struct look *one, const struct look *other)
{
	expect_same(name, list_of(run.trace, one), list_of(run.trace, other));
}

static void the_guests_log_is_what_shadow_mode_sees(void **state)
{
	static const char *const strategies[] = {"--shadow-strategy=unsync", "--shadow-strategy=wp",
						 "--shadow-strategy=vtlb"};
	const struct look shadow = {BIT(PN_SOURCE_SHADOW), SEEN_BY_ALL, ~0u, true};
	const struct look guest = {BIT(PN_SOURCE_GUEST), SEEN_BY_ALL, ~0u, true};

	(void)state;
	for (size_t i = 0; i < repeats(COUNT(strategies), 1); i++) {
		trace_run(&run, (const char *const[]){"--mmu=shadow", "--trace-source=guest",
						      strategies[i], NULL});
		expect_agreement(strategies[i], &shadow, &guest);
		trace_run_free(&run);
	}
}

static void breakpoints_see_what_the_guest_logs(void **state)
{
	const struct look guest = {BIT(PN_SOURCE_GUEST), SEEN_BY_ALL, NOT_EFER, true};
	const struct look breaks = {BIT(PN_SOURCE_BREAK), SEEN_BY_ALL, NOT_EFER, true};

	(void)state;
	trace_run(&run, (const char *const[]){"--mmu=hw", "--trace-source=guest,break", NULL});
	expect_agreement("hw", &guest, &breaks);
	trace_run_free(&run);
}

/* Another run, another mode, another looker. */
static void a_guest_faults_in_hw_mode_as_in_shadow_mode(void **state)
{
	static const char *const workloads[] = {"touch", "fork", "protect", "huge", "remap"};
	const uint32_t types = BIT(PN_TRACE_GUEST_FAULT) | BIT(PN_TRACE_CR3) | BIT(PN_TRACE_FLUSH);
	/* SMEP and SMAP are switched on once a SYSCALL has arrived: in hw mode on kvm_pvm never. */
	const uint32_t causes = NOT_EFER & ~BIT(PN_CAUSE_CR4);
	const struct look guest = {BIT(PN_SOURCE_GUEST), types, causes, false};
	const struct look shadow = {BIT(PN_SOURCE_SHADOW), types, causes, false};

	(void)state;
	for (size_t i = 0; i < COUNT(workloads); i++) {
		struct list a, b;

		trace_run_one(&run, (const char *const[]){"--mmu=hw", "--trace-source=guest", NULL},
			      workloads[i]);
		trace_run_one(&again,
			      (const char *const[]){"--mmu=shadow", "--trace-source=guest", NULL},
			      workloads[i]);
		a = list_of(run.trace, &guest);
		b = list_of(again.trace, &shadow);
		expect_same(workloads[i], a, b);
		trace_run_free(&run);
		trace_run_free(&again);
	}
}

/* What one mode sees and what the other does make up the guest's list, whenever it changes. */
static void no_event_is_lost_or_seen_twice_when_the_mode_changes(void **state)
{
	static const struct {
		const char *every, *workload;
	} runs[] = {
		{"--toggle-every=7", "all"},
		{"--toggle-every=50", "all"},
		{"--toggle-every=1ms", "fork"},
	};
	const struct look guest = {BIT(PN_SOURCE_GUEST), SEEN_BY_ALL, NOT_EFER, true};
	const struct look hosts = {BIT(PN_SOURCE_BREAK) | BIT(PN_SOURCE_SHADOW), SEEN_BY_ALL,
				   NOT_EFER, true};

	(void)state;
	for (size_t i = 0; i < repeats(COUNT(runs), 2); i++) {
		trace_run_one(
			&run,
			(const char *const[]){"--trace-source=guest,break", runs[i].every, NULL},
			runs[i].workload);
		expect_agreement(runs[i].every, &guest, &hosts);
		trace_run_free(&run);
	}
}

/* Each fault of a process is dealt with before the next one comes, and the guest says as what. */
static void the_guest_says_what_its_faults_were(void **state)
{
	static const struct {
		const char *workload;
		unsigned kind, least,
			only; /* `only`: bits of the error code that such a fault has */
	} cases[] = {
		{"touch pages=64", PN_RESOLVED_DEMAND_ZERO, 64, 0x0},
		{"fork", PN_RESOLVED_COPY_ON_WRITE, 20, 0x3},
		{"fork", PN_RESOLVED_LAST_OWNER, 1, 0x3},
		{"user", PN_RESOLVED_REFUSED, 1, 0x0},
		{"file", PN_RESOLVED_FILE, 10, 0x0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pn_trace_record *r;
		size_t count, found = 0;
		gva_t open = 0;

		trace_run_one(&run,
			      (const char *const[]){"--mmu=hw", "--trace-source=guest",
						    "--trace-filter=guest-fault,resolved", NULL},
			      cases[i].workload);
		r = trace_records(run.trace, &count);
		for (size_t k = 0; k < count; k++) {
			if (r[k].type == PN_TRACE_GUEST_FAULT) {
				open = r[k].address;
				continue;
			}
			CHECK_NUMBER(cases[i].workload, "type", r[k].type, PN_TRACE_RESOLVED);
			CHECK_NUMBER(cases[i].workload, "address", r[k].address, open);
			if (r[k].kind != cases[i].kind)
				continue;
			found++;
			CHECK_NUMBER(cases[i].workload, "error code",
				     r[k].error & 0x3 & cases[i].only, cases[i].only);
		}
		if (found < cases[i].least)
			fail_msg("%s: %zu faults were %s", cases[i].workload, found,
				 trace_resolution_name(cases[i].kind));
		free(r);
		trace_run_free(&run);
	}
}

/* Breakpoints are for guests that know nothing of us; and a list of types is kept to. */
static void a_source_leaves_its_types_and_nothing_else(void **state)
{
	struct pn_trace_record *r;
	size_t count, seen[PN_SOURCES] = {0};

	(void)state;
	trace_run_one(&run,
		      (const char *const[]){"--mmu=hw", "--trace-source=guest,break",
					    "--trace-filter=flush", NULL},
		      "remap");
	r = trace_records(run.trace, &count);
	for (size_t i = 0; i < count; i++) {
		CHECK_NUMBER("type", "type", r[i].type, PN_TRACE_FLUSH);
		CHECK_TRUE("mode", r[i].mode == PN_MODE_HW);
		seen[r[i].source]++;
	}
	assert_true(seen[PN_SOURCE_GUEST] > 100);
	/* That of EFER. */
	assert_int_equal(seen[PN_SOURCE_BREAK] + 1, seen[PN_SOURCE_GUEST]);
	free(r);
	trace_run_free(&run);
}

/* A host's kernel that has found its TSC wanting shifts the guest's as it goes (docs/hosts.md). */
static bool host_trusts_its_tsc(void)
{
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
	char name[32] = "";

	if (f) {
		if (!fgets(name, sizeof(name), f))
			name[0] = 0;
		fclose(f);
	}
	return strncmp(name, "tsc", 3) == 0;
}

/* Times of the guest's own clock fall into the run, and beside what the host saw of the same. */
static void the_guests_times_are_the_hosts(void **state)
{
	struct pn_trace_record *r;
	uint64_t last = 0, host = 0, late = 0;
	size_t count, pairs = 0;

	(void)state;
	trace_run_one(&run,
		      (const char *const[]){"--mmu=shadow", "--trace-source=guest",
					    "--trace-filter=cr3", NULL},
		      "switch");
	r = trace_records(run.trace, &count);
	/* The n-th of one source is the n-th of the other. */
	for (size_t i = 0, g = 0; i < count; i++) {
		if (r[i].source != PN_SOURCE_SHADOW)
			continue;
		while (g < count && r[g].source != PN_SOURCE_GUEST)
			g++;
		assert_true(g < count);
		/* The guest logs it when the exit is behind it. */
		if (r[i].time > r[g].time && r[i].time - r[g].time > late)
			late = r[i].time - r[g].time;
		assert_true(r[g].time >= last && r[i].time >= host);
		last = r[g++].time;
		host = r[i].time;
		pairs++;
	}
	assert_true(pairs > 50);
	if (host_trusts_its_tsc())
		CHECK_TRUE("within 100 us", late < 100000);
	else
		print_message("the host's TSC is not its clock: late by %llu ns at most\n",
			      (unsigned long long)late);
	free(r);
	trace_run_free(&run);
}

/* Whether a record is one that a reader can take. */
static bool is_valid(const struct pn_trace_record *r)
{
	switch (r->type) {
	case PN_TRACE_GUEST_FAULT: return r->kind < PN_FAULTS && r->level <= 5;
	case PN_TRACE_TABLE_WRITE: return r->level <= 5;
	case PN_TRACE_CR3:
	case PN_TRACE_DROP: return true;
	case PN_TRACE_FLUSH: return r->kind < PN_FLUSHES && r->cause < PN_CAUSES;
	default: return false;
	}
}

static void run_log(const char *mode, const char *how, char *path)
{
	char option[64];

	skip_without(LOG);
	strcpy(path, "/tmp/penumbra-trace.XXXXXX");
	close(mkstemp(path));
	snprintf(option, sizeof(option), "--trace=%s", path);
	RUN(p, "run", "--timeout=60", "--no-warnings", mode, "--trace-source=guest", option, LOG,
	    "--", how);
	if (p->status != 0)
		fail_msg("%s, %s: status %d: %s", mode, how, p->status, p->err);
}

static void garbage_in_the_log_is_bounded_and_the_trace_valid(void **state)
{
	static const char *const modes[] = {"--mmu=hw", "--mmu=shadow"};
	char path[32];

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		uint64_t last = 0, most = 0, taken = 0;
		struct pn_trace_record *r;
		size_t count;

		run_log(modes[i], "garbage", path);
		r = trace_records(path, &count);
		for (size_t k = 0; k < count; k++)
			if (r[k].source != PN_SOURCE_GUEST && r[k].time > most)
				most = r[k].time;
		for (size_t k = 0; k < count; k++) {
			if (r[k].source != PN_SOURCE_GUEST || r[k].type == PN_TRACE_MARK)
				continue;
			taken += r[k].type != PN_TRACE_DROP;
			CHECK_TRUE(modes[i], is_valid(&r[k]));
			CHECK_TRUE(modes[i], r[k].cpl <= 3 && r[k].vcpu == 0);
			CHECK_TRUE(modes[i], r[k].time >= last);
			last = r[k].time;
		}
		CHECK_TRUE(modes[i], taken > 10);
		CHECK_CONTAINS(modes[i], p->err, "events did not fit");
		/* The host's last look is after the guest's last exit. */
		CHECK_TRUE(modes[i], last < most + UINT64_C(10000000000));
		free(r);
		unlink(path);
	}
}

static void what_a_full_log_drops_is_told(void **state)
{
	char path[32];

	(void)state;
	run_log("--mmu=hw", "drops", path);
	CHECK_CONTAINS("drops", p->err, "5 events did not fit");
	unlink(path);
	run_log("--mmu=hw", "full", path);
	CHECK_CONTAINS("full", p->err, "1 events did not fit");
	unlink(path);
}

static void a_guest_without_a_log_wanted_is_told_of_none(void **state)
{
	(void)state;
	skip_without(LOG);
	RUN(p, "run", LOG);
	assert_int_equal(p->status, 3);
	RUN(p, "run", "--trace=/dev/null", "--trace-source=break", LOG);
	assert_int_equal(p->status, 3);
}

/* The guest's own HLT is its own, breakpoints or not. */
static void a_halt_of_the_guests_own_is_no_breakpoint(void **state)
{
	(void)state;
	RUN(p, "run", "--mmu=hw", "--trace=/dev/null", "--trace-source=break", SCRIPT, "--", "hlt");
	assert_int_equal(p->status, 127);
	CHECK_CONTAINS("hlt", p->err, "guest halted for good");
}

static void a_source_that_there_is_not_is_one_line_and_125(void **state)
{
	(void)state;
	RUN(p, "run", "--trace=/dev/null", "--trace-source=guest,nothing", SCRIPT);
	expect_failure(p, "no such source", 125, "nothing: no such source");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(the_guests_log_is_what_shadow_mode_sees),
	SUBJECT_TEST(breakpoints_see_what_the_guest_logs),
	SUBJECT_TEST(a_guest_faults_in_hw_mode_as_in_shadow_mode),
	SUBJECT_TEST(no_event_is_lost_or_seen_twice_when_the_mode_changes),
	SUBJECT_TEST(the_guest_says_what_its_faults_were),
	SUBJECT_TEST(a_source_leaves_its_types_and_nothing_else),
	SUBJECT_TEST(the_guests_times_are_the_hosts),
	SUBJECT_TEST(garbage_in_the_log_is_bounded_and_the_trace_valid),
	SUBJECT_TEST(what_a_full_log_drops_is_told),
	SUBJECT_TEST(a_guest_without_a_log_wanted_is_told_of_none),
	SUBJECT_TEST(a_halt_of_the_guests_own_is_no_breakpoint),
	SUBJECT_TEST(a_source_that_there_is_not_is_one_line_and_125),
};

GROUP_OF(trace_source, tests);
