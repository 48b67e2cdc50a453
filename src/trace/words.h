/* SPDX-License-Identifier: MIT */
/* The names of everything in a trace: one table each, for output, filters and exports alike. */
#ifndef TRACE_WORDS_H
#define TRACE_WORDS_H

#include "symbols.h"

#include <penumbra/trace.h>
#include <stdbool.h>
#include <stddef.h>

/* "guest-fault", "flush", ...; "unknown" for what is not in the table. */
const char *trace_type_name(unsigned type);
const char *trace_fault_name(unsigned kind);
const char *trace_resolution_name(unsigned kind);
const char *trace_flush_name(unsigned kind);
const char *trace_cause_name(unsigned cause);
const char *trace_source_name(unsigned source);
const char *trace_mode_name(unsigned mode);
const char *trace_counter_name(unsigned kind);	  /* the kernel's: "pf_taken" */
const char *trace_tracepoint_name(unsigned kind); /* the same: "kvm_exit" */

/*
 * A list of types, "fault,flush,cr3", as a set of bits 1 << enum pn_trace_type; "fault" is both kinds
 * of fault, "all" everything. Returns false and the word in `bad` (of `size` bytes) if there is no
 * such type.
 */
bool trace_filter_parse(const char *list, uint32_t *types, char *bad, size_t size);

/* Writes the error code of a #PF in words, like "write user not-present"; returns text. */
char *trace_error_words(uint32_t error, char *text, size_t size);

/* Writes what there is to say of a record beyond its type; returns text. */
char *trace_what(const struct pn_trace_record *r, char *text, size_t size);

/* Writes where the guest was: its symbol, or the address; returns text. */
char *trace_where(const struct pn_trace_record *r, const struct symbols *symbols, char *text,
		  size_t size);

/* Writes a record as one line without a newline, in columns; returns text. */
char *trace_line(const struct pn_trace_record *r, const struct symbols *symbols, char *text,
		 size_t size);

/* The line that stands above them. */
extern const char trace_line_head[];

#endif
