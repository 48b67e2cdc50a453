/* SPDX-License-Identifier: MIT */
/* penumbra bench, of the workloads: one table of times and one of counts, or all of it as JSON. */
#include "bench/lab.h"

#include "cli/bench/bench.h"
#include "cli/cli.h"
#include "cli/json_make.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "cli/sandbox.h"
#include "kvm/probe.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/utsname.h>

#define LONG_ENOUGH UINT64_C(4000000)
#define DECIMALS(x) ((x) < 100 ? 2 : (x) < 10000 ? 1 : 0)

/* What was done, one entry a workload. */
struct done {
	const struct lab_workload *w;
	struct lab_result result;
};

static json_t *rounds_json(const struct sample *s)
{
	struct spread v = sample_spread(s);
	json_t *rounds = json_array();

	for (unsigned i = 0; i < s->count; i++)
		rounds = json_and(rounds, json_real(s->value[i]));
	return json_pack("{s:f, s:f, s:f, s:f, s:o}", "median", v.median, "min", v.min, "max",
			 v.max, "mad", v.mad, "rounds", rounds);
}

static double median(const struct sample *s)
{
	return sample_spread(s).median;
}

static json_t *cell_json(const struct lab_cell *c, const struct lab_cell *hw)
{
	json_t *counts = json_object();
	struct interval i = sample_ratio(&c->ns, &hw->ns);

	for (unsigned k = 0; k < COUNTS; k++)
		counts = json_with(counts, count_names[k], json_real(c->count[k]));
	return json_pack("{s:I, s:o, s:o, s:o, s:I, s:{s:f, s:f, s:f}}", "operations",
			 (json_int_t)c->n, "ns", rounds_json(&c->ns), "tsc", rounds_json(&c->ticks),
			 "counts", counts, "shadow_peak", (json_int_t)c->shadow_peak, "ratio_to_hw",
			 "median", median(&c->ns) / median(&hw->ns), "low", i.low, "high", i.high);
}

static json_t *workload_json(const struct done *d)
{
	json_t *columns = json_object();

	for (unsigned i = 0; i < LAB_COLUMNS; i++)
		columns = json_with(columns, lab_column_names[i],
				    cell_json(&d->result.cell[i], &d->result.cell[LAB_HW]));
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "name", d->w->name, "operation", d->w->words,
			 "size", (json_int_t)d->w->size, "counted", (json_int_t)d->w->count,
			 "columns", columns);
}

static json_t *report_json(const struct done *done, unsigned count, const char *host,
			   unsigned rounds)
{
	json_t *workloads = json_array();
	struct utsname u;

	uname(&u);
	for (unsigned i = 0; i < count; i++)
		workloads = json_and(workloads, workload_json(&done[i]));
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:o}", "format", 1, "penumbra", PN_VERSION,
			 "host_paging", host, "kernel", u.release, "second", "warm", "rounds",
			 (int)rounds, "workloads", workloads);
}

/* --- For tables of others ------------------------------------------------------------------- */

static void print_csv(const struct done *done, unsigned count, const char *host)
{
	fputs("host,workload,column,operations,ns_median,ns_min,ns_max,ns_mad,tsc_median", stdout);
	for (unsigned k = 0; k < COUNTS; k++)
		printf(",%s", count_names[k]);
	puts(",shadow_peak,ratio,ratio_low,ratio_high");
	for (unsigned i = 0; i < count * LAB_COLUMNS; i++) {
		const struct done *d = &done[i / LAB_COLUMNS];
		const struct lab_cell *c = &d->result.cell[i % LAB_COLUMNS];
		const struct lab_cell *hw = &d->result.cell[LAB_HW];
		struct spread ns = sample_spread(&c->ns);
		struct interval ratio = sample_ratio(&c->ns, &hw->ns);

		printf("%s,%s,%s,%" PRIu64 ",%.2f,%.2f,%.2f,%.2f,%.1f", host, d->w->name,
		       lab_column_names[i % LAB_COLUMNS], c->n, ns.median, ns.min, ns.max, ns.mad,
		       median(&c->ticks));
		for (unsigned k = 0; k < COUNTS; k++)
			printf(",%g", c->count[k]);
		printf(",%" PRIu64 ",%.3f,%.3f,%.3f\n", c->shadow_peak, ns.median / median(&hw->ns),
		       ratio.low, ratio.high);
	}
}

/* --- For people ----------------------------------------------------------------------------- */

static void print_times(const struct done *done, unsigned count)
{
	printf("%-16s %9s %9s %7s %9s %7s %9s %7s\n", "ns an operation", "hw", "unsync", "of hw",
	       "wp", "of hw", "vtlb", "of hw");
	for (unsigned i = 0; i < count; i++) {
		const struct lab_cell *c = done[i].result.cell;
		double hw = median(&c[LAB_HW].ns);

		printf("%-16s %9.*f", done[i].w->name, DECIMALS(hw), hw);
		for (unsigned k = LAB_UNSYNC; k < LAB_COLUMNS; k++) {
			double ns = median(&c[k].ns);

			printf(" %9.*f %6.2fx", DECIMALS(ns), ns, ns / hw);
		}
		putchar('\n');
	}
}

static void print_counts(const struct done *done, unsigned count)
{
	printf("\n%-16s %7s %23s %15s %14s\n", "", "hw", "unsync", "wp", "vtlb");
	printf("%-16s %7s %7s %7s %7s %7s %7s %6s %7s\n", "an operation", "KVM", "exits", "hidden",
	       "KVM", "exits", "hidden", "exits", "hidden");
	for (unsigned i = 0; i < count; i++) {
		const struct lab_cell *c = done[i].result.cell;

		printf("%-16s %7.2f %7.2f %7.2f %7.2f %7.2f %7.2f %6.2f %7.2f\n", done[i].w->name,
		       c[LAB_HW].count[COUNT_KVM], c[LAB_UNSYNC].count[COUNT_EXITS],
		       c[LAB_UNSYNC].count[COUNT_HIDDEN], c[LAB_UNSYNC].count[COUNT_KVM],
		       c[LAB_WP].count[COUNT_EXITS], c[LAB_WP].count[COUNT_HIDDEN],
		       c[LAB_VTLB].count[COUNT_EXITS], c[LAB_VTLB].count[COUNT_HIDDEN]);
	}
}

static void print_report(const struct done *done, unsigned count, const char *host, unsigned rounds)
{
	printf("host: %s; second dimension warm\nmedians of %u rounds in turns\n\n", host, rounds);
	print_times(done, count);
	print_counts(done, count);
	printf("\nexits are Penumbra's (returns of KVM_RUN), KVM those to the host's kernel.\n");
}

/* --- Which ---------------------------------------------------------------------------------- */

static bool is_wanted(const struct bench_request *r, const struct lab_workload *w)
{
	for (int i = 0; i < r->names; i++) {
		size_t len = strlen(r->name[i]);

		/* "chase-4k" is all of its sizes. */
		if (strncmp(w->name, r->name[i], len) == 0 &&
		    (!w->name[len] || w->name[len] == '/'))
			return true;
	}
	return !r->names && w->by_default;
}

static int check_names(const struct bench_request *r)
{
	for (int i = 0; i < r->names; i++) {
		struct bench_request one = {.names = 1, .name = &r->name[i]};
		bool known = false;

		for (const struct lab_workload *w = lab_workloads; w->name; w++)
			known |= is_wanted(&one, w);
		if (!known)
			return cli_fail("bench: %s: no such workload; see penumbra bench --help",
					r->name[i]);
	}
	return 0;
}

int bench_lab_command(const struct bench_request *r)
{
	static struct done done[64];
	struct lab_request q = {.rounds = r->rounds,
				.long_enough = LONG_ENOUGH,
				.columns = (1u << LAB_COLUMNS) - 1,
				.sandbox = &r->sandbox};
	char guest[PATH_MAX];
	struct progress progress;
	enum pn_paging paging;
	struct pn_error err;
	unsigned count = 0, all = 0;
	int code = check_names(r);

	if (code)
		return code;
	if (!paths_find("guest/paging.elf", guest, sizeof(guest)))
		return CLI_FAILED;
	if (probe_paging(&paging, &err))
		return cli_fail_error(&err);
	q.guest = guest;
	for (const struct lab_workload *w = lab_workloads; w->name; w++)
		all += is_wanted(r, w);
	progress_begin(&progress, "bench", all, false);
	for (const struct lab_workload *w = lab_workloads; w->name && !code; w++) {
		if (!is_wanted(r, w))
			continue;
		done[count].w = w;
		code = lab_run(&done[count].result, w, &q, &err);
		progress_show(&progress, ++count);
	}
	progress_end(&progress);
	if (code)
		return cli_fail_error(&err);
	if (r->json)
		return bench_print_json(report_json(done, count, pn_paging_name(paging), q.rounds));
	if (r->csv)
		print_csv(done, count, pn_paging_name(paging));
	else
		print_report(done, count, pn_paging_name(paging), q.rounds);
	return cli_finish(0);
}
