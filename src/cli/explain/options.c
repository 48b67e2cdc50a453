/* SPDX-License-Identifier: MIT */
/* The command line of `penumbra explain`. */
#include "cli/explain/options.h"

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/parse.h"

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
};

static const struct option options[] = {
	{"gva", required_argument, NULL, OPT_GVA},
	{"at", required_argument, NULL, OPT_AT},
	{"access", required_argument, NULL, OPT_ACCESS},
	{"user", no_argument, NULL, OPT_USER},
	{"mmu", required_argument, NULL, OPT_MMU},
	{"json", no_argument, NULL, OPT_JSON},
	{"svg", no_argument, NULL, OPT_SVG},
	GUEST_OPTIONS,
	{"help", no_argument, NULL, CLI_OPT_HELP},
	{0},
};

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
		return cli_bad_value("at", value, "give a symbol, mark:N or fault:N, N above 0");
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
	return cli_bad_value("access", value, "give r, w or x");
}

static int parse_form(struct explain_options *o, enum explain_form form)
{
	if (o->form != EXPLAIN_TEXT && o->form != form)
		return cli_fail("--json and --svg: give one of them");
	o->form = form;
	return 0;
}

static int take(void *arg, int option, const char *value)
{
	struct explain_options *o = arg;

	switch (option) {
	case OPT_GVA:
		o->gva = value;
		return *value ? 0 : cli_bad_value("gva", value, "give an address or a symbol");
	case OPT_AT: return parse_at(o, value);
	case OPT_ACCESS: return parse_access(o, value);
	case OPT_USER: o->user = true; return 0;
	case OPT_MMU:
		if (strcmp(value, "hw") != 0 && strcmp(value, "shadow") != 0)
			return cli_bad_value("mmu", value, "give hw or shadow");
		o->guest.config.mode = *value == 'h' ? PN_MODE_HW : PN_MODE_SHADOW;
		return 0;
	case OPT_JSON: return parse_form(o, EXPLAIN_JSON);
	case OPT_SVG: return parse_form(o, EXPLAIN_SVG);
	default: return guest_option(&o->guest, option, value);
	}
}

/* What only all options together can tell. */
static int check(const struct explain_options *o)
{
	if (o->at == STOP_FAULT && o->guest.config.mode == PN_MODE_HW)
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
	static const struct cli_syntax syntax = {
		.command = "explain", .usage = usage, .options = options, .take = take};
	int code = cli_options(&syntax, o, argc, argv);

	if (!code)
		code = check(o);
	return code ? code : guest_operands(&o->guest, syntax.command, argc, argv);
}
