/* SPDX-License-Identifier: MIT */
/* penumbra trace diff: the same guest traced twice, side by side. */
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/trace/trace.h"

#include "trace/diff/diff.h"

#include <stdlib.h>

static const char usage[] =
	"usage: penumbra trace diff [OPTION]... A B\n"
	"\n"
	"Compares two traces of one guest, as in hw and shadow mode or with two\n"
	"strategies. The guest's own events (its faults, marks, loads of CR3, flushes)\n"
	"are aligned; all else is what each mode added to them.\n"
	"\n"
	"  --json              one JSON object\n"
	"  --output=FILE       into FILE, not to standard output\n"
	"  --help              print this\n";

static void show(void *arg, uint64_t done)
{
	progress_show(arg, done);
}

static int compare(struct trace_request *q, const char *a, const char *b)
{
	struct trace_diff *d = calloc(1, sizeof(*d));
	struct progress progress;
	struct pn_error err;
	int code, status;

	if (!d)
		return cli_fail("out of memory");
	progress_begin(&progress, "trace diff", trace_diff_size(a, b), false);
	code = trace_diff(d, a, b, show, &progress, &err);
	progress_end(&progress);
	status = code ? cli_fail_error(&err) : cli_trace_output(q);
	if (!status) {
		if (q->json)
			trace_diff_json(d, q->out);
		else
			trace_diff_print(d, q->out);
		status = cli_trace_finish(q, 0);
	}
	trace_diff_free(d);
	free(d);
	return status;
}

static int take(void *arg, int option, const char *value)
{
	struct trace_request *q = arg;

	if (option == 'j')
		q->json = true;
	else
		q->output = value;
	return 0;
}

int cli_trace_diff(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, CLI_OPT_HELP},
		{0},
	};
	static const struct cli_syntax syntax = {.command = "trace diff",
						 .usage = usage,
						 .options = options,
						 .mixed = true,
						 .take = take};
	struct trace_request q = {0};
	int status = cli_options(&syntax, &q, argc, argv);

	if (status)
		return status < 0 ? cli_finish(0) : status;
	if (argc - optind != 2)
		return cli_fail(
			"trace diff: which files? give two; see penumbra trace diff --help");
	return compare(&q, argv[optind], argv[optind + 1]);
}
