/* SPDX-License-Identifier: MIT */
/* One record as one line of text: time, type, where, what, cost. */
#include "trace/tracepoints.h"
#include "trace/words.h"

#include <inttypes.h>
#include <stdio.h>

#define WHAT 104

const char trace_line_head[] =
	"        time ms  vcpu mode   event         cost us  where                    what";

typedef void describe(const struct pn_trace_record *r, char *text, size_t size);

static void guest_fault(const struct pn_trace_record *r, char *text, size_t size)
{
	char words[64];

	snprintf(text, size, "0x%" PRIx64 " %s: %s at level %u", r->address,
		 trace_error_words(r->error, words, sizeof(words)), trace_fault_name(r->kind),
		 r->level);
}

static void hidden_fault(const struct pn_trace_record *r, char *text, size_t size)
{
	char words[64];

	snprintf(text, size, "0x%" PRIx64 " %s, filled %" PRIu32 " more", r->address,
		 trace_error_words(r->error, words, sizeof(words)), r->count);
}

static void table_write(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "GPA 0x%" PRIx64 " level %u: 0x%" PRIx64 " to 0x%" PRIx64, r->address,
		 r->level, r->value[0], r->value[1]);
}

static void cr3(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "0x%" PRIx64 " to 0x%" PRIx64, r->value[0], r->value[1]);
}

static void flush(const struct pn_trace_record *r, char *text, size_t size)
{
	int n = snprintf(text, size, "%s by %s", trace_flush_name(r->kind),
			 trace_cause_name(r->cause));

	if (r->kind == PN_FLUSH_PAGE)
		n += snprintf(text + n, size - (size_t)n, " 0x%" PRIx64, r->address);
	snprintf(text + n, size - (size_t)n, ", dropped %" PRIu32, r->count);
}

static void second_fault(const struct pn_trace_record *r, char *text, size_t size)
{
	int n = snprintf(text, size, "GPA 0x%" PRIx64 " %s", r->address,
			 r->error & 2 ? "write" : "read");

	if (r->value[0])
		snprintf(text + n, size - (size_t)n, ", a page of %" PRIu64 " KiB",
			 r->value[0] >> 10);
}

static void inject(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "vector %u, error code 0x%" PRIx32, r->kind, r->error);
}

static void mode(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "%s to %s", trace_mode_name((unsigned)r->value[0]),
		 trace_mode_name((unsigned)r->value[1]));
}

static void mark(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "%" PRIu64 ", value 0x%" PRIx64, r->value[0], r->value[1]);
}

static void exit_(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "reason %u, 0x%" PRIx64 " = 0x%" PRIx64, r->kind, r->address,
		 r->value[0]);
}

static void foreseen(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "0x%" PRIx64 ": back from its handler", r->address);
}

static void resolved(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "0x%" PRIx64 ": %s, the guest says", r->address,
		 trace_resolution_name(r->kind));
}

static void drop(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "%" PRIu32 " events lost here", r->count);
}

static void counter(const struct pn_trace_record *r, char *text, size_t size)
{
	snprintf(text, size, "%s %" PRIu64 " to %" PRIu64, trace_counter_name(r->kind), r->value[0],
		 r->value[1]);
}

/* RIP stands in a column of its own. */
static void kernel(const struct pn_trace_record *r, char *text, size_t size)
{
	const struct tracepoint_field *f;
	size_t n = (size_t)snprintf(text, size, "%s", trace_tracepoint_name(r->kind));

	if (r->kind >= PN_TRACEPOINTS)
		return;
	for (f = tracepoints[r->kind].field; f->member && n < size; f++)
		if (f->member != MEMBER_RIP)
			n += (size_t)snprintf(text + n, size - n, " %s 0x%" PRIx64,
					      f->words ? f->words : f->name,
					      tracepoint_member_of(r, f->member));
}

static describe *const describers[PN_TRACE_TYPES] = {
	[PN_TRACE_GUEST_FAULT] = guest_fault,
	[PN_TRACE_HIDDEN_FAULT] = hidden_fault,
	[PN_TRACE_TABLE_WRITE] = table_write,
	[PN_TRACE_CR3] = cr3,
	[PN_TRACE_FLUSH] = flush,
	[PN_TRACE_SECOND_FAULT] = second_fault,
	[PN_TRACE_INJECT] = inject,
	[PN_TRACE_MODE] = mode,
	[PN_TRACE_MARK] = mark,
	[PN_TRACE_EXIT] = exit_,
	[PN_TRACE_DROP] = drop,
	[PN_TRACE_FORESEEN] = foreseen,
	[PN_TRACE_COUNTER] = counter,
	[PN_TRACE_KERNEL] = kernel,
	[PN_TRACE_RESOLVED] = resolved,
};

char *trace_what(const struct pn_trace_record *r, char *text, size_t size)
{
	*text = 0;
	if (r->type < PN_TRACE_TYPES && describers[r->type])
		describers[r->type](r, text, size);
	return text;
}

char *trace_where(const struct pn_trace_record *r, const struct symbols *symbols, char *text,
		  size_t size)
{
	if (symbols_at(symbols, r->rip))
		return symbols_format(symbols, r->rip, text, size);
	snprintf(text, size, "0x%" PRIx64, r->rip);
	return text;
}

char *trace_line(const struct pn_trace_record *r, const struct symbols *symbols, char *text,
		 size_t size)
{
	char where[32], what[WHAT];

	snprintf(text, size, "%15.6f  %4u %-6s %-12s %8.2f  %-24s %s", (double)r->time / 1e6,
		 r->vcpu, trace_mode_name(r->mode), trace_type_name(r->type), (double)r->cost / 1e3,
		 trace_where(r, symbols, where, sizeof(where)), trace_what(r, what, sizeof(what)));
	return text;
}
