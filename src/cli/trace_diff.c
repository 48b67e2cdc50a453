/* SPDX-License-Identifier: MIT */
/* penumbra trace diff: the same guest traced twice, side by side. */
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/trace.h"

#include "trace/diff/diff.h"

#include <getopt.h>
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

int cli_trace_diff(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct trace_request q = {0};
	int option, at = 1;

	optind = 0;
	opterr = 0;
	for (; (option = getopt_long(argc, argv, ":", options, NULL)) != -1; at = optind) {
		switch (option) {
		case 'j': q.json = true; break;
		case 'o': q.output = optarg; break;
		case 'h': fputs(usage, stdout); return cli_finish(0);
		default:
			return cli_fail("%s: %s; see penumbra trace diff --help", argv[at],
					option == ':' ? "needs a value" : "no such option");
		}
	}
	if (argc - optind != 2)
		return cli_fail(
			"trace diff: which files? give two; see penumbra trace diff --help");
	return compare(&q, argv[optind], argv[optind + 1]);
}
