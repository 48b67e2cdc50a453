/* SPDX-License-Identifier: MIT */
/* penumbra bench: measurements, each with its yardstick. Numbers are reported, never judged. */
#include "bench/startup.h"
#include "bench/trip.h"
#include "bench/walk.h"
#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/paths.h"
#include "kvm/vendor.h"

#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: penumbra bench startup|walk [OPTION]...\n"
	"\n"
	"  startup   from process start to the guest's first exit and to process end, by\n"
	"            phase, and the round trip of an OUT, each beside a bare program that\n"
	"            makes the same KVM calls and nothing else\n"
	"  walk      translations a second by the page-table walker over 1 GiB of mapped\n"
	"            guest memory, random order, hot tables\n"
	"\n"
	"  --rounds=N  rounds of startup, 1 to 1000 (default 25)\n"
	"  --json      print one JSON object\n"
	"  --help      print this\n"
	"\n"
	"Times vary with the machine: read the ratios, which are medians of paired rounds,\n"
	"with their least and greatest.\n";

#define ROUNDS_DEFAULT 25
#define TRIP_EXITS     2000

struct request {
	bool json;
	unsigned rounds;
};

static json_t *spread_json(struct sample *s)
{
	struct spread v = sample_spread(s);

	return json_pack("{s:f, s:f, s:f}", "median", v.median, "min", v.min, "max", v.max);
}

static json_t *pair_json(struct sample *penumbra, struct sample *bare, struct sample *ratio)
{
	return json_pack("{s:o, s:o, s:o}", "penumbra_ns", spread_json(penumbra), "bare_ns",
			 spread_json(bare), "ratio", spread_json(ratio));
}

/* One row: both medians in microseconds, and the ratio with its spread. */
static void print_pair(const char *name, struct sample *penumbra, struct sample *bare,
		       struct sample *ratio)
{
	struct spread p = sample_spread(penumbra), b = sample_spread(bare);
	struct spread r = sample_spread(ratio);

	printf("%-20s %10.1f %10.1f %8.2f  %5.2f to %.2f\n", name, p.median / 1e3, b.median / 1e3,
	       r.median, r.min, r.max);
}

static int print_json(json_t *object)
{
	if (!object)
		return cli_fail("out of memory");
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
	return cli_finish(0);
}

static int report_startup(const struct request *r, struct bench_startup *s, struct bench_trip *t)
{
	const char *host = pn_paging_name(kvm_vendor_paging());

	if (r->json) {
		json_t *phases = json_object();

		for (unsigned i = 0; i < PHASES; i++)
			json_object_set_new(phases, startup_phase_names[i],
					    pair_json(&s->penumbra[i], &s->bare[i], &s->ratio[i]));
		return print_json(json_pack("{s:s, s:i, s:o, s:o}", "host_paging", host, "rounds",
					    (int)r->rounds, "startup", phases, "out_round_trip",
					    pair_json(&t->penumbra, &t->bare, &t->ratio)));
	}
	printf("host: %s; %u rounds, interleaved, warm\n\n", host, r->rounds);
	printf("%-20s %10s %10s %8s  %s\n", "phase", "penumbra", "bare", "ratio", "min to max");
	printf("%-20s %10s %10s\n", "", "us", "us");
	for (unsigned i = 0; i < PHASES; i++)
		print_pair(startup_phase_names[i], &s->penumbra[i], &s->bare[i], &s->ratio[i]);
	print_pair("OUT round trip", &t->penumbra, &t->bare, &t->ratio);
	return cli_finish(0);
}

static int bench_startup_command(const struct request *r)
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
		if (bench_startup(s, r->rounds, self, bare, guest_exit, &err) ||
		    bench_trip(t, r->rounds, TRIP_EXITS, guest_out, &err))
			status = cli_fail_error(&err);
		else
			status = report_startup(r, s, t);
	}
	free(s);
	free(t);
	return status;
}

static json_t *walk_json(const struct bench_walk_figure *f)
{
	return json_pack("{s:f, s:f, s:f}", "median", f->median_ns, "min", f->min_ns, "max",
			 f->max_ns);
}

static void print_walk(const char *name, const struct bench_walk_figure *f)
{
	printf("%-20s %8.2f %10.1f   %.2f to %.2f\n", name, f->median_ns, 1e3 / f->median_ns,
	       f->min_ns, f->max_ns);
}

static int bench_walk_command(const struct request *r)
{
	struct bench_walk_result w;
	int code = bench_walk(&w);

	if (code)
		return cli_fail("bench walk: %s", pn_code_name(code));
	if (r->json)
		return print_json(json_pack(
			"{s:I, s:I, s:i, s:o, s:o}", "mapped_bytes", (json_int_t)w.mapped, "walks",
			(json_int_t)w.walks, "rounds", (int)w.rounds, "page_4k_ns",
			walk_json(&w.page_4k), "page_2m_ns", walk_json(&w.page_2m)));
	printf("4-level walks over %llu MiB, random order, hot tables; %u rounds of %llu\n\n",
	       (unsigned long long)w.mapped >> 20, w.rounds, (unsigned long long)w.walks);
	printf("%-20s %8s %10s   %s\n", "leaf", "ns", "million/s", "ns, min to max");
	print_walk("4 KiB", &w.page_4k);
	print_walk("2 MiB", &w.page_2m);
	return cli_finish(0);
}

struct command {
	const char *name;
	int (*run)(const struct request *r);
};

static const struct command commands[] = {
	{"startup", bench_startup_command},
	{"walk", bench_walk_command},
};

static int parse_arguments(struct request *r, int argc, char **argv)
{
	static const struct option options[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	uint64_t n;
	int option, at = 1;

	optind = 0;
	opterr = 0;
	for (; (option = getopt_long(argc, argv, ":", options, NULL)) != -1; at = optind) {
		switch (option) {
		case 'j': r->json = true; break;
		case 'h': fputs(usage, stdout); return -1;
		case 'r':
			if (!parse_count(optarg, &n) || n < 1 || n > 1000)
				return cli_fail("--rounds=%s: give 1 to 1000", optarg);
			r->rounds = (unsigned)n;
			break;
		default:
			return cli_fail("%s: %s; see penumbra bench --help", argv[at],
					option == ':' ? "needs a value" : "no such option");
		}
	}
	return 0;
}

int cli_bench(int argc, char **argv)
{
	struct request r = {.rounds = ROUNDS_DEFAULT};
	int status = parse_arguments(&r, argc, argv);

	if (status)
		return status < 0 ? cli_finish(0) : status;
	if (argc - optind != 1)
		return cli_fail("bench: which measurement? give startup or walk; see penumbra "
				"bench --help");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[optind], commands[i].name) == 0)
			return commands[i].run(&r);
	return cli_fail("bench: %s: no such measurement; give startup or walk", argv[optind]);
}
