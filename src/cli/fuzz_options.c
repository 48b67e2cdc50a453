/* SPDX-License-Identifier: MIT */
/* The command line of `penumbra fuzz`. */
#include "cli/cli.h"
#include "cli/fuzz.h"
#include "cli/parse.h"

#include <getopt.h>
#include <string.h>

static const char usage[] =
	"usage: penumbra fuzz [OPTION]...\n"
	"       penumbra fuzz replay [OPTION]... CASE...\n"
	"       penumbra fuzz merge [--json] RESULT...\n"
	"\n"
	"Makes random programs of table edits, flushes, register writes and accesses,\n"
	"runs each in hw mode, in shadow mode with each strategy, and changing modes, and\n"
	"holds every outcome, all memory and the A and D flags against the page-table\n"
	"walker. A difference is made as short as can be and kept as a case. replay runs\n"
	"cases again; merge sums up the results of shards.\n"
	"\n"
	"  --seed=N            where the programs come from (default 1)\n"
	"  --steps=N           operations in each mode, 1000 a program (default 100000)\n"
	"  --hosts=LIST        the modes, with commas between: hw, shadow:vtlb,\n"
	"                      shadow:wp, shadow:unsync, toggle:vtlb, toggle:wp,\n"
	"                      toggle:unsync; shadow and toggle alone are three each\n"
	"                      (default: all)\n"
	"  --shard=I/N         only every N-th program, from I on; I is 0 to N - 1\n"
	"  --out=DIR           keep cases and the result there\n"
	"  --time=SECONDS      stop after so long\n"
	"  --audit=N           audit the shadow at every N-th exit (default: every one in\n"
	"                      one of 16 programs, one in 16 in the others)\n"
	"  --toggle-every=Nus  change modes that often by themselves (default: 300us in\n"
	"                      every second program)\n"
	"  --json              print the result as one JSON object\n"
	"  --help              print this\n"
	"\n"
	"Exit status: 0 no difference; 1 a difference; 2 merge: shards are missing, or\n"
	"were stopped; 125 Penumbra's failure; 126 the host lacks what was asked for; 130\n"
	"interrupted, and what was done so far is printed and kept.\n";

enum {
	OPT_SEED = 256,
	OPT_STEPS,
	OPT_HOSTS,
	OPT_SHARD,
	OPT_OUT,
	OPT_TIME,
	OPT_AUDIT,
	OPT_TOGGLE_EVERY,
	OPT_JSON,
	OPT_HELP
};

static const struct option options[] = {
	{"seed", required_argument, NULL, OPT_SEED},
	{"steps", required_argument, NULL, OPT_STEPS},
	{"hosts", required_argument, NULL, OPT_HOSTS},
	{"shard", required_argument, NULL, OPT_SHARD},
	{"out", required_argument, NULL, OPT_OUT},
	{"time", required_argument, NULL, OPT_TIME},
	{"audit", required_argument, NULL, OPT_AUDIT},
	{"toggle-every", required_argument, NULL, OPT_TOGGLE_EVERY},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static int bad(const char *option, const char *value, const char *remedy)
{
	return cli_fail("fuzz: --%s=%s: %s", option, value, remedy);
}

/* "shadow" is every mode that begins so. */
static unsigned modes_named(const char *name, size_t len)
{
	unsigned modes = 0;

	for (unsigned i = 0; i < FUZZ_MODES; i++) {
		const char *mode = fuzz_modes[i].name;

		if (len && strncmp(mode, name, len) == 0 && (!mode[len] || mode[len] == ':'))
			modes |= 1u << i;
	}
	return modes;
}

static bool parse_modes(const char *text, unsigned *modes)
{
	*modes = 0;
	for (;;) {
		size_t len = strcspn(text, ",");
		unsigned named = modes_named(text, len);

		if (!named)
			return false;
		*modes |= named;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

static bool parse_shard(const char *text, struct fuzz_campaign *c)
{
	const char *slash = strchr(text, '/');
	char shard[24];

	if (!slash || (size_t)(slash - text) >= sizeof(shard))
		return false;
	memcpy(shard, text, (size_t)(slash - text));
	shard[slash - text] = 0;
	return parse_count(shard, &c->shard) && parse_count(slash + 1, &c->shards) &&
	       c->shard < c->shards;
}

static bool parse_microseconds(const char *text, uint64_t *ns)
{
	char digits[16];
	size_t len = strlen(text);

	if (len < 3 || len - 2 >= sizeof(digits) || strcmp(text + len - 2, "us") != 0)
		return false;
	memcpy(digits, text, len - 2);
	digits[len - 2] = 0;
	if (!parse_count(digits, ns) || !*ns || *ns > 1000000)
		return false;
	*ns *= 1000;
	return true;
}

static int parse_one(struct fuzz_request *r, int option, const char *value)
{
	struct fuzz_campaign *c = &r->campaign;

	switch (option) {
	case OPT_SEED:
		return parse_count(value, &c->seed) ? -1 : bad("seed", value, "give a number");
	case OPT_STEPS:
		return parse_count(value, &c->steps) && c->steps
			       ? -1
			       : bad("steps", value, "give a number above 0");
	case OPT_HOSTS:
		return parse_modes(value, &c->modes)
			       ? -1
			       : bad("hosts", value, "give names of modes, as in hw,shadow:wp");
	case OPT_SHARD:
		return parse_shard(value, c) ? -1 : bad("shard", value, "give I/N, I below N");
	case OPT_OUT: c->out = value; return -1;
	case OPT_TIME:
		return parse_seconds(value, &r->time_ns) ? -1 : bad("time", value, "give seconds");
	case OPT_AUDIT:
		return parse_count(value, &c->options.audit_every) && c->options.audit_every
			       ? -1
			       : bad("audit", value, "give a number above 0");
	case OPT_TOGGLE_EVERY:
		return parse_microseconds(value, &c->options.toggle_ns)
			       ? -1
			       : bad("toggle-every", value, "give 1us to 1000000us");
	case OPT_JSON: r->json = true; return -1;
	default: fputs(usage, stdout); return cli_finish(0);
	}
}

int fuzz_options_parse(struct fuzz_request *r, int argc, char **argv, bool replay, int *rest)
{
	int option, status = -1;

	*r = (struct fuzz_request){.campaign = {.seed = 1,
						.steps = 100000,
						.shards = 1,
						.modes = (1u << FUZZ_MODES) - 1,
						.watch = &fuzz_signals}};
	opterr = 0;
	optind = 1;
	while (status < 0 && (option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == '?')
			return cli_fail("fuzz: %s: no such option, or its value is missing; see "
					"penumbra fuzz --help",
					argv[optind - 1]);
		if (replay && option != OPT_HOSTS && option != OPT_AUDIT && option != OPT_HELP &&
		    option != OPT_TOGGLE_EVERY)
			return cli_fail("fuzz replay: takes --hosts, --audit and --toggle-every");
		status = parse_one(r, option, optarg);
	}
	*rest = optind;
	if (status < 0 && !replay && optind < argc)
		return cli_fail("fuzz: %s: what is it for? see penumbra fuzz --help", argv[optind]);
	if (status < 0 && replay && optind == argc)
		return cli_fail("fuzz replay: which case?");
	return status;
}
