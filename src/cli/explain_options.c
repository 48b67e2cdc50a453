/* SPDX-License-Identifier: MIT */
/* The command line of `penumbra explain`. */
#include "cli/explain_options.h"

#include "cli/cli.h"
#include "cli/parse.h"

#include <getopt.h>
#include <string.h>

static const char usage[] =
	"usage: penumbra explain --gva=ADDRESS [OPTION]... GUEST.elf [-- ARGUMENT...]\n"
	"\n"
	"Runs the guest up to a point and explains one translation there: each entry of\n"
	"the guest's tables, the host memory behind it, what such a walk costs the\n"
	"processor, the shadow's own tables, and if it faults, why. The guest's console\n"
	"goes to standard error.\n"
	"\n"
	"  --gva=ADDRESS       what to translate: a number, or a symbol of the guest's\n"
	"                      (with --at=fault:N the fault's own, if not given)\n"
	"  --at=WHERE          stop there (default: when the guest ends):\n"
	"                        SYMBOL    before it is first executed; 0x...: an address\n"
	"                        mark:N    at the N-th mark the guest leaves\n"
	"                        fault:N   at its N-th page fault; needs --mmu=shadow\n"
	"  --access=r|w|x      read (default), write or fetch\n"
	"  --user              by user code (default: by the supervisor)\n"
	"  --mmu=hw|shadow     how guest memory is virtualised (default hw)\n"
	"  --json, --svg       print one JSON object, or a picture\n"
	"  --mem=SIZE, --hugepages=2M|1G, --levels=4|5, --timeout=SECONDS, --no-sandbox\n"
	"  --help              print this\n"
	"\n"
	"Exit status: 0 explained; 124 time-out; 125 Penumbra's failure, or the guest\n"
	"never came to that point; 126 the host lacks what was asked for.\n";

enum {
	OPT_GVA = 256,
	OPT_AT,
	OPT_ACCESS,
	OPT_USER,
	OPT_MMU,
	OPT_JSON,
	OPT_SVG,
	OPT_MEM,
	OPT_HUGEPAGES,
	OPT_LEVELS,
	OPT_TIMEOUT,
	OPT_NO_SANDBOX,
	OPT_HELP
};

static const struct option options[] = {
	{"gva", required_argument, NULL, OPT_GVA},
	{"at", required_argument, NULL, OPT_AT},
	{"access", required_argument, NULL, OPT_ACCESS},
	{"user", no_argument, NULL, OPT_USER},
	{"mmu", required_argument, NULL, OPT_MMU},
	{"json", no_argument, NULL, OPT_JSON},
	{"svg", no_argument, NULL, OPT_SVG},
	{"mem", required_argument, NULL, OPT_MEM},
	{"hugepages", required_argument, NULL, OPT_HUGEPAGES},
	{"levels", required_argument, NULL, OPT_LEVELS},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"no-sandbox", no_argument, NULL, OPT_NO_SANDBOX},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static int bad(const char *option, const char *value, const char *remedy)
{
	return cli_fail("--%s=%s: %s", option, value, remedy);
}

static bool parse_nth(const char *value, const char *kind, uint64_t *n)
{
	size_t len = strlen(kind);

	return strncmp(value, kind, len) == 0 && parse_count(value + len, n) && *n;
}

static int parse_at(struct explain_options *o, const char *value)
{
	if (parse_nth(value, "mark:", &o->n)) {
		o->at = STOP_MARK;
	} else if (parse_nth(value, "fault:", &o->n)) {
		o->at = STOP_FAULT;
	} else if (*value && !strchr(value, ':')) {
		o->at = STOP_ADDRESS;
		o->symbol = value;
	} else {
		return bad("at", value, "give a symbol, mark:N or fault:N, N above 0");
	}
	return 0;
}

static int parse_access(struct explain_options *o, const char *value)
{
	static const char letters[] = {[WALK_READ] = 'r', [WALK_WRITE] = 'w', [WALK_FETCH] = 'x'};

	for (unsigned i = 0; i < sizeof(letters); i++)
		if (value[0] == letters[i] && !value[1]) {
			o->access = (enum walk_access)i;
			o->has_access = true;
			return 0;
		}
	return bad("access", value, "give r, w or x");
}

static int parse_form(struct explain_options *o, enum explain_form form)
{
	if (o->form != EXPLAIN_TEXT && o->form != form)
		return cli_fail("--json and --svg: give one of them");
	o->form = form;
	return 0;
}

static int parse_option(struct explain_options *o, int option, const char *value)
{
	uint64_t n;

	switch (option) {
	case OPT_GVA:
		o->gva = value;
		return *value ? 0 : bad("gva", value, "give an address or a symbol");
	case OPT_AT: return parse_at(o, value);
	case OPT_ACCESS: return parse_access(o, value);
	case OPT_USER: o->user = true; return 0;
	case OPT_MMU:
		if (strcmp(value, "hw") != 0 && strcmp(value, "shadow") != 0)
			return bad("mmu", value, "give hw or shadow");
		o->config.mode = *value == 'h' ? PN_MODE_HW : PN_MODE_SHADOW;
		return 0;
	case OPT_JSON: return parse_form(o, EXPLAIN_JSON);
	case OPT_SVG: return parse_form(o, EXPLAIN_SVG);
	case OPT_MEM:
		if (!parse_size(value, &o->config.ram_size) || !o->config.ram_size)
			return bad("mem", value, "give a size like 64M or 2G");
		return 0;
	case OPT_HUGEPAGES:
		if (!parse_size(value, &n) || (n != UINT64_C(2) << 20 && n != UINT64_C(1) << 30))
			return bad("hugepages", value, "give 2M or 1G");
		o->config.backing = n == UINT64_C(1) << 30 ? PN_BACKING_1G : PN_BACKING_2M;
		return 0;
	case OPT_LEVELS:
		if (!parse_count(value, &n) || (n != 4 && n != 5))
			return bad("levels", value, "give 4 or 5");
		o->config.levels = (unsigned)n;
		return 0;
	case OPT_TIMEOUT:
		if (!parse_seconds(value, &o->timeout_ns))
			return bad("timeout", value, "give seconds above 0, like 2 or 0.5");
		return 0;
	case OPT_NO_SANDBOX: o->sandbox.off = true; return 0;
	default: return CLI_FAILED;
	}
}

/* Joins the guest's arguments by one space. */
static int join_arguments(struct explain_options *o, int argc, char **argv)
{
	size_t used = 0;

	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (used + (i > 0) + len + 1 > sizeof(o->cmdline))
			return cli_fail("guest arguments: more than %zu bytes",
					sizeof(o->cmdline) - 1);
		if (i)
			o->cmdline[used++] = ' ';
		memcpy(o->cmdline + used, argv[i], len + 1);
		used += len;
	}
	o->config.cmdline = o->cmdline;
	return 0;
}

/* What only all options together can tell. */
static int check(const struct explain_options *o)
{
	if (o->at == STOP_FAULT && o->config.mode == PN_MODE_HW)
		return cli_fail("--at=fault:%llu: in hw mode nobody hears of the guest's faults; "
				"give --mmu=shadow",
				(unsigned long long)o->n);
	if (!o->gva && o->at != STOP_FAULT)
		return cli_fail("explain: which address? give --gva=ADDRESS; see penumbra explain "
				"--help");
	return 0;
}

int explain_options_parse(struct explain_options *o, int argc, char **argv)
{
	int option, code, at = 1;

	optind = 0;
	opterr = 0;
	for (; (option = getopt_long(argc, argv, "+:", options, NULL)) != -1; at = optind) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return -1;
		}
		if (option == ':' || option == '?')
			return cli_fail("%s: %s; see penumbra explain --help", argv[at],
					option == ':' ? "needs a value" : "no such option");
		code = parse_option(o, option, optarg);
		if (code)
			return code;
	}
	code = check(o);
	if (code)
		return code;
	if (optind >= argc)
		return cli_fail("explain: which guest? give an ELF file; see penumbra explain "
				"--help");
	o->guest = argv[optind++];
	if (optind < argc && strcmp(argv[optind], "--") == 0)
		optind++;
	else if (optind < argc && argv[optind][0] == '-')
		return cli_fail("%s: options go before the guest, the guest's arguments behind --",
				argv[optind]);
	return join_arguments(o, argc - optind, argv + optind);
}
