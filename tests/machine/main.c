/* SPDX-License-Identifier: MIT */
/*
 * The machine tests in one program, so that a rig has one file to carry and one status to give.
 *
 *     machine-tests [--list] [GROUP]...     these groups; none named: all
 *     machine-tests -GROUP...               all but these
 *
 * The working directory holds build/. Without /dev/kvm every test is skipped, and the reason
 * printed; with PENUMBRA_REQUIRE_KVM=1 in the environment every test fails.
 */
#include "check.h"
#include "clock.h"
#include "groups.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static const struct group *const groups[] = {
	&group_embed,
	&group_map,
	&group_boot,
	&group_calls,
	&group_ends,
	&group_options,
	&group_stats,
	&group_bench,
	&group_bench_shadow,
	&group_bench_lab,
	&group_bench_compare,
	&group_system_calls,
	&group_pagelab,
	&group_shadow,
	&group_toggle,
	&group_hostile,
	&group_hostile_self,
	&group_hostile_reach,
	&group_hostile_edges,
	&group_hostile_slots,
	&group_cr2,
	&group_examples,
	&group_warnings,
	&group_probe,
	&group_untrack,
	&group_keys,
	&group_device,
	&group_levels,
	&group_trace,
	&group_trace_read,
	&group_explain,
	&group_explain_line,
	&group_trace_source,
	&group_trace_host,
	&group_trace_kernel,
	&group_conformance,
	&group_fuzz,
	&group_fuzz_command,
	&group_sandbox,
	&group_sandbox_run,
	&group_sandbox_commands,
	&group_faults,
	&group_fault_limits,
	&group_fault_signals,
	&group_fault_memory,
};

#define GROUPS COUNT(groups)

static char reason[200];

static void not_here(void **state)
{
	(void)state;
	if (getenv("PENUMBRA_REQUIRE_KVM"))
		fail_msg("%s", reason);
	print_message("skipped: %s\n", reason);
	skip();
}

static bool have_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		snprintf(reason, sizeof(reason), "/dev/kvm cannot be opened: %s", strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

/* Waits until no other suite runs a group that must be alone; close() is the end of it. */
static int be_alone(void)
{
	int fd = open("/tmp/penumbra-tests.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd >= 0 && flock(fd, LOCK_EX))
		perror("/tmp/penumbra-tests.lock");
	return fd;
}

static int run(const struct group *g, bool kvm)
{
	int alone = g->alone ? be_alone() : -1;
	const uint64_t start = clock_ns();
	struct CMUnitTest tests[GROUP_TESTS_MAX];
	int failed;

	for (size_t i = 0; i < g->count; i++)
		tests[i] =
			kvm ? g->tests[i]
			    : (struct CMUnitTest){.name = g->tests[i].name, .test_func = not_here};
	failed = _cmocka_run_group_tests(g->name, tests, g->count, NULL, NULL);
	if (alone >= 0)
		close(alone);
	/* Where the time goes, of a suite that has to be waited for on five hosts. */
	printf("group %s: %.1f s\n", g->name, (double)(clock_ns() - start) / 1e9);
	return failed;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i] + (*argv[i] == '-'), name) == 0)
			return *argv[i] != '-';
	return argc < 2 || *argv[1] == '-';
}

static bool is_group(const char *name)
{
	for (size_t i = 0; i < GROUPS; i++)
		if (strcmp(groups[i]->name, name) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool kvm = have_kvm();
	int failed = 0;

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < GROUPS; i++)
			for (size_t k = 0; k < groups[i]->count; k++)
				printf("%s/%s\n", groups[i]->name, groups[i]->tests[k].name);
		return 0;
	}
	for (int i = 1; i < argc; i++)
		if (!is_group(argv[i] + (*argv[i] == '-'))) {
			fprintf(stderr, "machine-tests: no group %s; see --list\n", argv[i]);
			return 125;
		}
	for (size_t i = 0; i < GROUPS; i++) {
		if (!is_wanted(groups[i]->name, argc, argv))
			continue;
		/* The last resort: what hangs is not to hang the one who waits for it. */
		alarm(getenv("PENUMBRA_RIG") ? 1200 : 400);
		failed += run(groups[i], kvm) != 0;
	}
	if (failed)
		printf("%d of %zu groups failed\n", failed, GROUPS);
	return failed != 0;
}
