/* SPDX-License-Identifier: MIT */
/*
 * Sources of a trace, beyond what each mode's own exits tell: hw mode traps little by itself, so
 * each source looks from another place. A source that a host cannot give is refused at the start,
 * with the reason.
 */
#ifndef SOURCES_SOURCE_H
#define SOURCES_SOURCE_H

#include "loader/image.h"
#include "memory/ram.h"
#include "memory/slots.h"
#include "sources/guest_log.h"
#include "symbols.h"
#include "trace/stream.h"
#include "vcpu/vcpu.h"

/* What a source may look at; lives as long as the trace. */
struct source_context {
	struct vcpu *vcpu;
	int vm; /* KVM's file descriptor of the VM */
	struct gmem *mem;
	struct ram *ram;
	struct slots *slots;
	const struct image *image;
	struct guest_log_area *log;
	const struct symbols *symbols;
	enum pn_paging paging; /* the host's */
	struct trace_stream *stream;
	uint64_t start_ns; /* CLOCK_MONOTONIC at time 0 of the trace */
	uint32_t types;	   /* wanted: bits 1 << enum pn_trace_type */
};

/*
 * A source: what it is called on the command line, what it sees, and how it is begun and ended. Its
 * errors do not name it: sources_open does.
 */
struct source_ops {
	const char *name;
	enum pn_trace_source source;
	const char *sees; /* for penumbra doctor: at most 160 characters */

	/*
	 * Whether this host can give it, as far as that shows without a guest: 0, or the error that
	 * `open` would return. NULL: every host can.
	 */
	int (*check)(struct pn_error *err);

	/*
	 * One line on what it cannot see on a host with this paging although it can be started, or
	 * NULL. NULL for a source that is silent nowhere.
	 */
	const char *(*note)(enum pn_paging paging);

	/*
	 * Opens all that it needs, before the guest's next instruction, on the thread that calls
	 * pn_run. Events that do not come from the vCPU's thread go into a ring of their own
	 * (trace_stream_ring). Stores the source's own state in *state. Returns 0, PN_ERR_HOST_LACKS
	 * (the reason in *err), PN_ERR_NOMEM, PN_ERR_SYSTEM.
	 */
	int (*open)(const struct source_context *c, void **state, struct pn_error *err);

	/*
	 * Starts its thread; nothing is opened any more, the process may be in a sandbox. NULL for a
	 * source without one. Errors of `open`.
	 */
	int (*start)(void *state, struct pn_error *err);

	/* Ends what was opened, after the guest's last instruction: what it has seen is in its ring
	 * then. */
	void (*stop)(void *state);
};

extern const struct source_ops source_guest; /* guest_log.c */
extern const struct source_ops source_break; /* breakpoints.c */

/* The sources of a trace: those of `wanted` (bits 1 << enum pn_trace_source) that were opened. */
struct sources {
	struct source_context context;
	void *state[PN_SOURCES];
	uint32_t open; /* bits */
};

/*
 * Names of sources, "guest,uffd", as a set of bits. Returns false and the word in `bad` (of `size`
 * bytes) if there is no such source to be asked for.
 */
bool sources_parse(const char *list, uint32_t *wanted, char *bad, size_t size);

/* Whether this host can give those wanted, before anything is done for them. Errors of source_ops.check. */
int sources_check(uint32_t wanted, struct pn_error *err);

/* Opens those wanted, all or none; starts what was opened. Errors of source_ops.open. */
int sources_open(struct sources *s, const struct source_context *c, uint32_t wanted,
		 struct pn_error *err);
int sources_start(struct sources *s, struct pn_error *err);
void sources_stop(struct sources *s);

/* The note of an open source (enum pn_trace_source), or NULL. */
const char *sources_note(const struct sources *s, unsigned source);

/* A source that can be asked for by enum pn_trace_source, or NULL. */
const struct source_ops *sources_ops(unsigned source);

#endif
