/* SPDX-License-Identifier: MIT */
/* penumbra bench startup: from the start of the process to the first exit, beside a bare program. */
#include "bench/startup.h"

#include "bench/trip.h"
#include "cli/bench/bench.h"
#include "cli/cli.h"
#include "cli/json_make.h"
#include "cli/paths.h"
#include "kvm/vendor.h"

#include <limits.h>
#include <stdlib.h>

#define TRIP_EXITS 2000

static int report(const struct bench_request *r, struct bench_startup *s, struct bench_trip *t)
{
	const char *host = pn_paging_name(kvm_vendor_paging());

	if (r->json) {
		json_t *phases = json_object();

		for (unsigned i = 0; i < PHASES; i++)
			phases = json_with(
				phases, startup_phase_names[i],
				bench_pair_json(&s->penumbra[i], &s->bare[i], &s->ratio[i]));
		return bench_print_json(
			json_pack("{s:s, s:i, s:o, s:o}", "host_paging", host, "rounds",
				  (int)r->rounds, "startup", phases, "out_round_trip",
				  bench_pair_json(&t->penumbra, &t->bare, &t->ratio)));
	}
	printf("host: %s; %u rounds, interleaved, warm\n\n", host, r->rounds);
	bench_print_head("phase");
	for (unsigned i = 0; i < PHASES; i++)
		bench_print_pair(startup_phase_names[i], &s->penumbra[i], &s->bare[i],
				 &s->ratio[i]);
	bench_print_pair("OUT round trip", &t->penumbra, &t->bare, &t->ratio);
	return cli_finish(0);
}

int bench_startup_command(const struct bench_request *r)
{
	char self[PATH_MAX], bare[PATH_MAX], guest_exit[PATH_MAX], guest_out[PATH_MAX];
	struct bench_startup *s = malloc(sizeof(*s));
	struct bench_trip *t = malloc(sizeof(*t));
	struct pn_error err;
	int status = CLI_FAILED;

	if (!s || !t)
		cli_fail("out of memory");
	else if (paths_self(self, sizeof(self)) &&
		 paths_find("penumbra-bare", bare, sizeof(bare)) &&
		 paths_find("guest/exit.elf", guest_exit, sizeof(guest_exit)) &&
		 paths_find("guest/out.elf", guest_out, sizeof(guest_out))) {
		if (bench_startup(s, r->rounds, self, bare, guest_exit, &r->sandbox, &err) ||
		    bench_trip(t, r->rounds, TRIP_EXITS, guest_out, &r->sandbox, &err))
			status = cli_fail_error(&err);
		else
			status = report(r, s, t);
	}
	free(s);
	free(t);
	return status;
}
