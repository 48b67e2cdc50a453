/* SPDX-License-Identifier: MIT */
/* penumbra bench: measurements, each with its yardstick. Numbers are reported, never judged. */
#include "cli/bench/bench.h"

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/parse.h"
#include "cli/sandbox.h"

#include <string.h>

static const char usage[] =
	"usage: penumbra bench [OPTION]... [WORKLOAD]...\n"
	"       penumbra bench compare [--gate=LIST] BEFORE.json NOW.json\n"
	"       penumbra bench startup|walk|trace [OPTION]...\n"
	"       penumbra bench shadow [OPTION]... [OPERATION]...\n"
	"\n"
	"Without a name, or with those of workloads (docs/bench.md): what one operation\n"
	"costs in hw mode and in shadow mode with each strategy, in time and in exits.\n"
	"\n"
	"  compare   what has changed between two results of --json: counts exactly,\n"
	"            times by the interval of their ratio\n"
	"  startup   from process start to the guest's first exit and to process end, by\n"
	"            phase, and the round trip of an OUT, each beside a bare program that\n"
	"            makes the same KVM calls and nothing else\n"
	"  walk      translations a second by the page-table walker over 1 GiB of mapped\n"
	"            guest memory, random order, hot tables\n"
	"  shadow    exits per paging operation and per workload in shadow mode, beside\n"
	"            those of the host's own KVM in hw mode; the time of a hidden fault\n"
	"            beside a bare one\n"
	"  trace     a run in shadow mode with a trace beside the same without; events a\n"
	"            second into the ring; a summary of a large trace\n"
	"\n"
	"  --rounds=N  rounds of times, 1 to 1000 (default 25)\n"
	"  --counts    of shadow only the counts per operation: no workloads, no times;\n"
	"              so too if operations are named, as --json names them; fault-time\n"
	"              is the time of a hidden fault\n"
	"  --json      print one JSON object\n"
	"  --csv       of workloads: a line for each workload and column\n"
	"  --gate=LIST of compare: what may change, in percent (default\n"
	"              counts=0%,time=20%)\n"
	"  --no-sandbox\n"
	"              run the guests without the sandbox\n"
	"  --help      print this\n"
	"\n"
	"Times vary with the machine: read the ratios, medians of paired rounds,\n"
	"with their least and greatest. Counts of shadow mode are exact.\n"
	"\n"
	"Exit status: 0 done; of compare 1 something is worse, 2 something is missing;\n"
	"125 Penumbra's failure; 126 the host lacks what was asked for.\n";

#define ROUNDS_DEFAULT 25

json_t *bench_spread_json(struct sample *s)
{
	struct spread v = sample_spread(s);

	return json_pack("{s:f, s:f, s:f}", "median", v.median, "min", v.min, "max", v.max);
}

json_t *bench_pair_json(struct sample *penumbra, struct sample *bare, struct sample *ratio)
{
	return json_pack("{s:o, s:o, s:o}", "penumbra_ns", bench_spread_json(penumbra), "bare_ns",
			 bench_spread_json(bare), "ratio", bench_spread_json(ratio));
}

void bench_print_head(const char *first)
{
	printf("%-20s %10s %10s %8s  %s\n", first, "penumbra", "bare", "ratio", "min to max");
	printf("%-20s %10s %10s\n", "", "us", "us");
}

void bench_print_pair(const char *name, struct sample *penumbra, struct sample *bare,
		      struct sample *ratio)
{
	struct spread p = sample_spread(penumbra), b = sample_spread(bare);
	struct spread r = sample_spread(ratio);

	printf("%-20s %10.1f %10.1f %8.2f  %5.2f to %.2f\n", name, p.median / 1e3, b.median / 1e3,
	       r.median, r.min, r.max);
}

int bench_print_json(json_t *object)
{
	bool failed;

	if (!object)
		return cli_fail("out of memory");
	failed = json_dumpf(object, stdout, JSON_INDENT(2)) && !ferror(stdout);
	putchar('\n');
	json_decref(object);
	return failed ? cli_fail("out of memory") : cli_finish(0);
}

struct command {
	const char *name;
	int (*run)(const struct bench_request *r);
	bool takes_names; /* and --counts */
};

static const struct command commands[] = {
	{"compare", bench_compare_command, true}, {"startup", bench_startup_command, false},
	{"walk", bench_walk_command, false},	  {"shadow", bench_shadow_command, true},
	{"trace", bench_trace_command, false},
};

static int take(void *arg, int option, const char *value)
{
	struct bench_request *r = arg;
	uint64_t n;

	switch (option) {
	case 'c': r->counts_only = true; return 0;
	case 'j': r->json = true; return 0;
	case 's': r->sandbox.off = true; return 0;
	case 'g': r->gate = value; return 0;
	case 'v': r->csv = true; return 0;
	default:
		if (!parse_count(value, &n) || n < 1 || n > 1000)
			return cli_bad_value("rounds", value, "give 1 to 1000");
		r->rounds = (unsigned)n;
		return 0;
	}
}

static const struct option options[] = {
	{"rounds", required_argument, NULL, 'r'},  {"counts", no_argument, NULL, 'c'},
	{"gate", required_argument, NULL, 'g'},	   {"csv", no_argument, NULL, 'v'},
	{"json", no_argument, NULL, 'j'},	   {"no-sandbox", no_argument, NULL, 's'},
	{"help", no_argument, NULL, CLI_OPT_HELP}, {0},
};

static const struct cli_syntax syntax = {
	.command = "bench", .usage = usage, .options = options, .mixed = true, .take = take};

int cli_bench(int argc, char **argv)
{
	struct bench_request r = {.rounds = ROUNDS_DEFAULT};
	int status = cli_options(&syntax, &r, argc, argv);

	if (status)
		return status < 0 ? cli_finish(0) : status;
	r.name = argv + optind;
	r.names = argc - optind;
	cli_sandbox_say(&r.sandbox);
	for (size_t i = 0; r.names && i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *c = &commands[i];

		if (strcmp(r.name[0], c->name) != 0)
			continue;
		r.name++;
		r.names--;
		if (r.csv)
			return cli_fail("bench %s: has no --csv; see penumbra bench --help",
					c->name);
		if (!c->takes_names && (r.names || r.counts_only))
			return cli_fail("bench %s: takes no %s; see penumbra bench --help", c->name,
					r.names ? r.name[0] : "--counts");
		return c->run(&r);
	}
	if (r.json && r.csv)
		return cli_fail("--json and --csv: give one of them");
	return bench_lab_command(&r);
}
