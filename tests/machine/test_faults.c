/* SPDX-License-Identifier: MIT */
/*
 * Faults from the host: every system call of every command is made to fail in turn
 * (faults/campaign.h says what is right then).
 */
#include "fixture.h"
#include "groups.h"
#include "process.h"

#include "faults/campaign.h"
#include "trace/file.h"

#include <jansson.h>
#include <unistd.h>

#define EMBED "build/examples/embed"
#define GUEST "build/examples/embed-guest.elf"
#define HELLO "build/examples/hello.elf"
#define FAULT "build/examples/fault.elf"

/* Files that commands write, and traces for them to read. */
#define TRACE  "/tmp/penumbra-faults.pnt"
#define OUTPUT "/tmp/penumbra-faults.out"
#define HW     "/tmp/penumbra-faults-hw.pnt"
#define SHADOW "/tmp/penumbra-faults-shadow.pnt"

/* A trace that is there can be read, or it has no head, and is refused. */
static bool trace_is_right(const char *path, int status, char *why, size_t size)
{
	static struct trace_reader r;
	struct pn_error err;
	int n;

	(void)status;
	if (access(path, F_OK) != 0)
		return true;
	if (trace_open(&r, path, &err)) {
		if (!strstr(err.text, "no trace of Penumbra's") &&
		    !strstr(err.text, "a damaged trace"))
			snprintf(why, size, "%s", err.text);
		return !*why;
	}
	while ((n = trace_read(&r, &err)) > 0)
		;
	if (n)
		snprintf(why, size, "the trace: %s", err.text);
	trace_close(&r);
	return !n;
}

/* Statistics that are there are whole. */
static bool json_is_right(const char *path, int status, char *why, size_t size)
{
	json_error_t error;
	json_t *json = NULL;

	(void)status;
	if (access(path, F_OK) != 0)
		return true;
	json = json_load_file(path, 0, &error);
	if (!json)
		snprintf(why, size, "%s: %s", path, error.text);
	json_decref(json);
	return json != NULL;
}

#define COMMAND(title, ...) .name = (title), .argv = {PENUMBRA, __VA_ARGS__}

static const struct command runs[] = {
	{COMMAND("run", "run", HELLO)},
	{COMMAND("run stats", "run", "--stats", "--stats-file=" OUTPUT, HELLO), .file = OUTPUT,
	 .file_is_right = json_is_right},
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
	 .file_is_right = trace_is_right},
	{COMMAND("trace shadow", "run", "--mmu=shadow", "--trace=" TRACE, FAULT), .file = TRACE,
	 .file_is_right = trace_is_right},
	{COMMAND("lines", "run", "--trace=-", FAULT)},
	{COMMAND("sources", "run", "--trace=" TRACE, "--trace-source=guest,break,uffd,stats",
		 FAULT),
	 .file = TRACE, .file_is_right = trace_is_right},
	{COMMAND("kernel", "run", "--trace=" TRACE, "--trace-source=kernel", FAULT), .file = TRACE,
	 .file_is_right = trace_is_right},
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

static int make_traces(void **state)
{
	static struct process p;

	(void)state;
	RUN(&p, "run", "--trace=" HW, FAULT);
	if (p.status == 0)
		RUN(&p, "run", "--trace=" SHADOW, "--mmu=shadow", FAULT);
	return p.status;
}

static int remove_traces(void **state)
{
	(void)state;
	unlink(HW);
	unlink(SHADOW);
	return 0;
}

static void calls(const struct command *commands, size_t count)
{
	static struct complaints found;

	found = (struct complaints){0};
	for (size_t i = 0; i < count; i++)
		campaign_calls(&commands[i], &found);
	print_message("%u runs\n", found.runs);
	if (found.count)
		fail_msg("%u of %u runs are wrong:\n%s", found.count, found.runs, found.text);
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
	cmocka_unit_test_setup_teardown(every_call_of_a_reader_of_traces, make_traces,
					remove_traces),
	cmocka_unit_test(every_call_of_the_other_commands),
};

GROUP_OF(faults, tests);
