/* SPDX-License-Identifier: MIT */
/* penumbra trace: what is asked for, and of which file. */
#include "cli/trace/trace.h"

#include "cli/cli.h"
#include "cli/options.h"
#include "trace/words.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: penumbra trace [OPTION]... FILE\n"
	"       penumbra trace diff [OPTION]... A B\n"
	"\n"
	"Prints the events of a trace that `penumbra run --trace=FILE` has written, one\n"
	"line each: time since its start, vCPU, mode, what it was, nanoseconds that the\n"
	"host spent on it in userspace, where the guest was. The second form compares\n"
	"two runs of one guest: penumbra trace diff --help.\n"
	"\n"
	"  --summary           counts and costs by type, the code and the pages of most\n"
	"                      faults, causes of flushes, pages in use over time\n"
	"  --json              with --summary: that as one JSON object; without: as\n"
	"                      --export=json\n"
	"  --html=FILE         a page for a browser into FILE: a map of pages and time,\n"
	"                      costs, tables to sort; it needs no network\n"
	"  --export=FORMAT     json (an object a line), csv, chrome (for Perfetto),\n"
	"                      folded (for flame graphs), callgrind (for KCachegrind)\n"
	"  --output=FILE       into FILE, not to standard output\n"
	"  --filter=LIST       only these types, separated by commas: guest-fault,\n"
	"                      hidden-fault, fault (both), table-write, cr3, flush,\n"
	"                      foreseen, resolved, second-fault, inject, halt, mode,\n"
	"                      mark, exit, counter, kernel, all\n"
	"  --help              print this\n";

int cli_trace_filter(const char *list, uint32_t *types)
{
	char bad[40];

	if (trace_filter_parse(list, types, bad, sizeof(bad)))
		return 0;
	return cli_fail("%s: no such event; give any of those in penumbra trace --help", bad);
}

static int parse_format(struct trace_request *q, const char *name)
{
	q->format = trace_export_named(name);
	return q->format
		       ? 0
		       : cli_fail("--export=%s: give json, csv, chrome, folded or callgrind", name);
}

/* What goes with what. Returns 0 or an exit status. */
static int settle(struct trace_request *q, const char *html)
{
	if (q->summary && q->format)
		return cli_fail("--summary and --export: give one of them");
	if (html && (q->summary || q->format || q->json || q->output))
		return cli_fail("--html: goes with --filter only");
	if (q->json && q->format)
		return cli_fail("--json and --export: give one of them");
	if (html) {
		q->html = true;
		q->output = html;
	} else if (q->json && !q->summary) {
		q->format = &trace_export_json;
	}
	return 0;
}

struct arguments {
	struct trace_request *request;
	const char *html;
};

static int take(void *arg, int option, const char *value)
{
	struct arguments *a = arg;
	struct trace_request *q = a->request;

	switch (option) {
	case 'f': return cli_trace_filter(value, &q->types);
	case 's': q->summary = true; return 0;
	case 'e': return parse_format(q, value);
	case 'j': q->json = true; return 0;
	case 'w': a->html = value; return 0;
	default: q->output = value; return 0;
	}
}

/* Returns 0, an exit status, or -1 after --help. */
static int parse(struct trace_request *q, int argc, char **argv)
{
	static const struct option options[] = {
		{"filter", required_argument, NULL, 'f'},  {"summary", no_argument, NULL, 's'},
		{"export", required_argument, NULL, 'e'},  {"output", required_argument, NULL, 'o'},
		{"html", required_argument, NULL, 'w'},	   {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, CLI_OPT_HELP}, {0},
	};
	static const struct cli_syntax syntax = {.command = "trace",
						 .usage = usage,
						 .options = options,
						 .mixed = true,
						 .take = take};
	struct arguments a = {.request = q};
	int status = cli_options(&syntax, &a, argc, argv);

	if (!status)
		status = settle(q, a.html);
	if (status)
		return status;
	if (argc - optind != 1)
		return cli_fail("trace: which file? give one; see penumbra trace --help");
	q->path = argv[optind];
	return 0;
}

int cli_trace(int argc, char **argv)
{
	struct trace_request q = {.types = UINT32_MAX};
	struct trace_reader *r;
	struct pn_error err;
	int status;

	if (argc > 1 && strcmp(argv[1], "diff") == 0)
		return cli_trace_diff(argc - 1, argv + 1);
	status = parse(&q, argc, argv);
	if (status)
		return status < 0 ? cli_finish(0) : status;
	r = malloc(sizeof(*r));
	if (!r)
		return cli_fail("out of memory");
	status = trace_open(r, q.path, &err);
	if (status) {
		free(r);
		return cli_fail_error(&err);
	}
	status = cli_trace_print(&q, r);
	trace_close(r);
	free(r);
	return status;
}
