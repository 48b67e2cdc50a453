/* SPDX-License-Identifier: MIT */
/*
 * A record as columns of text, one table for the exports to JSON and CSV: their members and
 * their order are the same (docs/trace-format.md).
 */
#ifndef TRACE_COLUMNS_H
#define TRACE_COLUMNS_H

#include "symbols.h"

#include <penumbra/trace.h>
#include <stdbool.h>
#include <stdio.h>

#define COLUMN_TEXT 320 /* bytes that a column has at most, with its NUL */

struct trace_column {
	const char *name;
	bool number; /* else text; addresses are text, in hexadecimal, as JSON's numbers end at 2^53 */
	/* Writes what the record has there; false if that means nothing for its type. */
	bool (*text)(const struct pn_trace_record *r, const struct symbols *symbols, char *text);
};

extern const struct trace_column trace_columns[];
extern const unsigned trace_columns_count;

/* Prints text as a JSON string with its quotes: ASCII, and without a character of HTML markup. */
void trace_json_string(FILE *out, const char *text);

/* Prints the columns of a record as a JSON object without a newline; null for what means nothing. */
void trace_json_record(FILE *out, const struct pn_trace_record *r, const struct symbols *symbols);

#endif
