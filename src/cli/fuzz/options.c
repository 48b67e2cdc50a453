/* SPDX-License-Identifier: MIT */
/* The command line of `penumbra fuzz`. */
#include "cli/options.h"
#include "cli/cli.h"
#include "cli/fuzz/fuzz.h"
#include "cli/parse.h"

#include <string.h>

const char fuzz_usage[] =
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
};

/* clang-format off */
#define OF_A_REPLAY                                                 \
	{"hosts", required_argument, NULL, OPT_HOSTS},               \
	{"audit", required_argument, NULL, OPT_AUDIT},               \
	{"toggle-every", required_argument, NULL, OPT_TOGGLE_EVERY}, \
	{"help", no_argument, NULL, CLI_OPT_HELP}
/* clang-format on */

static const struct option replay_options[] = {OF_A_REPLAY, {0}};

static const struct option options[] = {
	OF_A_REPLAY,
	{"seed", required_argument, NULL, OPT_SEED},
	{"steps", required_argument, NULL, OPT_STEPS},
	{"shard", required_argument, NULL, OPT_SHARD},
	{"out", required_argument, NULL, OPT_OUT},
	{"time", required_argument, NULL, OPT_TIME},
	{"json", no_argument, NULL, OPT_JSON},
	{0},
};

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

static int take(void *arg, int option, const char *value)
{
	struct fuzz_request *r = arg;
	struct fuzz_campaign *c = &r->campaign;

	switch (option) {
	case OPT_SEED:
		return parse_count(value, &c->seed) ? 0
						    : cli_bad_value("seed", value, "give a number");
	case OPT_STEPS:
		return parse_count(value, &c->steps) && c->steps
			       ? 0
			       : cli_bad_value("steps", value, "give a number above 0");
	case OPT_HOSTS:
		return parse_modes(value, &c->modes)
			       ? 0
			       : cli_bad_value("hosts", value,
					       "give names of modes, as in hw,shadow:wp");
	case OPT_SHARD:
		return parse_shard(value, c) ? 0
					     : cli_bad_value("shard", value, "give I/N, I below N");
	case OPT_OUT: c->out = value; return 0;
	case OPT_TIME:
		return parse_seconds(value, &r->time_ns)
			       ? 0
			       : cli_bad_value("time", value, "give seconds");
	case OPT_AUDIT:
		return parse_count(value, &c->options.audit_every) && c->options.audit_every
			       ? 0
			       : cli_bad_value("audit", value, "give a number above 0");
	case OPT_TOGGLE_EVERY:
		return parse_microseconds(value, &c->options.toggle_ns)
			       ? 0
			       : cli_bad_value("toggle-every", value, "give 1us to 1000000us");
	default: r->json = true; return 0;
	}
}

static void begin(struct fuzz_request *r)
{
	*r = (struct fuzz_request){.campaign = {.seed = 1,
						.steps = 100000,
						.shards = 1,
						.modes = (1u << FUZZ_MODES) - 1,
						.watch = &fuzz_signals}};
}

int fuzz_run_options(struct fuzz_request *r, int argc, char **argv)
{
	static const struct cli_syntax syntax = {
		.command = "fuzz", .usage = fuzz_usage, .options = options, .take = take};
	int status;

	begin(r);
	status = cli_options(&syntax, r, argc, argv);
	if (!status && optind < argc)
		return cli_fail("fuzz: %s: what is it for? see penumbra fuzz --help", argv[optind]);
	return status;
}

int fuzz_replay_options(struct fuzz_request *r, int argc, char **argv)
{
	static const struct cli_syntax syntax = {.command = "fuzz replay",
						 .usage = fuzz_usage,
						 .options = replay_options,
						 .take = take};
	int status;

	begin(r);
	status = cli_options(&syntax, r, argc, argv);
	if (!status && optind == argc)
		return cli_fail("fuzz replay: which case? see penumbra fuzz --help");
	return status;
}
