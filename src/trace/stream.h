/* SPDX-License-Identifier: MIT */
/*
 * The way of a trace out of the process: a thread takes the records from the ring and writes them
 * to a file as they are, or as lines of text. What has been written stays if the process is killed.
 */
#ifndef TRACE_STREAM_H
#define TRACE_STREAM_H

#include "symbols.h"
#include "trace/file.h"
#include "trace/ring.h"

#include <pthread.h>
#include <stdio.h>

struct trace_stream {
	struct trace_ring ring;
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
 * Starts a stream into a file made anew at `path`, or, if that is "-", as lines onto `text`. The
 * caller has set header.host and its like in *header (trace_header_init). Returns 0, PN_ERR_SYSTEM,
 * PN_ERR_NOMEM.
 */
int trace_stream_start(struct trace_stream *s, const char *path, FILE *text,
		       const struct pn_trace_header *header, const struct symbols *symbols,
		       struct pn_error *err);

/* Writes what is left and ends the stream. Returns 0, or the errno of a write that failed. */
int trace_stream_stop(struct trace_stream *s);

#endif
