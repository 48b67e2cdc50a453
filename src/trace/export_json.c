/* SPDX-License-Identifier: MIT */
/* JSON, an object a line: the first is the header, each other one a record. */
#include "trace/columns.h"
#include "trace/export.h"

#include <inttypes.h>

static void begin(struct trace_export *x)
{
	const struct pn_trace_header *h = x->header;

	fprintf(x->out, "{\"format\":\"penumbra-trace\",\"version\":%" PRIu32, h->version);
	fprintf(x->out, ",\"start_ns\":%" PRIu64 ",\"start_wall_ns\":%" PRIu64, h->start_ns,
		h->start_wall_ns);
	fputs(",\"guest\":", x->out);
	trace_json_string(x->out, h->guest);
	fputs(",\"arguments\":", x->out);
	trace_json_string(x->out, h->cmdline);
	fputs(",\"host\":", x->out);
	trace_json_string(x->out, h->host);
	fputs("}\n", x->out);
}

static void record(struct trace_export *x, const struct pn_trace_record *r)
{
	trace_json_record(x->out, r, x->symbols);
	fputc('\n', x->out);
}

const struct trace_export_format trace_export_json = {"json", begin, record, NULL};
