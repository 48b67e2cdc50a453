/* SPDX-License-Identifier: MIT */
/* penumbra bench trace: what tracing costs, and how fast a trace is written and read. */
#include "bench/trace.h"

#include "cli/bench/bench.h"
#include "cli/cli.h"
#include "cli/json_make.h"
#include "cli/paths.h"
#include "kvm/probe.h"

#include <limits.h>
#include <stdlib.h>

static json_t *run_json(struct bench_trace_run *r)
{
	return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "name", r->words, "events",
			 (json_int_t)r->events, "dropped", (json_int_t)r->dropped, "plain_ns",
			 bench_spread_json(&r->plain), "traced_ns", bench_spread_json(&r->traced),
			 "ratio", bench_spread_json(&r->ratio), "elapsed_ratio",
			 bench_spread_json(&r->elapsed));
}

static int print_object(struct bench_trace *t, const char *host, unsigned rounds)
{
	json_t *runs = json_array();

	for (unsigned i = 0; i < TRACE_RUNS; i++)
		runs = json_and(runs, run_json(&t->run[i]));
	return bench_print_json(json_pack(
		"{s:s, s:i, s:o, s:I, s:o, s:I, s:o}", "host_paging", host, "rounds", (int)rounds,
		"runs", runs, "ring_records", (json_int_t)t->ring_records, "ring_record_ns",
		bench_spread_json(&t->ring_ns), "summary_bytes", (json_int_t)t->summary_bytes,
		"summary_ns", bench_spread_json(&t->summary_ns)));
}

static void print_run(struct bench_trace_run *r)
{
	struct spread plain = sample_spread(&r->plain), traced = sample_spread(&r->traced);
	struct spread ratio = sample_spread(&r->ratio), elapsed = sample_spread(&r->elapsed);

	printf("%-8s %8llu %7llu %8.2f %8.2f %7.3f  %5.3f to %5.3f %7.3f\n", r->words,
	       (unsigned long long)r->events, (unsigned long long)r->dropped, traced.median / 1e6,
	       plain.median / 1e6, ratio.median, ratio.min, ratio.max, elapsed.median);
}

static int print_report(struct bench_trace *t, const char *host, unsigned rounds)
{
	struct spread ring, summary;

	printf("host: %s\n\n"
	       "pagelab in shadow mode with every event written to a file, beside the same\n"
	       "without: processor time of the vCPU's thread; %u rounds in turns.\n\n"
	       "%-8s %8s %7s %8s %8s %7s  %-14s %7s\n"
	       "%-8s %8s %7s %8s %8s %7s  %-14s %7s\n",
	       host, rounds, "workload", "events", "lost", "traced", "plain", "ratio", "min to max",
	       "by the", "", "", "", "ms", "ms", "", "", "clock");
	for (unsigned i = 0; i < TRACE_RUNS; i++)
		print_run(&t->run[i]);
	ring = sample_spread(&t->ring_ns);
	summary = sample_spread(&t->summary_ns);
	printf("\ninto the ring, a thread taking: %.1f million events a second (%.1f to %.1f)\n"
	       "summary: %.2f s for a trace of 1 GB (%.2f to %.2f), from one of %llu MB\n",
	       1e3 / ring.median, 1e3 / ring.max, 1e3 / ring.min,
	       summary.median / (double)t->summary_bytes, summary.min / (double)t->summary_bytes,
	       summary.max / (double)t->summary_bytes,
	       (unsigned long long)t->summary_bytes / 1000000);
	return cli_finish(0);
}

int bench_trace_command(const struct bench_request *r)
{
	struct bench_trace *t = calloc(1, sizeof(*t));
	char guest[PATH_MAX];
	enum pn_paging paging;
	struct pn_error err;
	int status;

	if (!t)
		return cli_fail("out of memory");
	if (!paths_find("guest/pagelab.elf", guest, sizeof(guest))) {
		free(t);
		return CLI_FAILED;
	}
	if (probe_paging(&paging, &err) || bench_trace(t, r->rounds, guest, &r->sandbox, &err))
		status = cli_fail_error(&err);
	else if (r->json)
		status = print_object(t, pn_paging_name(paging), r->rounds);
	else
		status = print_report(t, pn_paging_name(paging), r->rounds);
	free(t);
	return status;
}
