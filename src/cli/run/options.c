/* SPDX-License-Identifier: MIT */
/* The command line of `penumbra run`. */
#include "cli/run/options.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/parse.h"
#include "cli/sandbox.h"
#include "cli/trace/trace.h"
#include "sources/source.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
	"usage: penumbra run [OPTION]... GUEST.elf [-- ARGUMENT...]\n"
	"\n"
	"Boots GUEST.elf, an ELF64 x86-64 guest, straight into 64-bit mode, paging on.\n"
	"Its console is standard output; its exit status becomes this command's.\n"
	"\n"
	"  --mmu=MODE          how guest memory is virtualised (default hw):\n"
	"                        hw        the guest's own page tables, on whatever this\n"
	"                                  host has as the second dimension\n"
	"                        ept, npt  hw, and only if that is Intel's EPT, AMD's NPT\n"
	"                        tdp       hw, and only if it is one of the two\n"
	"                        shadow    tables that Penumbra builds, under a\n"
	"                                  deprivileged guest kernel\n"
	"  --toggle-every=N    change between hw and shadow every N exits; Nms: every N\n"
	"                      milliseconds. SIGUSR1 changes it once\n"
	"  --shadow-strategy=S keep the shadow in step by unsync (default), wp or vtlb\n"
	"  --shadow-mem=SIZE   memory for shadow tables (default 16M)\n"
	"  --audit[=N]         prove at every exit, or every N exits, that the shadow\n"
	"                      grants no more than the guest's tables do; slow\n"
	"  --mem=SIZE          guest RAM (default 64M); K, M, G, T are powers of 1024\n"
	"  --hugepages=2M|1G   back RAM with huge pages of the host (hugetlb)\n"
	"  --levels=4|5        paging levels at boot (default 4)\n"
	"  --timeout=SECONDS   stop the guest after so long (default: no limit)\n"
	"  --max-exits=N       stop the guest after so many exits (default: no limit)\n"
	"  --no-warnings       do not tell what of the guest's text shadow mode may run\n"
	"                      wrongly\n"
	"  --trace=FILE        write every event to FILE; -: as lines on standard error\n"
	"  --trace-filter=LIST only these, as fault,flush,cr3 (penumbra trace --help)\n"
	"  --trace-source=LIST look from there as well: guest, break, uffd, stats, kernel\n"
	"  --stats[=json]       print what the run came to, on standard error\n"
	"  --stats-file=FILE   write the same as one JSON object\n"
	"  --user=UID[:GID]    run the guest as that user (as root only)\n"
	"  --no-sandbox        keep system calls, files and privileges that a guest which\n"
	"                      takes Penumbra over could use (docs/security.md)\n"
	"  --help              print this\n"
	"\n"
	"Exit status: 0 to 99 the guest's own; 124 time-out or exit limit; 125 Penumbra's\n"
	"failure; 126 the host lacks what was asked for; 127 the guest died; 128 + N\n"
	"stopped by signal N.\n";

enum {
	OPT_MMU = 256,
	OPT_TOGGLE,
	OPT_STRATEGY,
	OPT_SHADOW_MEM,
	OPT_AUDIT,
	OPT_MAX_EXITS,
	OPT_NO_WARNINGS,
	OPT_TRACE,
	OPT_TRACE_FILTER,
	OPT_TRACE_SOURCE,
	OPT_STATS,
	OPT_STATS_FILE,
	OPT_USER,
};

static const struct option options[] = {
	{"mmu", required_argument, NULL, OPT_MMU},
	{"toggle-every", required_argument, NULL, OPT_TOGGLE},
	{"shadow-strategy", required_argument, NULL, OPT_STRATEGY},
	{"shadow-mem", required_argument, NULL, OPT_SHADOW_MEM},
	{"audit", optional_argument, NULL, OPT_AUDIT},
	{"max-exits", required_argument, NULL, OPT_MAX_EXITS},
	{"no-warnings", no_argument, NULL, OPT_NO_WARNINGS},
	{"trace", required_argument, NULL, OPT_TRACE},
	{"trace-filter", required_argument, NULL, OPT_TRACE_FILTER},
	{"trace-source", required_argument, NULL, OPT_TRACE_SOURCE},
	{"stats", optional_argument, NULL, OPT_STATS},
	{"stats-file", required_argument, NULL, OPT_STATS_FILE},
	{"user", required_argument, NULL, OPT_USER},
	GUEST_OPTIONS,
	{"help", no_argument, NULL, CLI_OPT_HELP},
	{0},
};

static const struct mmu_choice mmu_choices[] = {
	{"hw", PN_MODE_HW, true, true, true},	 {"shadow", PN_MODE_SHADOW, true, true, true},
	{"ept", PN_MODE_HW, true, false, false}, {"npt", PN_MODE_HW, false, true, false},
	{"tdp", PN_MODE_HW, true, true, false},
};

static const char *const strategies[] = {
	[PN_STRATEGY_UNSYNC] = "unsync",
	[PN_STRATEGY_WP] = "wp",
	[PN_STRATEGY_VTLB] = "vtlb",
};

#define TOGGLE_MS_MAX UINT64_C(86400000)

static int parse_mmu(struct run_options *r, const char *value)
{
	for (size_t i = 0; i < sizeof(mmu_choices) / sizeof(mmu_choices[0]); i++)
		if (strcmp(value, mmu_choices[i].name) == 0) {
			r->mmu = &mmu_choices[i];
			r->guest.config.mode = r->mmu->mode;
			return 0;
		}
	return cli_bad_value("mmu", value, "give hw, shadow, ept, npt or tdp");
}

static int parse_strategy(struct run_options *r, const char *value)
{
	for (size_t i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++)
		if (strcmp(value, strategies[i]) == 0) {
			r->guest.config.strategy = (enum pn_strategy)i;
			return 0;
		}
	return cli_bad_value("shadow-strategy", value, "give unsync, wp or vtlb");
}

/* "N" exits or "Nms". */
static int parse_toggle(struct run_options *r, const char *value)
{
	size_t len = strlen(value);
	char number[24];
	uint64_t n;

	r->guest.config.toggle_every = r->guest.config.toggle_ns = 0;
	if (len > 2 && len < sizeof(number) && strcmp(value + len - 2, "ms") == 0) {
		memcpy(number, value, len - 2);
		number[len - 2] = 0;
		if (parse_count(number, &n) && n && n <= TOGGLE_MS_MAX) {
			r->guest.config.toggle_ns = n * 1000000;
			return 0;
		}
	} else if (parse_count(value, &n) && n) {
		r->guest.config.toggle_every = n;
		return 0;
	}
	return cli_bad_value("toggle-every", value,
			     "give exits, like 100, or milliseconds, like 5ms");
}

static int take(void *arg, int option, const char *value)
{
	struct run_options *r = arg;
	char word[40];

	switch (option) {
	case OPT_MMU: return parse_mmu(r, value);
	case OPT_TOGGLE: return parse_toggle(r, value);
	case OPT_AUDIT:
		r->guest.config.audit_every = 1;
		if (value && (!parse_count(value, &r->guest.config.audit_every) ||
			      !r->guest.config.audit_every))
			return cli_bad_value("audit", value, "give a number of exits, or nothing");
		return 0;
	case OPT_STRATEGY: return parse_strategy(r, value);
	case OPT_SHADOW_MEM:
		if (!parse_size(value, &r->guest.config.shadow_size) ||
		    !r->guest.config.shadow_size)
			return cli_bad_value("shadow-mem", value, "give a size like 16M");
		return 0;
	case OPT_MAX_EXITS:
		if (!parse_count(value, &r->guest.config.max_exits) || !r->guest.config.max_exits)
			return cli_bad_value("max-exits", value, "give a number above 0");
		return 0;
	case OPT_NO_WARNINGS: r->no_warnings = true; return 0;
	case OPT_TRACE: r->trace = value; return 0;
	case OPT_TRACE_FILTER: return cli_trace_filter(value, &r->trace_types);
	case OPT_TRACE_SOURCE:
		if (!sources_parse(value, &r->trace_sources, word, sizeof(word)))
			return cli_bad_value("trace-source", word,
					     "no such source; give guest, break, uffd, "
					     "stats or kernel");
		return 0;
	case OPT_STATS:
		if (value && strcmp(value, "json") != 0)
			return cli_bad_value("stats", value, "give json, or nothing");
		r->stats = true;
		r->stats_json = value != NULL;
		return 0;
	case OPT_STATS_FILE: r->stats_file = value; return 0;
	case OPT_USER: return cli_sandbox_user(&r->guest.sandbox, value);
	default: return guest_option(&r->guest, option, value);
	}
}

/* An option that means nothing without another is a mistake worth a line. */
static int check_trace(const struct run_options *r)
{
	if (r->trace || (!r->trace_sources && r->trace_types == UINT32_MAX))
		return 0;
	return cli_fail("--trace-%s: needs --trace=FILE", r->trace_sources ? "source" : "filter");
}

int run_options_parse(struct run_options *r, int argc, char **argv)
{
	static const struct cli_syntax syntax = {
		.command = "run", .usage = usage, .options = options, .take = take};
	int code;

	r->mmu = &mmu_choices[0];
	r->trace_types = UINT32_MAX;
	code = cli_options(&syntax, r, argc, argv);
	if (!code)
		code = check_trace(r);
	if (!code)
		code = cli_sandbox_check(&r->guest.sandbox);
	return code ? code : guest_operands(&r->guest, syntax.command, argc, argv);
}
