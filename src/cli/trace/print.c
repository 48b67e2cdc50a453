/* SPDX-License-Identifier: MIT */
/* penumbra trace: each way to print a trace is one function that reads it front to back. */
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/trace/trace.h"

#include "error.h"
#include "trace/html/page.h"
#include "trace/summary.h"
#include "trace/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A type that has no bit is shown if everything is. */
static bool is_wanted(const struct trace_request *q, const struct pn_trace_record *r)
{
	return r->type < PN_TRACE_TYPES ? q->types >> r->type & 1 : q->types == UINT32_MAX;
}

typedef void take_record(void *to, const struct pn_trace_record *r);

/* Hands every record that is wanted to `take`. Returns 0 at the end, or a negative error. */
static int read_all(const struct trace_request *q, struct trace_reader *r, take_record *take,
		    void *to, struct pn_error *err)
{
	/* Where lines run over the terminal, they tell how far it is. */
	bool lines = !q->output && !q->summary && isatty(STDOUT_FILENO);
	struct progress progress;
	int count;

	progress_begin(&progress, q->path, trace_size(r), lines);
	while ((count = trace_read(r, err)) > 0) {
		for (int i = 0; i < count; i++)
			if (is_wanted(q, &r->batch[i]))
				take(to, &r->batch[i]);
		progress_show(&progress, r->taken);
	}
	progress_end(&progress);
	return count;
}

struct lines {
	FILE *out;
	const struct symbols *symbols;
};

static void take_line(void *to, const struct pn_trace_record *r)
{
	const struct lines *l = to;
	char line[256];

	fprintf(l->out, "%s\n", trace_line(r, l->symbols, line, sizeof(line)));
}

static int print_lines(const struct trace_request *q, struct trace_reader *r, struct pn_error *err)
{
	struct lines lines = {q->out, &r->symbols};

	fprintf(q->out, "%s %s on %s\n\n%s\n", r->header.guest, r->header.cmdline, r->header.host,
		trace_line_head);
	return read_all(q, r, take_line, &lines, err);
}

static void take_for_summary(void *to, const struct pn_trace_record *r)
{
	trace_summary_add(to, r);
}

static int print_summary(const struct trace_request *q, struct trace_reader *r,
			 struct pn_error *err)
{
	struct trace_summary *s = malloc(sizeof(*s));
	int code;

	if (!s || trace_summary_init(s, &r->symbols, trace_last_ns(r))) {
		free(s);
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	}
	code = read_all(q, r, take_for_summary, s, err);
	trace_summary_end(s);
	if (code == 0 && q->json) {
		trace_summary_json(s, &r->header, q->out);
		fputc('\n', q->out);
	} else if (code == 0) {
		trace_summary_print(s, &r->header, q->out);
	}
	trace_summary_fini(s);
	free(s);
	return code;
}

static void take_for_page(void *to, const struct pn_trace_record *r)
{
	trace_page_add(to, r);
}

static int print_page(const struct trace_request *q, struct trace_reader *r, struct pn_error *err)
{
	struct trace_page *p = malloc(sizeof(*p));
	int code;

	if (!p || trace_page_init(p, &r->header, &r->symbols, trace_last_ns(r))) {
		free(p);
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	}
	code = read_all(q, r, take_for_page, p, err);
	if (code == 0 && !trace_page_write(p, q->out))
		code = pn_fail(err, PN_ERR_NOMEM, "out of memory");
	trace_page_fini(p);
	free(p);
	return code;
}

static void take_for_export(void *to, const struct pn_trace_record *r)
{
	trace_export_record(to, r);
}

static int print_export(const struct trace_request *q, struct trace_reader *r, struct pn_error *err)
{
	struct trace_export x;
	int code;

	if (trace_export_begin(&x, q->format, &r->header, &r->symbols, q->out))
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	code = read_all(q, r, take_for_export, &x, err);
	trace_export_end(&x);
	return code;
}

int cli_trace_output(struct trace_request *q)
{
	int status = q->output ? outfile_open(&q->file, q->output) : 0;

	q->out = q->output ? q->file.f : stdout;
	return status;
}

int cli_trace_finish(struct trace_request *q, int failed)
{
	if (q->output)
		return outfile_close(&q->file, failed);
	return failed ? failed : cli_finish(0);
}

/* To open for writing what is still to be read would empty it. */
static bool is_same_file(const char *path, int fd)
{
	struct stat a, b;

	return path && stat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int cli_trace_print(struct trace_request *q, struct trace_reader *r)
{
	struct pn_error err;
	int code, status;

	if (is_same_file(q->output, r->fd))
		return cli_fail("%s: cannot be written: it is the trace itself", q->output);
	status = cli_trace_output(q);
	if (status)
		return status;
	code = q->html	    ? print_page(q, r, &err)
	       : q->format  ? print_export(q, r, &err)
	       : q->summary ? print_summary(q, r, &err)
			    : print_lines(q, r, &err);
	status = code < 0 ? cli_fail_error(&err) : 0;
	return cli_trace_finish(q, status);
}
