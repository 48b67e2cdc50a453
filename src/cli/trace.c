/* SPDX-License-Identifier: MIT */
/* penumbra trace: reads a trace file and prints it. */
#include "cli/trace.h"

#include "cli/cli.h"
#include "trace/file.h"
#include "trace/words.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: penumbra trace [OPTION]... FILE\n"
	"\n"
	"Prints the events of a trace that `penumbra run --trace=FILE` has written, one\n"
	"line each: time since its start, vCPU, mode, what it was, nanoseconds that the\n"
	"host spent on it in userspace, where the guest was.\n"
	"\n"
	"  --filter=LIST       only these types, separated by commas: guest-fault,\n"
	"                      hidden-fault, fault (both), table-write, cr3, flush,\n"
	"                      inject, halt, mode, mark, exit, all\n"
	"  --help              print this\n";

int cli_trace_filter(const char *list, uint32_t *types)
{
	char bad[40];

	if (trace_filter_parse(list, types, bad, sizeof(bad)))
		return 0;
	return cli_fail("%s: no such event; give any of those in penumbra trace --help", bad);
}

static void print_head(const struct trace_reader *r)
{
	printf("%s %s on %s\n\n%s\n", r->header.guest, r->header.cmdline, r->header.host,
	       trace_line_head);
}

static int print_events(struct trace_reader *r, uint32_t types)
{
	char line[256];
	struct pn_error err;
	int count;

	print_head(r);
	while ((count = trace_read(r, &err)) > 0)
		for (int i = 0; i < count; i++)
			if (types >> (r->batch[i].type & 31) & 1)
				puts(trace_line(&r->batch[i], &r->symbols, line, sizeof(line)));
	return count < 0 ? cli_fail_error(&err) : cli_finish(0);
}

int cli_trace(int argc, char **argv)
{
	static const struct option options[] = {
		{"filter", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	uint32_t types = UINT32_MAX;
	struct trace_reader *r;
	struct pn_error err;
	int option, status, at = 1;

	optind = 0;
	opterr = 0;
	for (; (option = getopt_long(argc, argv, ":", options, NULL)) != -1; at = optind) {
		switch (option) {
		case 'f':
			status = cli_trace_filter(optarg, &types);
			if (status)
				return status;
			break;
		case 'h': fputs(usage, stdout); return cli_finish(0);
		default:
			return cli_fail("%s: %s; see penumbra trace --help", argv[at],
					option == ':' ? "needs a value" : "no such option");
		}
	}
	if (argc - optind != 1)
		return cli_fail("trace: which file? give one; see penumbra trace --help");
	r = malloc(sizeof(*r));
	if (!r)
		return cli_fail("out of memory");
	status = trace_open(r, argv[optind], &err) ? cli_fail_error(&err) : print_events(r, types);
	if (r->fd >= 0)
		trace_close(r);
	free(r);
	return status;
}
