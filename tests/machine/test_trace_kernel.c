/* SPDX-License-Identifier: MIT */
/*
 * Source kernel: the host's tracepoints stand beside Penumbra's own events, on one clock. Needs root
 * and a tracefs; it is mounted, and taken away, in a mount namespace of the tests' own.
 */
#include "fixture.h"
#include "groups.h"
#include "trace_run.h"

#include "kvm/vendor.h"
#include "sources/source.h"
#include "trace/words.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#define TRACEFS	  "/sys/kernel/tracing"
#define INSTANCES TRACEFS "/instances"

static struct process process, other, *const p = &process;

/* A namespace once for all tests, or the reason why there is none. */
static const char *own_mounts(void)
{
	static bool done;

	if (done)
		return NULL;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return strerror(errno);
	done = true;
	return NULL;
}

static void need_mounts(void)
{
	const char *why = own_mounts();

	if (!why)
		return;
	print_message("skipped: no mounts of our own: %s\n", why);
	skip();
}

static void no_tracefs(void)
{
	need_mounts();
	while (umount2("/sys/kernel/debug/tracing", MNT_DETACH) == 0)
		;
	while (umount2(TRACEFS, MNT_DETACH) == 0)
		;
}

static void need_tracefs(void)
{
	no_tracefs();
	if (mount("tracefs", TRACEFS, "tracefs", 0, NULL) == 0)
		return;
	print_message("skipped: no tracefs: %s\n", strerror(errno));
	skip();
}

/* Whether a process has an instance; others may have theirs. */
static bool has_instance(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), INSTANCES "/penumbra-%d", pid);
	return access(path, F_OK) == 0;
}

struct events {
	struct pn_trace_record *r;
	size_t count;
};

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Runs the script guest with the source; it ends with status 7. */
static struct events traced(const char *const *options, const char *const *script)
{
	struct events e;

	e.r = trace_script(p, "--trace-source=kernel", options, script, &e.count);
	assert_false(has_instance(p->pid));
	return e;
}

static bool is_tracepoint(const struct pn_trace_record *r, enum pn_trace_tracepoint kind)
{
	return r->type == PN_TRACE_KERNEL && r->kind == kind;
}

static size_t count_tracepoints(const struct events *e, enum pn_trace_tracepoint kind)
{
	size_t n = 0;

	for (size_t i = 0; i < e->count; i++)
		n += is_tracepoint(&e->r[i], kind);
	return n;
}

/* The next record that `is` from *at on; moves *at behind it. */
static const struct pn_trace_record *next(const struct events *e, size_t *at, bool kernel)
{
	while (*at < e->count) {
		const struct pn_trace_record *r = &e->r[(*at)++];

		/* errno: KVM_RUN came back without an exit of the guest's. */
		if (kernel ? is_tracepoint(r, PN_TP_KVM_USERSPACE_EXIT) && !r->error
			   : r->type == PN_TRACE_EXIT)
			return r;
	}
	return NULL;
}

/*
 * The kernel says "exit to userspace" just before Penumbra sees it: the k-th of the one is the k-th of
 * the other, and lies between Penumbra's k-1st and k-th. Another VM runs meanwhile, and is not seen.
 */
static void exits_of_the_kernel_and_our_own_are_the_same_ones(void **state)
{
	static const char *const script[] = {"outs", "80", "exit", "7", NULL};
	struct events e;
	const struct pn_trace_record *seen, *ours;
	uint64_t before = 0;
	size_t at = 0, at_ours = 0, pairs = 0;

	(void)state;
	need_tracefs();
	process_start(&other, NULL,
		      OPTIONS("run", "--timeout=100", SCRIPT, "--", "outs", "fffffff"));
	e = traced(OPTIONS("--mmu=hw"), script);
	kill(other.pid, SIGTERM);
	process_wait(&other);
	while ((seen = next(&e, &at, true))) {
		ours = next(&e, &at_ours, false);
		assert_non_null(ours);
		assert_int_equal(seen->count, ours->kind);
		assert_true(seen->time >= before);
		assert_true(seen->time <= ours->time);
		before = ours->time;
		pairs++;
	}
	assert_null(next(&e, &at_ours, false));
	assert_true(pairs >= 0x81);
	free(e.r);
}

static const char *const touch[] = {"w8", "1000000", "1", "r8", "7f00000000", "exit", "7", NULL};
static const char *const modes[] = {"--mmu=hw", "--mmu=shadow", "--toggle-every=1"};

/* A run of `touch` in each of the modes serves all tests; in a rig one takes many seconds. */
static const struct events *touched(unsigned mode, const char **err)
{
	static struct events events[COUNT(modes)];
	static char said[COUNT(modes)][PROCESS_OUTPUT];

	if (!events[mode].r) {
		events[mode] = traced(OPTIONS(modes[mode]), touch);
		memcpy(said[mode], p->err, sizeof(said[mode]));
	}
	if (err)
		*err = said[mode];
	return &events[mode];
}

static void all_is_in_the_order_of_time_and_in_one_numbering(void **state)
{
	(void)state;
	need_tracefs();
	for (unsigned m = 0; m < repeats(COUNT(modes), 2); m++) {
		const struct events *e = touched(m, NULL);
		size_t kernel = 0;

		for (size_t i = 0; i < e->count; i++) {
			const struct pn_trace_record *r = &e->r[i];

			CHECK_NUMBER(modes[m], "number", r->number, i);
			CHECK_TRUE(modes[m], i == 0 || r->time >= r[-1].time);
			CHECK_TRUE(modes[m], r->mode <= PN_MODE_SHADOW);
			if (m < 2)
				CHECK_NUMBER(modes[m], "mode", r->mode, m);
			kernel += r->source == PN_SOURCE_KERNEL;
		}
		CHECK_TRUE(modes[m], kernel > 20);
	}
}

/*
 * The page that the guest touches is set in the kernel's tables. In shadow mode, as in hw mode
 * kvm_pvm interprets the access.
 */
static void the_entry_of_a_page_touched_is_set(void **state)
{
	const struct events *e;
	bool found = false;

	(void)state;
	need_tracefs();
	e = touched(PN_MODE_SHADOW, NULL);
	for (size_t i = 0; i < e->count; i++) {
		const struct pn_trace_record *r = &e->r[i];

		if (!is_tracepoint(r, PN_TP_KVM_MMU_SET_SPTE) || r->address != 0x1000000)
			continue;
		found = true;
		assert_int_equal(r->level, 1);
		assert_true(r->value[0]);
		assert_int_equal(r->source, PN_SOURCE_KERNEL);
	}
	assert_true(found);
}

/* What the second dimension of this host makes of a touch, and of the guest's own page fault. */
static void faults_are_told_as_what_they_are_on_this_host(void **state)
{
	enum pn_paging paging = kvm_vendor_paging();
	bool two = paging == PN_PAGING_EPT || paging == PN_PAGING_NPT;
	size_t second = 0, injected = 0, faults;
	const struct events *e;
	const char *err;

	(void)state;
	need_tracefs();
	e = touched(PN_MODE_HW, &err);
	for (size_t i = 0; i < e->count; i++) {
		const struct pn_trace_record *r = &e->r[i];

		if (r->source != PN_SOURCE_KERNEL)
			continue;
		second += r->type == PN_TRACE_SECOND_FAULT && r->address >> 12 == 0x1000 &&
			  r->error & 2;
		injected += r->type == PN_TRACE_INJECT && r->kind == 14;
	}
	faults = count_tracepoints(e, PN_TP_KVM_PAGE_FAULT);
	if (two) {
		assert_int_equal(second, 1);
		assert_int_equal(injected + faults, 0);
	} else {
		assert_int_equal(second, 0);
		assert_int_equal(injected, 1);
		assert_true((faults > 0) == (paging != PN_PAGING_SHADOW_PVM));
	}
	/* What stays silent is told of beforehand. */
	assert_true((count_tracepoints(e, PN_TP_KVM_EXIT) == 0) ==
		    (strstr(err, "kvm_exit and kvm_page_fault are silent") != NULL));
	assert_true((count_tracepoints(e, PN_TP_KVM_ENTRY) == 0) ==
		    (count_tracepoints(e, PN_TP_KVM_EXIT) == 0));
}

/* What is the kernel's alone, and not its MMU's: in Bochs a run with the source takes 20 seconds. */
static void not_in_a_rig(void)
{
	if (repeats(1, 0))
		return;
	print_message("skipped: the same whatever the MMU: done where the machine is no rig\n");
	skip();
}

static void a_filter_holds_for_tracepoints_too(void **state)
{
	struct events e;

	(void)state;
	not_in_a_rig();
	need_tracefs();
	e = traced(OPTIONS("--mmu=hw", "--trace-filter=exit"), touch);
	for (size_t i = 0; i < e.count; i++)
		assert_int_equal(e.r[i].type, PN_TRACE_EXIT);
	free(e.r);
}

static bool await_instance(pid_t pid)
{
	for (unsigned i = 0; i < patience() * 100 && !has_instance(pid); i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	return has_instance(pid);
}

/* Starts a run that has an instance and spins, and sends it a signal. */
static void end_by(int signal)
{
	process_start(p, NULL,
		      OPTIONS("run", "--timeout=100", "--trace=/dev/null", "--trace-source=kernel",
			      SCRIPT, "--", "say", "x", "spin"));
	assert_true(await_instance(p->pid));
	process_await(p, "x");
	kill(p->pid, signal);
	process_wait(p);
}

static void a_run_that_is_stopped_leaves_no_instance(void **state)
{
	(void)state;
	not_in_a_rig();
	need_tracefs();
	end_by(SIGTERM);
	assert_int_equal(p->status, 128 + SIGTERM);
	assert_false(has_instance(p->pid));
}

/* Which nothing in it can prevent, nor tidy up after. */
static void a_run_that_is_killed_leaves_no_instance(void **state)
{
	(void)state;
	not_in_a_rig();
	need_tracefs();
	end_by(SIGKILL);
	assert_int_equal(p->status, 1000 + SIGKILL);
	for (unsigned i = 0; i < patience() * 100 && has_instance(p->pid); i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	assert_false(has_instance(p->pid));
}

/* One line, 126, and no file. */
static void without_tracefs_it_is_refused_and_nothing_stays(void **state)
{
	char path[] = "/tmp/penumbra-trace.XXXXXX", trace[48];

	(void)state;
	no_tracefs();
	close(mkstemp(path));
	unlink(path);
	snprintf(trace, sizeof(trace), "--trace=%s", path);
	RUN(p, "run", trace, "--trace-source=uffd,kernel", SCRIPT, "--", "say", "x");
	expect_failure(p, "no tracefs", 126,
		       "source kernel: tracefs is not mounted: mount -t tracefs");
	assert_string_equal(p->out, "");
	assert_int_not_equal(access(path, F_OK), 0);
	need_tracefs();
	assert_false(has_instance(p->pid));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(exits_of_the_kernel_and_our_own_are_the_same_ones),
	cmocka_unit_test(all_is_in_the_order_of_time_and_in_one_numbering),
	cmocka_unit_test(the_entry_of_a_page_touched_is_set),
	cmocka_unit_test(faults_are_told_as_what_they_are_on_this_host),
	cmocka_unit_test(a_filter_holds_for_tracepoints_too),
	cmocka_unit_test(a_run_that_is_stopped_leaves_no_instance),
	cmocka_unit_test(a_run_that_is_killed_leaves_no_instance),
	cmocka_unit_test(without_tracefs_it_is_refused_and_nothing_stays),
};

GROUP_OF(trace_kernel, tests);
