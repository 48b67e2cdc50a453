/* SPDX-License-Identifier: MIT */
/* Faults from the host: every system call of every command, made to fail in turn. */
#include "fixture.h"
#include "groups.h"

#include "faults/campaign.h"
#include "trace/file.h"

#include <stdlib.h>
#include <unistd.h>

#define PAGELAB "build/guest/pagelab.elf"
#define HELLO	"build/examples/hello.elf"
#define TRACE	"/tmp/penumbra-faults.pnt"
#define OUTPUT	"/tmp/penumbra-faults.out"

#define COMMAND(title, ...) .name = (title), .argv = {PENUMBRA, __VA_ARGS__}

static const struct command commands[] = {
	{COMMAND("run", "run", HELLO)},
	{COMMAND("run shadow", "run", "--mmu=shadow", "--no-warnings", HELLO)},
	{COMMAND("run trace", "run", "--trace=" TRACE, HELLO), .file = TRACE},
	{COMMAND("doctor", "doctor"), .varies = true, .extra = 1},
};

static void calls(void **state)
{
	static struct complaints found;
	const struct command *c = *state;

	found = (struct complaints){0};
	campaign_calls(c, &found);
	print_message("%s: %u runs\n", c->name, found.runs);
	if (found.count)
		fail_msg("%u of %u runs are wrong:\n%s", found.count, found.runs, found.text);
}

static const struct CMUnitTest tests[] = {
	{"run", calls, NULL, NULL, (void *)(uintptr_t)&commands[0]},
	{"run shadow", calls, NULL, NULL, (void *)(uintptr_t)&commands[1]},
	{"run trace", calls, NULL, NULL, (void *)(uintptr_t)&commands[2]},
	{"doctor", calls, NULL, NULL, (void *)(uintptr_t)&commands[3]},
};

GROUP_OF(faults, tests);
