/* SPDX-License-Identifier: MIT */
/*
 * The host probe: what it says is true of this host, is the same every time, and never takes long.
 * On a known host (PENUMBRA_RIG, or a vendor module that is known) the answers are compared with
 * what was measured there. Where an emulator that carries a rig is at fault, the answer is left
 * open, but for Bochs 2.7's single-step, which is the only one that a probe could take for good.
 */
#include "groups.h"

#include "clock.h"
#include "kvm/caps.h"
#include "kvm/probe_device.h"
#include "kvm/probe_kernel.h"
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

/* A machine that could run KVM, with the module loaded and the device file at its usual mode. */
static const struct probe_device sound = {
	.exists = true,
	.mode = 0660,
	.gid = 104,
	.group = "kvm",
	.cpuid_virt = true,
	.kernel_virt = true,
	.module = "kvm_intel",
	.loaded = true,
	.available = true,
};

static struct probe_remedy judge(const struct probe_device *d)
{
	struct probe_remedy r;

	probe_device_judge(d, &r);
	return r;
}

static void a_device_that_opens_needs_no_remedy(void **state)
{
	struct probe_remedy r = judge(&sound);

	(void)state;
	assert_string_equal(r.text, "");
	assert_string_equal(r.command, "");
}

static void a_closed_device_gets_the_command_that_opens_it(void **state)
{
	struct probe_device d = sound;
	struct probe_remedy r;

	(void)state;
	d.open_errno = EACCES;
	r = judge(&d);
	assert_string_equal(r.command, "sudo usermod -aG kvm $USER");
	assert_non_null(strstr(r.text, "log in again"));

	d.member = true;
	r = judge(&d);
	assert_string_equal(r.command, "");
	assert_non_null(strstr(r.text, "log in again"));

	d = sound;
	d.open_errno = EACCES;
	d.mode = 0600;
	r = judge(&d);
	assert_string_equal(r.command, "sudo chmod 0666 /dev/kvm");
	assert_non_null(strstr(r.lasting, "/etc/udev/rules.d/"));

	/* Nobody should be told to join root's group. */
	d.mode = 0660;
	d.gid = 0;
	strcpy(d.group, "root");
	assert_string_equal(judge(&d).command, "sudo chmod 0666 /dev/kvm");

	d.open_errno = EPERM;
	assert_non_null(strstr(judge(&d).text, "--device=/dev/kvm"));
}

static void a_missing_device_is_traced_to_the_first_gap(void **state)
{
	struct probe_device d = sound;

	(void)state;
	d.exists = false;
	d.open_errno = ENOENT;
	assert_non_null(strstr(judge(&d).command, "mknod"));

	d.loaded = false;
	assert_string_equal(judge(&d).command, "sudo modprobe kvm_intel");
	d.module = "kvm_amd";
	assert_string_equal(judge(&d).command, "sudo modprobe kvm_amd");

	d.available = false;
	assert_string_equal(judge(&d).command, "");
	assert_non_null(strstr(judge(&d).text, "no module kvm_amd"));

	d.kernel_virt = false;
	assert_non_null(strstr(judge(&d).text, "firmware turned it off"));

	d.cpuid_virt = false;
	assert_non_null(strstr(judge(&d).text, "neither VMX nor SVM"));
	d.in_vm = true;
	assert_non_null(strstr(judge(&d).text, "nested"));
	d.in_container = true;
	assert_non_null(strstr(judge(&d).text, "--device=/dev/kvm"));
}

static void looking_at_the_device_agrees_with_opening_it(void **state)
{
	struct probe_device d;

	(void)state;
	probe_device_look(&d);
	assert_true(d.exists);
	assert_int_equal(d.open_errno, 0);
	if (strcmp(kvm_vendor_module(), "kvm_intel") == 0 ||
	    strcmp(kvm_vendor_module(), "kvm_amd") == 0) {
		assert_string_equal(d.module, kvm_vendor_module());
		assert_true(d.loaded && d.cpuid_virt && d.kernel_virt);
	}
}

static void capabilities_have_ids_of_their_own_that_fit(void **state)
{
	size_t count;
	const struct kvm_cap *caps = kvm_caps(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		assert_in_range(strlen(caps[i].id), 1, 21);
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(caps[i].id, caps[j].id);
			assert_int_not_equal(caps[i].number, caps[j].number);
		}
	}
}

static void a_capability_with_bits_needs_all_of_them(void **state)
{
	const struct kvm_cap plain = {.bits = 0}, three = {.bits = 3};

	(void)state;
	assert_true(kvm_cap_enough(&plain, 1));
	assert_true(kvm_cap_enough(&plain, 4096));
	assert_false(kvm_cap_enough(&plain, 0));
	assert_true(kvm_cap_enough(&three, 7));
	assert_false(kvm_cap_enough(&three, 5));
}

static void a_host_that_runs_guests_has_what_is_required(void **state)
{
	struct probe p;
	size_t count;
	const struct kvm_cap *caps = kvm_caps(&count);

	(void)state;
	open_probe(&p);
	for (size_t i = 0; i < count; i++)
		if (caps[i].required &&
		    !kvm_cap_enough(&caps[i], kvm_check_extension(p.host.fd, caps[i].number)))
			fail_msg("%s", caps[i].id);
	probe_close(&p);
}

static void kernel_probes_tell_what_is_there(void **state)
{
	uint64_t reserved = 1, available = 1;
	struct probe_tracefs t;

	(void)state;
	assert_false(probe_hugepages(UINT64_C(3) << 20, &reserved, &available));
	assert_int_equal(reserved, 0);
	assert_int_equal(available, 0);
	if (probe_hugepages(UINT64_C(2) << 20, &reserved, &available))
		assert_true(available <= reserved);
	probe_tracefs(&t);
	if (!t.path[0])
		assert_false(t.readable || t.writable || t.kvm || t.kvmmmu);
	else
		assert_true(t.supported);
	if (getenv("PENUMBRA_RIG"))
		assert_true(t.readable && t.writable && t.kvm && t.kvmmmu);
	/* What a container's policy leaves to its root is not for this test to say. */
	if (getenv("PENUMBRA_RIG"))
		assert_int_equal(probe_userfaultfd(), PROBE_UFFD_SYSCALL);
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
	cmocka_unit_test(a_device_that_opens_needs_no_remedy),
	cmocka_unit_test(a_closed_device_gets_the_command_that_opens_it),
	cmocka_unit_test(a_missing_device_is_traced_to_the_first_gap),
	cmocka_unit_test(looking_at_the_device_agrees_with_opening_it),
	cmocka_unit_test(capabilities_have_ids_of_their_own_that_fit),
	cmocka_unit_test(a_capability_with_bits_needs_all_of_them),
	cmocka_unit_test(a_host_that_runs_guests_has_what_is_required),
	cmocka_unit_test(kernel_probes_tell_what_is_there),
};

GROUP_OF(probe, tests);
