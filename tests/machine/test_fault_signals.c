/* SPDX-License-Identifier: MIT */
/* A signal at any of a command's system calls. */
#include "fault_commands.h"
#include "fixture.h"
#include "groups.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* With statistics, which are promised to one that is stopped, and a trace. */
static const struct command run = {
	COMMAND("run", "run", "--stats", "--toggle-every=3", "--trace=" TRACE, FAULT),
	.file = TRACE,
	.file_is_right = fault_trace_is_right,
};

static const struct command sources = {
	COMMAND("sources", "run", "--trace=" TRACE, "--trace-source=guest,break,uffd,stats", FAULT),
	.file = TRACE,
	.file_is_right = fault_trace_is_right,
};

static const struct command quiet = {
	COMMAND("shadow", "run", "--mmu=shadow", FAULT),
};

static const struct command explain = {
	COMMAND("explain", "explain", "--gva=0x100000", FAULT),
	.varies = true,
};

static void signals(const struct command *command, const struct signal_rule *rules, size_t count)
{
	static struct complaints found;

	found = (struct complaints){0};
	if (getenv("PENUMBRA_FAULTS_EVERY"))
		alarm(7200);
	for (size_t i = 0; i < count; i++)
		campaign_signal(command, &rules[i], &found);
	fault_check(&found);
}

/* What is promised of a run that is stopped: why, and its statistics. */
static void a_signal_stops_a_run_at_any_call(void **state)
{
	static const struct signal_rule rules[] = {
		{SIGINT, 128 + SIGINT, "last exits", true},
		{SIGTERM, 128 + SIGTERM, "stopped by signal 15", true},
		{SIGHUP, 128 + SIGHUP, "stopped by signal 1 ", true},
		{SIGALRM, 124, "time limit", true},
	};

	(void)state;
	signals(&run, rules, COUNT(rules));
}

static void sigusr1_ends_nothing_at_any_call(void **state)
{
	static const struct signal_rule rule = {SIGUSR1, 0, NULL, false};

	(void)state;
	signals(&quiet, &rule, 1);
	signals(&run, &rule, 1);
}

static void sigkill_at_any_call_leaves_a_trace_that_can_be_read(void **state)
{
	static const struct signal_rule rule = {SIGKILL, 1000 + SIGKILL, NULL, true};

	(void)state;
	signals(&run, &rule, 1);
	signals(&sources, &rule, 1);
}

static void a_signal_stops_explain_at_any_call(void **state)
{
	static const struct signal_rule rule = {SIGINT, 128 + SIGINT, NULL, true};

	(void)state;
	signals(&explain, &rule, 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_signal_stops_a_run_at_any_call),
	cmocka_unit_test(sigusr1_ends_nothing_at_any_call),
	cmocka_unit_test(sigkill_at_any_call_leaves_a_trace_that_can_be_read),
	cmocka_unit_test(a_signal_stops_explain_at_any_call),
};

GROUP_ALONE_OF(fault_signals, tests);
