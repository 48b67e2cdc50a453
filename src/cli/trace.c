/* SPDX-License-Identifier: MIT */
/* penumbra trace: reads a trace file and prints it: as lines, summed up, or for other programs. */
#include "cli/trace.h"

#include "cli/cli.h"
#include "error.h"
#include "trace/export.h"
#include "trace/file.h"
#include "trace/summary.h"
#include "trace/words.h"

#include <errno.h>
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
	"  --summary           counts and costs by type, the code and the pages of most\n"
	"                      faults, causes of flushes, pages in use over time\n"
	"  --export=FORMAT     json (an object a line), csv, chrome (for Perfetto),\n"
	"                      folded (for flame graphs), callgrind (for KCachegrind)\n"
	"  --output=FILE       into FILE, not to standard output\n"
	"  --filter=LIST       only these types, separated by commas: guest-fault,\n"
	"                      hidden-fault, fault (both), table-write, cr3, flush,\n"
	"                      foreseen, inject, halt, mode, mark, exit, all\n"
	"  --help              print this\n";

int cli_trace_filter(const char *list, uint32_t *types)
{
	char bad[40];

	if (trace_filter_parse(list, types, bad, sizeof(bad)))
		return 0;
	return cli_fail("%s: no such event; give any of those in penumbra trace --help", bad);
}

/* What was asked for. */
struct request {
	const char *path, *output;
	uint32_t types; /* bits 1 << enum pn_trace_type */
	bool summary;
	const struct trace_export_format *format; /* NULL: none */
	FILE *out;
};

/* A type that has no bit is shown if everything is. */
static bool is_wanted(const struct request *q, const struct pn_trace_record *r)
{
	return r->type < PN_TRACE_TYPES ? q->types >> r->type & 1 : q->types == UINT32_MAX;
}

static int print_lines(const struct request *q, struct trace_reader *r, struct pn_error *err)
{
	char line[256];
	int count;

	fprintf(q->out, "%s %s on %s\n\n%s\n", r->header.guest, r->header.cmdline, r->header.host,
		trace_line_head);
	while ((count = trace_read(r, err)) > 0)
		for (int i = 0; i < count; i++)
			if (is_wanted(q, &r->batch[i]))
				fprintf(q->out, "%s\n",
					trace_line(&r->batch[i], &r->symbols, line, sizeof(line)));
	return count;
}

static int print_summary(const struct request *q, struct trace_reader *r, struct pn_error *err)
{
	struct trace_summary *s = malloc(sizeof(*s));
	int count;

	if (!s || trace_summary_init(s, &r->symbols, trace_last_ns(r))) {
		free(s);
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	}
	while ((count = trace_read(r, err)) > 0)
		for (int i = 0; i < count; i++)
			if (is_wanted(q, &r->batch[i]))
				trace_summary_add(s, &r->batch[i]);
	trace_summary_end(s);
	if (count == 0)
		trace_summary_print(s, &r->header, q->out);
	trace_summary_fini(s);
	free(s);
	return count;
}

static int print_export(const struct request *q, struct trace_reader *r, struct pn_error *err)
{
	struct trace_export x;
	int count;

	if (trace_export_begin(&x, q->format, &r->header, &r->symbols, q->out))
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	while ((count = trace_read(r, err)) > 0)
		for (int i = 0; i < count; i++)
			if (is_wanted(q, &r->batch[i]))
				trace_export_record(&x, &r->batch[i]);
	trace_export_end(&x);
	return count;
}

/* All of it has reached the file, or standard output. */
static int finish(const struct request *q)
{
	int failed = q->output && (fflush(q->out) || ferror(q->out));
	int saved = errno;

	if (!q->output)
		return cli_finish(0);
	if (fclose(q->out) && !failed) {
		failed = 1;
		saved = errno;
	}
	return failed ? cli_fail("%s: cannot be written: %s", q->output, strerror(saved)) : 0;
}

static int print_trace(struct request *q, struct trace_reader *r)
{
	struct pn_error err;
	int code, status;

	q->out = q->output ? fopen(q->output, "we") : stdout;
	if (!q->out)
		return cli_fail("%s: cannot be written: %s", q->output, strerror(errno));
	code = q->format    ? print_export(q, r, &err)
	       : q->summary ? print_summary(q, r, &err)
			    : print_lines(q, r, &err);
	status = finish(q);
	return code < 0 ? cli_fail_error(&err) : status;
}

static int parse_format(struct request *q, const char *name)
{
	q->format = trace_export_named(name);
	return q->format
		       ? 0
		       : cli_fail("--export=%s: give json, csv, chrome, folded or callgrind", name);
}

/* Returns 0, an exit status, or -1 after --help. */
static int parse(struct request *q, int argc, char **argv)
{
	static const struct option options[] = {
		{"filter", required_argument, NULL, 'f'}, {"summary", no_argument, NULL, 's'},
		{"export", required_argument, NULL, 'e'}, {"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},	  {0},
	};
	int option, status = 0, at = 1;

	optind = 0;
	opterr = 0;
	for (; !status && (option = getopt_long(argc, argv, ":", options, NULL)) != -1;
	     at = optind) {
		switch (option) {
		case 'f': status = cli_trace_filter(optarg, &q->types); break;
		case 's': q->summary = true; break;
		case 'e': status = parse_format(q, optarg); break;
		case 'o': q->output = optarg; break;
		case 'h': fputs(usage, stdout); return -1;
		default:
			return cli_fail("%s: %s; see penumbra trace --help", argv[at],
					option == ':' ? "needs a value" : "no such option");
		}
	}
	if (status)
		return status;
	if (q->summary && q->format)
		return cli_fail("--summary and --export: give one of them");
	if (argc - optind != 1)
		return cli_fail("trace: which file? give one; see penumbra trace --help");
	q->path = argv[optind];
	return 0;
}

int cli_trace(int argc, char **argv)
{
	struct request q = {.types = UINT32_MAX};
	struct trace_reader *r;
	struct pn_error err;
	int status = parse(&q, argc, argv);

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
	status = print_trace(&q, r);
	trace_close(r);
	free(r);
	return status;
}
