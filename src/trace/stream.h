/* SPDX-License-Identifier: MIT */
/*
 * The way of a trace out of the process: a thread takes the records from the rings and writes them
 * to a file as they are, or as lines of text. What has been written stays if the process is killed.
 * Of several rings records wait a little, STREAM_HOLD_NS, and for what each ring has promised, so
 * that they are written in the order of their times; they get one sequence of numbers, in which the
 * gaps of each ring are left.
 */
#ifndef TRACE_STREAM_H
#define TRACE_STREAM_H

#include "symbols.h"
#include "trace/file.h"
#include "trace/ring.h"

#include <pthread.h>
#include <stdio.h>

#define TRACE_RINGS    8
#define STREAM_HOLD_NS UINT64_C(20000000)
#define STREAM_BATCH   512 /* records of one write */

/* `mode` of a record in a ring beyond the vCPU's that is told too late to know: filled in from the
 * vCPU's records before it. */
#define TRACE_MODE_UNKNOWN 0xff

struct trace_stream {
	struct trace_ring ring[TRACE_RINGS]; /* [0] is the vCPU's */
	atomic_uint rings;		     /* in use */
	uint32_t next[TRACE_RINGS];	     /* numbers in the rings, and in the file */
	uint32_t number;
	uint8_t mode; /* of the vCPU, where the writing has come to */
	struct pn_trace_record batch[STREAM_BATCH];
	struct pn_trace_header header;
	const struct symbols *symbols; /* the caller's */
	int fd;			       /* of the file; -1: lines to `text` */
	FILE *text;
	pthread_t thread;
	atomic_bool stop;
	bool started;
	int error; /* errno of a write that failed; nothing is written after it */
};

/*
 * Opens a stream into a file made anew at `path`, or, if that is "-", as lines onto `text`. The
 * caller has set header.host and its like in *header (trace_header_init). Returns 0, PN_ERR_SYSTEM,
 * PN_ERR_NOMEM.
 */
int trace_stream_open(struct trace_stream *s, const char *path, FILE *text,
		      const struct pn_trace_header *header, const struct symbols *symbols,
		      struct pn_error *err);

/* Starts its thread: what is in the rings is written from now on. Returns 0 or PN_ERR_SYSTEM. */
int trace_stream_start(struct trace_stream *s, struct pn_error *err);

/*
 * One more ring, of 1 << bits records, for a thread that is to put records of its own; it lives as
 * long as the stream. Call it from one thread at a time. Returns NULL if there is no memory, or
 * TRACE_RINGS are in use.
 */
struct trace_ring *trace_stream_ring(struct trace_stream *s, unsigned bits);

/* Records that found no room in any of the rings. Once no thread puts any more. */
uint64_t trace_stream_dropped(const struct trace_stream *s);

/* Ends a stream that was opened; one that was started writes what is left. Returns 0, or the errno of
 * a write that failed. */
int trace_stream_stop(struct trace_stream *s);

#endif
