/* SPDX-License-Identifier: MIT */
/* Exports: the table of formats, and the counts by symbol that two of them share. */
#include "trace/export.h"

#include <string.h>

/* Pairs of symbol and type that are told apart; the rest is said to be the rest. */
#define KEYS_BITS 16

#define TYPE_BITS 8
#define NO_SYMBOL (UINT64_MAX >> TYPE_BITS)

static const struct trace_export_format *const formats[] = {
	&trace_export_json,   &trace_export_csv,       &trace_export_chrome,
	&trace_export_folded, &trace_export_callgrind,
};

const struct trace_export_format *trace_export_named(const char *name)
{
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

int trace_export_begin(struct trace_export *x, const struct trace_export_format *format,
		       const struct pn_trace_header *header, const struct symbols *symbols,
		       FILE *out)
{
	memset(x, 0, sizeof(*x));
	x->format = format;
	x->header = header;
	x->symbols = symbols;
	x->out = out;
	if (!tally_init(&x->tally, KEYS_BITS))
		return PN_ERR_NOMEM;
	if (format->begin)
		format->begin(x);
	return PN_OK;
}

void trace_export_record(struct trace_export *x, const struct pn_trace_record *r)
{
	x->format->record(x, r);
	x->records++;
}

void trace_export_end(struct trace_export *x)
{
	if (x->format->end)
		x->format->end(x);
	tally_fini(&x->tally);
}

void export_count(struct trace_export *x, const struct pn_trace_record *r)
{
	const struct symbol *at = symbols_at(x->symbols, r->rip);
	uint64_t symbol = at ? (uint64_t)(at - x->symbols->symbol) : NO_SYMBOL;

	tally_add(&x->tally, symbol << TYPE_BITS | r->type, r->cost);
}

unsigned export_key_type(uint64_t key)
{
	return key & ((1u << TYPE_BITS) - 1);
}

const char *export_key_symbol(const struct trace_export *x, uint64_t key, char *text, size_t size)
{
	uint64_t symbol = key >> TYPE_BITS;

	snprintf(text, size, "%s",
		 symbol == NO_SYMBOL ? "[no_symbol]" : x->symbols->symbol[symbol].name);
	for (char *c = text; *c; c++)
		if (strchr("; ()=", *c))
			*c = '_';
	return text;
}
