/* SPDX-License-Identifier: MIT */
/*
 * Faults from the host: every system call of every command is made to fail in turn
 * (faults/campaign.h says what is right then).
 */
#include "fault_commands.h"
#include "fixture.h"
#include "groups.h"

#include <stdlib.h>
#include <unistd.h>

static const struct command runs[] = {
	{COMMAND("run", "run", HELLO)},
	{COMMAND("run stats", "run", "--stats", "--stats-file=" OUTPUT, HELLO), .file = OUTPUT,
	 .file_is_right = fault_json_is_right},
	{COMMAND("run pie", "run", SCRIPT_PIE, "--", "exit", "0")},
	{COMMAND("run tdp", "run", "--mmu=tdp", FAULT), .refused_too = true},
	{.name = "embed", .argv = {EMBED, GUEST}, .foreign = true, .extra = 1},
};

static const struct command modes[] = {
	{COMMAND("shadow", "run", "--mmu=shadow", "--no-warnings", FAULT)},
	{COMMAND("wp", "run", "--mmu=shadow", "--shadow-strategy=wp", FAULT)},
	{COMMAND("vtlb", "run", "--mmu=shadow", "--shadow-strategy=vtlb", FAULT)},
	{COMMAND("toggle", "run", "--toggle-every=2", FAULT)},
	{COMMAND("toggle ms", "run", "--toggle-every=1ms", "--mmu=shadow", "--audit", FAULT)},
};

static const struct command traced[] = {
	{COMMAND("trace hw", "run", "--trace=" TRACE, FAULT), .file = TRACE,
	 .file_is_right = fault_trace_is_right},
	{COMMAND("trace shadow", "run", "--mmu=shadow", "--trace=" TRACE, FAULT), .file = TRACE,
	 .file_is_right = fault_trace_is_right},
	{COMMAND("lines", "run", "--trace=-", FAULT)},
	{COMMAND("sources", "run", "--trace=" TRACE, "--trace-source=guest,break,uffd,stats",
		 FAULT),
	 .file = TRACE, .file_is_right = fault_trace_is_right},
	{COMMAND("kernel", "run", "--trace=" TRACE, "--trace-source=kernel", FAULT), .file = TRACE,
	 .file_is_right = fault_trace_is_right, .only = {"mkdir", "splice", "clone"}, .says = true},
};

static const struct command readers[] = {
	{COMMAND("trace", "trace", SHADOW)},
	{COMMAND("summary", "trace", "--summary", SHADOW)},
	{COMMAND("summary json", "trace", "--summary", "--json", "--output=" OUTPUT, SHADOW),
	 .file = OUTPUT},
	{COMMAND("export json", "trace", "--export=json", SHADOW)},
	{COMMAND("export chrome", "trace", "--export=chrome", "--output=" OUTPUT, SHADOW),
	 .file = OUTPUT},
	{COMMAND("export callgrind", "trace", "--export=callgrind", SHADOW)},
	{COMMAND("html", "trace", "--html=" OUTPUT, SHADOW), .file = OUTPUT},
	{COMMAND("diff", "trace", "diff", HW, SHADOW)},
	{COMMAND("diff json", "trace", "diff", "--json", "--output=" OUTPUT, HW, SHADOW),
	 .file = OUTPUT},
};

static const struct command others[] = {
	{COMMAND("explain", "explain", "--gva=0x100000", FAULT), .varies = true},
	{COMMAND("explain json", "explain", "--at=fault:1", "--mmu=shadow", "--json", FAULT),
	 .varies = true},
	{COMMAND("explain svg", "explain", "--at=fault:1", "--mmu=shadow", "--svg", FAULT),
	 .varies = true},
	{COMMAND("doctor", "doctor"), .varies = true, .finds = true,
	 .only = {"openat /dev", "openat /proc", "ioctl", "memfd", "timer", "write", "user"}},
	{COMMAND("doctor json", "doctor", "--json"), .varies = true, .finds = true,
	 .only = {"openat /dev", "ioctl KVM_CREATE_VM", "write"}},
	{COMMAND("bench startup", "bench", "startup", "--rounds=1"), .varies = true,
	 .only = {"memfd_create", "clone", "vfork", "ioctl KVM_CREATE_VM"}},
	{COMMAND("demo", "demo"), .varies = true, .slow = true},
};

static void calls(const struct command *commands, size_t count)
{
	static struct complaints found;

	found = (struct complaints){0};
	/* The long form takes longer than a group may. */
	if (getenv("PENUMBRA_FAULTS_EVERY"))
		alarm(7200);
	for (size_t i = 0; i < count; i++)
		campaign_calls(&commands[i], &found);
	fault_check(&found);
}

static void every_call_of_a_run(void **state)
{
	(void)state;
	calls(runs, COUNT(runs));
}

static void every_call_of_both_modes(void **state)
{
	(void)state;
	calls(modes, COUNT(modes));
}

static void every_call_of_a_traced_run(void **state)
{
	(void)state;
	calls(traced, COUNT(traced));
}

static void every_call_of_a_reader_of_traces(void **state)
{
	(void)state;
	calls(readers, COUNT(readers));
}

static void every_call_of_the_other_commands(void **state)
{
	(void)state;
	calls(others, COUNT(others));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_call_of_a_run),
	cmocka_unit_test(every_call_of_both_modes),
	cmocka_unit_test(every_call_of_a_traced_run),
	cmocka_unit_test_setup_teardown(every_call_of_a_reader_of_traces, fault_traces_make,
					fault_traces_remove),
	cmocka_unit_test(every_call_of_the_other_commands),
};

GROUP_ALONE_OF(faults, tests);
