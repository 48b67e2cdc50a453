/* SPDX-License-Identifier: MIT */
/*
 * Changes of mode while the guest runs: asked for in each way there is, at exits and between any
 * two instructions, in either ring. The guest must not be able to tell.
 */
#include "clock.h"
#include "fixture.h"
#include "groups.h"
#include "machine.h"
#include "process.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAGELAB "build/guest/pagelab.elf"
#define STATE	"build/tests/guests/state.elf"
#define HOSTILE "build/tests/guests/hostile.elf"

static struct process process, *const p = &process;

static const char *const strategies[] = {
	"--shadow-strategy=unsync",
	"--shadow-strategy=wp",
	"--shadow-strategy=vtlb",
};

/* Runs pagelab's workloads, which must pass, and returns the changes of mode that were made. */
static json_int_t run_all(const char *start, const char *toggle, const char *strategy)
{
	char path[] = "/tmp/penumbra-stats.XXXXXX", option[64];
	int fd = mkstemp(path);
	json_int_t toggles;
	json_t *root;

	assert_true(fd >= 0);
	snprintf(option, sizeof(option), "--stats-file=%s", path);
	RUN(p, "run", "--timeout=110", option, start, toggle, strategy, PAGELAB, "--", "all");
	root = json_loadfd(fd, 0, NULL);
	close(fd);
	unlink(path);
	if (p->status != 0)
		fail_msg("%s %s %s: status %d: %s%s", start, toggle, strategy, p->status, p->out,
			 p->err);
	CHECK_CONTAINS(strategy, p->out, "all      ok  workloads=10 failed=0");
	assert_non_null(root);
	toggles = json_integer_value(json_object_get(root, "toggles"));
	json_decref(root);
	return toggles;
}

/* From either mode to the other at every exit, and at every third. */
static void a_guest_goes_on_over_changes_at_exits(void **state)
{
	static const char *const every[] = {"--toggle-every=1", "--toggle-every=3"};
	static const char *const starts[] = {"--mmu=hw", "--mmu=shadow"};

	(void)state;
	skip_without(PAGELAB);
	for (size_t s = 0; s < COUNT(strategies); s++)
		for (size_t i = 0; i < COUNT(every) * COUNT(starts); i++)
			/* In a rig each strategy has another of them. */
			if (i == s || repeats(1, 0))
				CHECK_TRUE(strategies[s],
					   run_all(starts[i / COUNT(every)],
						   every[i % COUNT(every)], strategies[s]) > 10);
}

/* A timer does not wait for an exit: the guest is anywhere. */
static void a_guest_goes_on_over_changes_between_any_two_instructions(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	for (size_t s = 0; s < repeats(COUNT(strategies), 1); s++)
		for (unsigned i = 0; i < repeats(2, 1); i++)
			CHECK_TRUE(strategies[s],
				   run_all("--mmu=hw", "--toggle-every=1ms", strategies[s]) > 10);
}

/* The shadow is proved right at every exit, whatever mode the guest comes from. */
static void every_shadow_is_right_over_changes(void **state)
{
	const char *audit = repeats(1, 0) ? "--audit" : "--audit=64";

	(void)state;
	skip_without(PAGELAB);
	/* In a rig the first strategy has had the same without an audit. */
	for (size_t s = repeats(0, 1); s < COUNT(strategies); s++) {
		RUN(p, "run", "--timeout=110", "--mmu=shadow", "--toggle-every=1ms", audit,
		    "--shadow-mem=2M", strategies[s], PAGELAB, "--", "all");
		if (p->status != 0)
			fail_msg("%s: status %d: %s%s", strategies[s], p->status, p->out, p->err);
	}
}

/* Registers, flags, MSRs, debug and descriptor registers, all with values of their own. */
static void no_register_changes(void **state)
{
	(void)state;
	skip_without(STATE);
	for (size_t s = 0; s < COUNT(strategies); s++) {
		RUN(p, "run", "--timeout=110", "--toggle-every=1ms", strategies[s], STATE, "--",
		    "rounds=40", "spins=3000");
		if (p->status != 0)
			fail_msg("%s: status %d: %s%s", strategies[s], p->status, p->out, p->err);
		RUN(p, "run", "--timeout=110", "--toggle-every=1", strategies[s], STATE, "--",
		    "rounds=40", "spins=10");
		if (p->status != 0)
			fail_msg("%s: status %d: %s%s", strategies[s], p->status, p->out, p->err);
	}
}

/* Waits until the machine is in a mode; gives up after a minute, or when the run has ended. */
static bool gets_to(const struct subject *s, enum pn_mode mode)
{
	const uint64_t start = clock_ns();

	/* A processor that is shared must have its time too: longer waits, the longer it takes. */
	for (unsigned wait = 50; pn_mode(s->m) != mode; wait += wait / 2) {
		if (s->m->ended || clock_ns() - start > 60000000000)
			return false;
		usleep(wait);
	}
	return true;
}

/* Another thread asks for one mode and the other, at instructions as they come: each is granted. */
static void pn_set_mode_works_from_another_thread(void **state)
{
	const struct pn_config config = {.cmdline = "rounds=1000000000 spins=2000"};
	const unsigned changes = repeats(500, 20);
	struct subject *s = *state;

	skip_without(STATE);
	subject_make(s, &config);
	assert_int_equal(pn_load_elf(s->m, STATE, &s->err), PN_OK);
	subject_start(s);
	for (unsigned i = 0; i < changes; i++) {
		enum pn_mode next = i % 2 ? PN_MODE_HW : PN_MODE_SHADOW;

		usleep(200 + 17 * (i % 50));
		assert_int_equal(pn_set_mode(s->m, next), PN_OK);
		if (!gets_to(s, next))
			fail_msg("change %u is not granted", i);
	}
	pn_stop(s->m);
	if (subject_wait(s) != PN_END_STOPPED)
		fail_msg("after %llu changes: %s", (unsigned long long)s->m->vcpu.toggles,
			 s->console);
	assert_int_equal(s->m->vcpu.toggles, changes);
}

/* KVM does not tell of a #BP that it is about to inject (docs/hosts.md). */
static void no_breakpoint_is_lost_or_comes_twice(void **state)
{
	const struct pn_config config = {.cmdline = "breakpoints 10000000"};
	const unsigned changes = repeats(400, 20);
	struct subject *s = *state;

	skip_without(HOSTILE);
	subject_make(s, &config);
	assert_int_equal(pn_load_elf(s->m, HOSTILE, &s->err), PN_OK);
	subject_start(s);
	for (unsigned i = 0; i < changes; i++) {
		enum pn_mode next = i % 2 ? PN_MODE_HW : PN_MODE_SHADOW;

		usleep(50 + 7 * (i % 50));
		assert_int_equal(pn_set_mode(s->m, next), PN_OK);
		if (!gets_to(s, next))
			fail_msg("change %u is not granted: %s", i, s->result.reason);
	}
	pn_stop(s->m);
	if (subject_wait(s) != PN_END_STOPPED)
		fail_msg("after %llu changes: %s", (unsigned long long)s->m->vcpu.toggles,
			 s->result.reason);
	assert_int_equal(subject_read(s, subject_symbol(s, "hostile_record") + 8), 0);
	assert_int_equal(s->m->vcpu.toggles, changes);
}

static void pn_set_mode_before_the_run_holds_from_the_first_instruction(void **state)
{
	const struct pn_config config = {.cmdline = "exit 0"};
	struct subject *s = *state;

	subject_make(s, &config);
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_OK);
	assert_int_equal(pn_mode(s->m), PN_MODE_HW);
	assert_int_equal(pn_set_mode(s->m, PN_MODE_SHADOW), PN_OK);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(pn_mode(s->m), PN_MODE_SHADOW);
	assert_int_equal(s->m->vcpu.toggles, 1);
}

/* KVM is about to inject it when the mode changes; a guest without an IDT falls over it. */
static void a_pending_exception_goes_along(void **state)
{
	const struct pn_config config = {.cmdline = "exit 0"};
	struct subject *s = *state;
	struct kvm_vcpu_events e;

	subject_make(s, &config);
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_OK);
	assert_int_equal(ioctl(s->m->vcpu.fd, KVM_GET_VCPU_EVENTS, &e), 0);
	e.exception.injected = 1;
	e.exception.nr = 13;
	e.exception.has_error_code = 1;
	e.exception.error_code = 0;
	e.flags = 0;
	assert_int_equal(ioctl(s->m->vcpu.fd, KVM_SET_VCPU_EVENTS, &e), 0);
	assert_int_equal(pn_set_mode(s->m, PN_MODE_SHADOW), PN_OK);
	assert_int_equal(subject_run(s), PN_END_DIED);
	CHECK_CONTAINS("reason", s->result.reason, "triple fault");
}

static void pn_set_mode_refuses_what_cannot_be(void **state)
{
	struct subject *s = *state;

	subject_make(s, NULL);
	assert_int_equal(pn_set_mode(s->m, (enum pn_mode)2), PN_ERR_ARGUMENT);
	assert_int_equal(pn_set_mode(s->m, (enum pn_mode) - 1), PN_ERR_ARGUMENT);
}

/* The script asks to go to shadow mode and back, each time told which mode it has left. */
static void the_guest_itself_changes_its_mode(void **state)
{
	struct script_result r[6];
	struct subject *s = *state;

	subject_pass(s, NULL,
		     "call 4 1 0 call 4 1 0 outs 3 call 4 0 0 call 4 0 0 call 4 2 0 exit 0");
	subject_results(s, r, COUNT(r));
	assert_int_equal(r[0].value, PN_GUEST_MODE_HW);
	assert_int_equal(r[1].value, PN_GUEST_MODE_SHADOW);
	assert_int_equal(r[3].value, PN_GUEST_MODE_SHADOW);
	assert_int_equal(r[4].value, PN_GUEST_MODE_HW);
	assert_int_equal(r[5].value, PN_CALL_EINVAL);
	assert_int_equal(s->m->vcpu.toggles, 2);
}

/* A guest that makes no exit of its own. */
static void pn_set_mode_changes_the_mode_of_a_spinning_guest(void **state)
{
	const struct pn_config config = {.cmdline = "spin"};
	struct subject *s = *state;

	subject_make(s, &config);
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_OK);
	subject_start(s);
	for (unsigned i = 0; i < 6; i++) {
		enum pn_mode next = i % 2 ? PN_MODE_HW : PN_MODE_SHADOW;

		assert_int_equal(pn_set_mode(s->m, next), PN_OK);
		for (unsigned wait = 0; pn_mode(s->m) != next && wait < 5000; wait++)
			usleep(1000);
		assert_int_equal(pn_mode(s->m), next);
	}
	pn_stop(s->m);
	assert_int_equal(subject_wait(s), PN_END_STOPPED);
}

static void sigusr1_changes_the_mode(void **state)
{
	static const char *const spins[] = {"run", "--stats=json", SCRIPT, "--",
					    "say", "ready",	   "spin", NULL};

	(void)state;
	process_start(p, NULL, spins);
	process_await(p, "ready\n");
	for (unsigned i = 0; i < 3; i++) {
		kill(p->pid, SIGUSR1);
		usleep(300000);
	}
	kill(p->pid, SIGTERM);
	process_wait(p);
	assert_int_equal(p->status, 128 + SIGTERM);
	CHECK_CONTAINS("statistics", p->err, "\"toggles\": 3,");
}

/* Slots at the top of guest-physical space are where the VMM area would have to be. */
static void a_slot_in_the_way_of_the_vmm_area_is_named(void **state)
{
	static _Alignas(4096) char page[4096];
	const struct pn_config config = {.cmdline = "call 4 1 0 outs 1 exit 0"};
	struct subject *s = *state;

	subject_make(s, &config);
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_OK);
	assert_int_equal(pn_mmu_map(s->m, s->m->mem.gpa_limit - sizeof(page), page, sizeof(page),
				    PN_PROT_READ_WRITE),
			 PN_OK);
	assert_int_equal(subject_run(s), PN_END_DIED);
	CHECK_CONTAINS("reason", s->result.reason, "change to shadow mode: a memory slot lies");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(no_breakpoint_is_lost_or_comes_twice),
	SUBJECT_TEST(a_guest_goes_on_over_changes_at_exits),
	SUBJECT_TEST(a_guest_goes_on_over_changes_between_any_two_instructions),
	SUBJECT_TEST(every_shadow_is_right_over_changes),
	SUBJECT_TEST(no_register_changes),
	SUBJECT_TEST(pn_set_mode_works_from_another_thread),
	SUBJECT_TEST(pn_set_mode_before_the_run_holds_from_the_first_instruction),
	SUBJECT_TEST(a_pending_exception_goes_along),
	SUBJECT_TEST(pn_set_mode_refuses_what_cannot_be),
	SUBJECT_TEST(the_guest_itself_changes_its_mode),
	SUBJECT_TEST(pn_set_mode_changes_the_mode_of_a_spinning_guest),
	SUBJECT_TEST(sigusr1_changes_the_mode),
	SUBJECT_TEST(a_slot_in_the_way_of_the_vmm_area_is_named),
};

GROUP_OF(toggle, tests);
