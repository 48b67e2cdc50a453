/* SPDX-License-Identifier: MIT */
/* penumbra fuzz: hw mode, shadow mode and the walker against each other. */
#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/paths.h"
#include "cli/stop.h"
#include "fuzz/campaign.h"

#include "clock.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void watch_begin(void *arg, struct pn_machine *m)
{
	struct pn_error err;

	(void)arg;
	stop_arm(m, UINT64_C(20000000000), &err);
}

static void watch_end(void *arg)
{
	(void)arg;
	stop_disarm();
}

static bool watch_is_late(void *arg)
{
	(void)arg;
	return stop_signal() == SIGALRM;
}

int cli_fuzz(int argc, char **argv)
{
	static struct fuzz_campaign c;
	static const struct fuzz_watch watch = {watch_begin, watch_end, watch_is_late, NULL};
	char guest[PATH_MAX];
	struct pn_error err;

	if (!paths_find("guest/fuzz.elf", guest, sizeof(guest)))
		return CLI_FAILED;
	c.seed = argc > 1 ? strtoull(argv[1], 0, 0) : 1;
	c.steps = argc > 2 ? strtoull(argv[2], 0, 0) : 1000;
	c.modes = argc > 3 ? (unsigned)strtoull(argv[3], 0, 0) : 0xf;
	c.shards = 1;
	c.out = ".";
	c.watch = &watch;
	c.options.guest = guest;
	c.options.audit_every = argc > 4 ? strtoull(argv[4], 0, 0) : 1;
	for (unsigned i = 0; i < FUZZ_MODES; i++) {
		struct fuzz_campaign one = c;
		uint64_t t = clock_ns();

		one.modes = c.modes & 1u << i;
		if (!one.modes)
			continue;
		if (fuzz_campaign_run(&one, &err))
			return cli_fail_error(&err);
		t = clock_ns() - t;
		printf("%-14s %" PRIu64 " programs %" PRIu64 " steps %" PRIu64 " skipped %" PRIu64
		       " accesses %" PRIu64 " faults %" PRIu64 " open %" PRIu64 " old %" PRIu64
		       " toggles %" PRIu64 " exits %.2f us/step %u found\n",
		       fuzz_modes[i].name, one.counts[i].programs, one.counts[i].steps,
		       one.counts[i].skipped, one.counts[i].accesses, one.counts[i].faults,
		       one.counts[i].open, one.counts[i].old, one.counts[i].toggles,
		       one.counts[i].exits, (double)t / 1000 / (double)(one.counts[i].steps + 1),
		       one.founds);
		for (unsigned k = 0; k < one.founds; k++)
			printf("  program %" PRIu64 ", %zu lines: %s\n", one.found[k].program,
			       one.found[k].steps, one.found[k].why);
	}
	return 0;
}
