/* SPDX-License-Identifier: MIT */
/* Every allocation of every command fails in turn: its own, libc's, and those of its libraries. */
#include "fault_commands.h"
#include "fixture.h"
#include "groups.h"

#include <stdlib.h>
#include <unistd.h>

#define ALLOCATE	      "build/tests/penumbra-allocate"
#define EMBEDDED	      "build/tests/embed-allocate"

#define ALLOCATES(title, ...) .name = (title), .argv = {ALLOCATE, __VA_ARGS__}

/* libseccomp dies when an allocation of its own fails: runs are outside of the sandbox. */
#define OUTSIDE(title, word, ...) \
	.name = (title), .says = true, .argv = {ALLOCATE, word, "--no-sandbox", __VA_ARGS__}

static const struct command runs[] = {
	{OUTSIDE("run", "run", HELLO)},
	{OUTSIDE("run pie", "run", SCRIPT_PIE, "--", "exit", "0")},
	{OUTSIDE("stats", "run", "--mmu=shadow", "--stats", "--stats-file=" OUTPUT, FAULT),
	 .file = OUTPUT, .file_is_right = fault_json_is_right},
	{OUTSIDE("stats whole", "run", "--mmu=shadow", "--no-warnings", "--stats-file=/dev/stdout",
		 SCRIPT, "--", "exit", "0"),
	 .varies = true, .json = true},
	{OUTSIDE("toggle", "run", "--toggle-every=2", FAULT)},
	{OUTSIDE("vtlb", "run", "--mmu=shadow", "--shadow-strategy=vtlb", FAULT)},
	{OUTSIDE("lines", "run", "--trace=-", FAULT)},
	{OUTSIDE("sources", "run", "--trace=" TRACE, "--trace-source=guest,break,uffd,stats",
		 FAULT),
	 .file = TRACE, .file_is_right = fault_trace_is_right},
	{.name = "embed", .argv = {EMBEDDED, GUEST}, .foreign = true, .extra = 1},
};

static const struct command readers[] = {
	{ALLOCATES("trace", "trace", SHADOW)},
	{ALLOCATES("summary", "trace", "--summary", SHADOW)},
	{ALLOCATES("summary json", "trace", "--summary", "--json", "--output=" OUTPUT, SHADOW),
	 .file = OUTPUT},
	{ALLOCATES("json", "trace", "--export=json", SHADOW)},
	{ALLOCATES("csv", "trace", "--export=csv", SHADOW)},
	{ALLOCATES("chrome", "trace", "--export=chrome", "--output=" OUTPUT, SHADOW),
	 .file = OUTPUT},
	{ALLOCATES("folded", "trace", "--export=folded", SHADOW)},
	{ALLOCATES("callgrind", "trace", "--export=callgrind", SHADOW)},
	{ALLOCATES("html", "trace", "--html=" OUTPUT, SHADOW), .file = OUTPUT},
	{ALLOCATES("diff", "trace", "diff", HW, SHADOW)},
	{ALLOCATES("diff json", "trace", "diff", "--json", "--output=" OUTPUT, HW, SHADOW),
	 .file = OUTPUT},
};

static const struct command others[] = {
	{OUTSIDE("explain", "explain", "--gva=0x100000", FAULT), .varies = true},
	{OUTSIDE("explain json", "explain", "--at=fault:1", "--mmu=shadow", "--json", FAULT),
	 .varies = true, .json = true},
	{OUTSIDE("explain svg", "explain", "--at=fault:1", "--mmu=shadow", "--svg", FAULT),
	 .varies = true},
	{ALLOCATES("doctor", "doctor"), .varies = true, .finds = true, .own = true},
	{ALLOCATES("doctor json", "doctor", "--json"), .varies = true, .finds = true, .own = true,
	 .json = true},
	{ALLOCATES("bench startup", "bench", "startup", "--rounds=1", "--json"), .varies = true,
	 .json = true, .slow = true},
};

static void allocations(const struct command *commands, size_t count)
{
	static struct complaints found;

	skip_without(ALLOCATE);
	skip_without(EMBEDDED);
	found = (struct complaints){0};
	if (getenv("PENUMBRA_FAULTS_EVERY"))
		alarm(7200);
	for (size_t i = 0; i < count; i++)
		campaign_allocations(&commands[i], &found);
	fault_check(&found);
}

static void every_allocation_of_a_run(void **state)
{
	(void)state;
	allocations(runs, COUNT(runs));
}

static void every_allocation_of_a_reader_of_traces(void **state)
{
	(void)state;
	allocations(readers, COUNT(readers));
}

static void every_allocation_of_the_other_commands(void **state)
{
	(void)state;
	allocations(others, COUNT(others));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_allocation_of_a_run),
	cmocka_unit_test_setup_teardown(every_allocation_of_a_reader_of_traces, fault_traces_make,
					fault_traces_remove),
	cmocka_unit_test(every_allocation_of_the_other_commands),
};

GROUP_ALONE_OF(fault_memory, tests);
