/* SPDX-License-Identifier: MIT */
/* A record as columns of text. */
#include "trace/columns.h"

#include "trace/tracepoints.h"
#include "trace/words.h"

#include <inttypes.h>

#define BIT(type) (1u << PN_TRACE_##type)

/* The types for which a member means something (penumbra/trace.h). */
enum {
	FAULTS = BIT(GUEST_FAULT) | BIT(HIDDEN_FAULT),
	HAS_ADDRESS = FAULTS | BIT(TABLE_WRITE) | BIT(FLUSH) | BIT(SECOND_FAULT) | BIT(INJECT) |
		      BIT(EXIT) | BIT(FORESEEN) | BIT(RESOLVED),
	HAS_ERROR = FAULTS | BIT(SECOND_FAULT) | BIT(INJECT) | BIT(RESOLVED),
	HAS_COUNT = BIT(HIDDEN_FAULT) | BIT(FLUSH) | BIT(DROP),
	HAS_LEVEL = BIT(GUEST_FAULT) | BIT(TABLE_WRITE),
	HAS_KIND = BIT(GUEST_FAULT) | BIT(RESOLVED) | BIT(FLUSH) | BIT(INJECT) | BIT(EXIT) |
		   BIT(COUNTER) | BIT(KERNEL),
	HAS_CAUSE = BIT(FLUSH),
	HAS_VALUE0 = FAULTS | BIT(TABLE_WRITE) | BIT(CR3) | BIT(SECOND_FAULT) | BIT(MODE) |
		     BIT(MARK) | BIT(EXIT) | BIT(COUNTER),
	HAS_VALUE1 = BIT(TABLE_WRITE) | BIT(CR3) | BIT(MODE) | BIT(MARK) | BIT(COUNTER),
};

/*
 * Whether a member means something: for one of these types, or for this tracepoint. Of what this
 * version does not know, everything is passed on.
 */
static bool has(const struct pn_trace_record *r, uint32_t types, enum tracepoint_member member)
{
	if (r->type == PN_TRACE_KERNEL && member)
		return tracepoint_has(r->kind, member);
	return r->type >= PN_TRACE_TYPES || (types >> r->type & 1);
}

static bool decimal(char *text, uint64_t value)
{
	snprintf(text, COLUMN_TEXT, "%" PRIu64, value);
	return true;
}

static bool hex(char *text, uint64_t value)
{
	snprintf(text, COLUMN_TEXT, "0x%" PRIx64, value);
	return true;
}

static bool word(char *text, const char *word)
{
	snprintf(text, COLUMN_TEXT, "%s", word);
	return true;
}

#define COLUMN(name) \
	static bool name(const struct pn_trace_record *r, const struct symbols *s, char *text)

COLUMN(time_ns)
{
	(void)s;
	return decimal(text, r->time);
}

COLUMN(vcpu)
{
	(void)s;
	return decimal(text, r->vcpu);
}

COLUMN(number)
{
	(void)s;
	return decimal(text, r->number);
}

COLUMN(type)
{
	(void)s;
	return word(text, trace_type_name(r->type));
}

COLUMN(source)
{
	(void)s;
	return word(text, trace_source_name(r->source));
}

COLUMN(mode)
{
	(void)s;
	return word(text, trace_mode_name(r->mode));
}

COLUMN(cpl)
{
	(void)s;
	return decimal(text, r->cpl);
}

COLUMN(rip)
{
	(void)s;
	return hex(text, r->rip);
}

COLUMN(symbol)
{
	if (!symbols_at(s, r->rip))
		return false;
	symbols_format(s, r->rip, text, COLUMN_TEXT);
	return true;
}

COLUMN(cost_ns)
{
	(void)s;
	return decimal(text, r->cost);
}

COLUMN(address)
{
	(void)s;
	if (r->type == PN_TRACE_FLUSH && r->kind != PN_FLUSH_PAGE)
		return false;
	return has(r, HAS_ADDRESS, MEMBER_ADDRESS) && hex(text, r->address);
}

COLUMN(error)
{
	(void)s;
	return has(r, HAS_ERROR, MEMBER_ERROR) && decimal(text, r->error);
}

COLUMN(count)
{
	(void)s;
	return has(r, HAS_COUNT, MEMBER_COUNT) && decimal(text, r->count);
}

COLUMN(level)
{
	(void)s;
	return has(r, HAS_LEVEL, MEMBER_LEVEL) && decimal(text, r->level);
}

COLUMN(kind)
{
	(void)s;
	if (!has(r, HAS_KIND, MEMBER_NONE))
		return false;
	switch (r->type) {
	case PN_TRACE_GUEST_FAULT: return word(text, trace_fault_name(r->kind));
	case PN_TRACE_RESOLVED: return word(text, trace_resolution_name(r->kind));
	case PN_TRACE_FLUSH: return word(text, trace_flush_name(r->kind));
	case PN_TRACE_COUNTER: return word(text, trace_counter_name(r->kind));
	case PN_TRACE_KERNEL: return word(text, trace_tracepoint_name(r->kind));
	default: return decimal(text, r->kind);
	}
}

COLUMN(cause)
{
	(void)s;
	if (!has(r, HAS_CAUSE, MEMBER_CAUSE))
		return false;
	return r->type == PN_TRACE_KERNEL ? decimal(text, r->cause)
					  : word(text, trace_cause_name(r->cause));
}

COLUMN(value0)
{
	(void)s;
	return has(r, HAS_VALUE0, MEMBER_VALUE0) && hex(text, r->value[0]);
}

COLUMN(value1)
{
	(void)s;
	return has(r, HAS_VALUE1, MEMBER_VALUE1) && hex(text, r->value[1]);
}

const struct trace_column trace_columns[] = {
	{"time_ns", true, time_ns}, {"vcpu", true, vcpu},	 {"number", true, number},
	{"type", false, type},	    {"source", false, source},	 {"mode", false, mode},
	{"cpl", true, cpl},	    {"rip", false, rip},	 {"symbol", false, symbol},
	{"cost_ns", true, cost_ns}, {"address", false, address}, {"error", true, error},
	{"count", true, count},	    {"level", true, level},	 {"kind", false, kind},
	{"cause", false, cause},    {"value0", false, value0},	 {"value1", false, value1},
};

const unsigned trace_columns_count = sizeof(trace_columns) / sizeof(trace_columns[0]);

/* What HTML might take for markup is none within a <script> either, once it is escaped. */
static bool is_plain(char c)
{
	return c >= ' ' && (unsigned char)c < 0x7f && c != '"' && c != '\\' && c != '<' &&
	       c != '>' && c != '&';
}

void trace_json_string(FILE *out, const char *text)
{
	fputc('"', out);
	while (*text) {
		size_t plain = 0;

		while (is_plain(text[plain]))
			plain++;
		fwrite(text, 1, plain, out);
		text += plain;
		if (*text)
			fprintf(out, "\\u%04x", (unsigned char)*text++);
	}
	fputc('"', out);
}

void trace_json_record(FILE *out, const struct pn_trace_record *r, const struct symbols *symbols)
{
	char text[COLUMN_TEXT];

	for (unsigned i = 0; i < trace_columns_count; i++) {
		const struct trace_column *c = &trace_columns[i];

		fputs(i ? ",\"" : "{\"", out);
		fputs(c->name, out);
		fputs("\":", out);
		if (!c->text(r, symbols, text))
			fputs("null", out);
		else if (c->number)
			fputs(text, out);
		else
			trace_json_string(out, text);
	}
	fputc('}', out);
}
