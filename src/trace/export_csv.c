/* SPDX-License-Identifier: MIT */
/* CSV (RFC 4180): a line of names, then a line a record; what means nothing is empty. */
#include "trace/columns.h"
#include "trace/export.h"

#include <string.h>

static void begin(struct trace_export *x)
{
	for (unsigned i = 0; i < trace_columns_count; i++)
		fprintf(x->out, "%s%s", i ? "," : "", trace_columns[i].name);
	fputs("\r\n", x->out);
}

static void print(FILE *out, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++)
		fprintf(out, *text == '"' ? "\"\"" : "%c", *text);
	fputc('"', out);
}

static void record(struct trace_export *x, const struct pn_trace_record *r)
{
	char text[COLUMN_TEXT];

	for (unsigned i = 0; i < trace_columns_count; i++) {
		if (i)
			fputc(',', x->out);
		if (trace_columns[i].text(r, x->symbols, text))
			print(x->out, text);
	}
	fputs("\r\n", x->out);
}

const struct trace_export_format trace_export_csv = {"csv", begin, record, NULL};
