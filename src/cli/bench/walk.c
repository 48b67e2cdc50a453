/* SPDX-License-Identifier: MIT */
/* penumbra bench walk: the page-table walker alone, without a guest. */
#include "bench/walk.h"

#include "cli/bench/bench.h"
#include "cli/cli.h"

static json_t *figure_json(const struct bench_walk_figure *f)
{
	return json_pack("{s:f, s:f, s:f}", "median", f->median_ns, "min", f->min_ns, "max",
			 f->max_ns);
}

static void print_figure(const char *name, const struct bench_walk_figure *f)
{
	printf("%-20s %8.2f %10.1f   %.2f to %.2f\n", name, f->median_ns, 1e3 / f->median_ns,
	       f->min_ns, f->max_ns);
}

int bench_walk_command(const struct bench_request *r)
{
	struct bench_walk_result w;
	int code = bench_walk(&w);

	if (code)
		return cli_fail("bench walk: %s", pn_code_name(code));
	if (r->json)
		return bench_print_json(json_pack(
			"{s:I, s:I, s:i, s:o, s:o}", "mapped_bytes", (json_int_t)w.mapped, "walks",
			(json_int_t)w.walks, "rounds", (int)w.rounds, "page_4k_ns",
			figure_json(&w.page_4k), "page_2m_ns", figure_json(&w.page_2m)));
	printf("4-level walks over %llu MiB, random order, hot tables; %u rounds of %llu\n\n",
	       (unsigned long long)w.mapped >> 20, w.rounds, (unsigned long long)w.walks);
	printf("%-20s %8s %10s   %s\n", "leaf", "ns", "million/s", "ns, min to max");
	print_figure("4 KiB", &w.page_4k);
	print_figure("2 MiB", &w.page_2m);
	return cli_finish(0);
}
