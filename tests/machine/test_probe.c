/* SPDX-License-Identifier: MIT */
/*
 * The host probe: what it says is true of this host, is the same every time, and never takes long.
 * On a known host (PENUMBRA_RIG, or a vendor module that is known) the answers are compared with
 * what was measured there. Where an emulator that carries a rig is at fault, the answer is left
 * open, but for Bochs 2.7's single-step, which is the only one that a probe could take for good.
 */
#include "groups.h"

#include "clock.h"
#include "kvm/probe_vm.h"
#include "kvm/vendor.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS 5

enum expected { NO, YES, ANY };

static const struct {
	const char *name;
	probe_fn *probe;
} probes[] = {
	{"la57", probe_la57},
	{"page_1g", probe_page_1g},
	{"iopl", probe_iopl},
	{"triple_fault", probe_triple_fault},
	{"debug_software", probe_debug_software},
	{"debug_hardware", probe_debug_hardware},
	{"debug_step", probe_debug_step},
};

struct known_host {
	const char *name;
	enum pn_paging paging;
	enum expected answer[COUNT(probes)]; /* in the order of `probes` */
};

static const struct known_host known_hosts[] = {
	{"kvm_amd-npt1", PN_PAGING_NPT, {ANY, YES, YES, NO, ANY, ANY, YES}},
	{"kvm_amd-npt0", PN_PAGING_SHADOW_AMD, {ANY, ANY, YES, NO, ANY, ANY, YES}},
	{"kvm_intel-ept1", PN_PAGING_EPT, {NO, YES, YES, YES, YES, YES, NO}},
	{"kvm_intel-ept0", PN_PAGING_SHADOW_INTEL, {NO, ANY, YES, YES, YES, YES, YES}},
	{"kvm_pvm", PN_PAGING_SHADOW_PVM, {ANY, ANY, NO, YES, NO, YES, YES}},
};

static const struct known_host *this_host(void)
{
	const char *name = getenv("PENUMBRA_RIG");

	if (!name)
		name = kvm_vendor_module();
	for (size_t i = 0; i < COUNT(known_hosts); i++)
		if (strcmp(name, known_hosts[i].name) == 0)
			return &known_hosts[i];
	return NULL;
}

static void open_probe(struct probe *p)
{
	struct pn_error err = {0};

	if (probe_open(p, &err))
		fail_msg("%s", err.text);
}

static void ask(struct probe *p, size_t i, struct probe_answer *a)
{
	struct pn_error err = {0};

	memset(a, 0, sizeof(*a));
	if (probes[i].probe(p, a, &err))
		fail_msg("%s: %s", probes[i].name, err.text);
	assert_true(a->seen[0]);
}

static void every_probe_answers_the_same_each_time(void **state)
{
	struct probe_answer first[COUNT(probes)], a;
	struct probe p;

	(void)state;
	open_probe(&p);
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < COUNT(probes); i++) {
			ask(&p, i, round ? &a : &first[i]);
			if (round && (a.yes != first[i].yes || strcmp(a.seen, first[i].seen) != 0))
				fail_msg("%s: first '%s', then '%s'", probes[i].name, first[i].seen,
					 a.seen);
		}
	probe_close(&p);
}

static void paging_is_proved_by_behaviour_and_agrees_with_the_module(void **state)
{
	struct pn_error err = {0};
	struct probe_evidence e;
	struct probe p;

	(void)state;
	open_probe(&p);
	for (int round = 0; round < ROUNDS; round++) {
		if (probe_evidence(&p, &e, &err))
			fail_msg("%s", err.text);
		if (!e.by_behaviour)
			fail_msg("%s", e.reason);
		assert_int_equal(e.faults, PROBE_ABSENT_PAGES);
		if (kvm_paging_is_tdp(e.paging)) {
			assert_int_equal(e.pf_guest, 0);
			assert_int_equal(e.invlpg, 0);
		} else {
			assert_int_equal(e.pf_guest, e.faults);
			assert_int_equal(e.invlpg, e.invlpgs);
		}
		if (e.module != PN_PAGING_UNKNOWN)
			assert_string_equal(pn_paging_name(e.paging), pn_paging_name(e.module));
	}
	probe_close(&p);
}

static void probe_paging_gives_the_verdict_of_the_evidence(void **state)
{
	struct pn_error err = {0};
	struct probe_evidence e;
	enum pn_paging paging;
	struct probe p;

	(void)state;
	open_probe(&p);
	assert_int_equal(probe_evidence(&p, &e, &err), 0);
	probe_close(&p);
	if (probe_paging(&paging, &err))
		fail_msg("%s", err.text);
	assert_int_equal(paging, e.paging);
}

static bool is_offered(struct probe *p, uint32_t leaf, bool edx, unsigned bit)
{
	const struct kvm_cpuid_entry2 *e = kvm_cpuid_find(p->cpuid, leaf, 0);

	return e && ((edx ? e->edx : e->ecx) >> bit & 1);
}

static void paging_features_run_where_they_are_offered(void **state)
{
	struct probe_answer a;
	struct pn_error err;
	struct probe p;

	(void)state;
	open_probe(&p);
	assert_int_equal(probe_la57(&p, &a, &err), 0);
	if (a.yes != is_offered(&p, 7, false, 16))
		fail_msg("LA57: %s", a.seen);
	assert_int_equal(probe_page_1g(&p, &a, &err), 0);
	if (a.yes != is_offered(&p, 0x80000001, true, 26))
		fail_msg("1 GiB pages: %s", a.seen);
	probe_close(&p);
}

static void a_known_host_is_what_was_measured(void **state)
{
	const struct known_host *host = this_host();
	enum pn_paging paging;
	struct pn_error err = {0};
	struct probe p;

	(void)state;
	if (!host) {
		if (getenv("PENUMBRA_RIG"))
			fail_msg("PENUMBRA_RIG=%s: no such host in the table",
				 getenv("PENUMBRA_RIG"));
		skip();
	}
	open_probe(&p);
	if (probe_paging(&paging, &err))
		fail_msg("%s", err.text);
	assert_string_equal(pn_paging_name(paging), pn_paging_name(host->paging));
	for (size_t i = 0; i < COUNT(probes); i++) {
		struct probe_answer a;

		ask(&p, i, &a);
		if (host->answer[i] != ANY && a.yes != (host->answer[i] == YES))
			fail_msg("%s on %s: %s", probes[i].name, host->name, a.seen);
	}
	probe_close(&p);
}

/* Signals that keep coming in, as an embedder's process might have them. */
struct noise {
	timer_t timer;
	struct sigaction old;
};

static void on_signal(int signal)
{
	(void)signal;
}

static void noise_start(struct noise *n)
{
	const struct itimerspec often = {{0, 5000000}, {0, 5000000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &action, &n->old);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &n->timer), 0);
	timer_settime(n->timer, 0, &often, NULL);
}

static void noise_stop(struct noise *n)
{
	timer_delete(n->timer);
	sigaction(SIGUSR1, &n->old, NULL);
}

/* Runs a guest that never ends; returns how long that was let go on, in nanoseconds. */
static uint64_t spin(void)
{
	struct kvm_regs regs = {0};
	struct pn_error err = {0};
	struct probe_vm v;
	struct probe p;
	uint64_t begin_ns;

	open_probe(&p);
	begin_ns = clock_ns();
	assert_int_equal(probe_vm_create(&v, &p, false, &err), 0);
	assert_int_equal(probe_vm_enter(&v, probe_guest_spin, &regs, &err), 0);
	assert_int_equal(probe_vm_run(&v, &err), PN_ERR_HOST_LACKS);
	probe_vm_destroy(&v);
	probe_close(&p);
	return clock_ns() - begin_ns;
}

static void a_guest_that_never_ends_is_stopped_in_time(void **state)
{
	struct noise noise;

	(void)state;
	assert_in_range(spin(), PROBE_LIMIT_NS, 10ull * PROBE_LIMIT_NS);
	noise_start(&noise);
	assert_in_range(spin(), PROBE_LIMIT_NS, 10ull * PROBE_LIMIT_NS);
	noise_stop(&noise);
}

static void a_guest_that_exits_for_ever_is_stopped(void **state)
{
	struct kvm_regs regs = {0};
	struct pn_error err = {0};
	struct probe_vm v;
	struct probe p;

	(void)state;
	open_probe(&p);
	assert_int_equal(probe_vm_create(&v, &p, false, &err), 0);
	for (int i = 0; i < PROBE_EXITS_MAX; i++) {
		assert_int_equal(probe_vm_enter(&v, probe_guest_int3 + 1, &regs, &err), 0);
		assert_int_equal(probe_vm_run(&v, &err), 0);
		assert_int_equal(probe_vm_stop(&v), PROBE_STOP_END);
	}
	assert_int_equal(probe_vm_run(&v, &err), PN_ERR_HOST_LACKS);
	probe_vm_destroy(&v);
	probe_close(&p);
}

/* The kick at its default would end the process if a probe let one through. */
static void probes_bear_signals_and_leave_no_trace_of_their_own(void **state)
{
	struct sigaction kick = {.sa_handler = SIG_DFL}, old;
	sigset_t before, after, pending, kicks;
	struct probe_answer a;
	struct noise noise;
	struct probe p;

	(void)state;
	open_probe(&p);
	sigaction(PN_KICK_SIGNAL, &kick, &old);
	sigemptyset(&kicks);
	sigaddset(&kicks, PN_KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &kicks, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	noise_start(&noise);
	for (size_t i = 0; i < COUNT(probes); i++)
		ask(&p, i, &a);
	noise_stop(&noise);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	sigpending(&pending);
	sigaction(PN_KICK_SIGNAL, &old, NULL);
	probe_close(&p);
	assert_memory_equal(&before, &after, sizeof(uint64_t));
	assert_false(sigismember(&pending, PN_KICK_SIGNAL));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_probe_answers_the_same_each_time),
	cmocka_unit_test(paging_is_proved_by_behaviour_and_agrees_with_the_module),
	cmocka_unit_test(probe_paging_gives_the_verdict_of_the_evidence),
	cmocka_unit_test(paging_features_run_where_they_are_offered),
	cmocka_unit_test(a_known_host_is_what_was_measured),
	cmocka_unit_test(a_guest_that_never_ends_is_stopped_in_time),
	cmocka_unit_test(a_guest_that_exits_for_ever_is_stopped),
	cmocka_unit_test(probes_bear_signals_and_leave_no_trace_of_their_own),
};

GROUP_OF(probe, tests);
