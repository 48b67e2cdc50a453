/* SPDX-License-Identifier: MIT */
/*
 * Trace files (penumbra/trace.h): written front to back, read in a stream of bounded memory. A file
 * is hostile input: every length in it is checked.
 */
#ifndef TRACE_FILE_H
#define TRACE_FILE_H

#include "symbols.h"

#include <penumbra/penumbra.h>
#include <penumbra/trace.h>
#include <stdbool.h>
#include <stddef.h>

/* --- Writing. Functions return 0 or -1 with errno. --- */

/* Writes all of `size` bytes. */
int trace_write_all(int fd, const void *bytes, size_t size);

/* Fills in what every header has: magic, version, sizes, times of now. */
void trace_header_init(struct pn_trace_header *h);

/* Writes the head of a file: the header, with symbols_size filled in, and the symbols. */
int trace_write_head(int fd, const struct pn_trace_header *h, const struct symbols *symbols);

/* --- Reading --- */

#define TRACE_BATCH 4096 /* records */

struct trace_reader {
	int fd;
	bool ended; /* a record was cut off: what a file that still grows has then is out of step */
	struct pn_trace_header header;
	struct symbols symbols;
	uint64_t taken; /* bytes read so far */
	struct pn_trace_record batch[TRACE_BATCH];
};

/*
 * Opens a trace. Returns 0, PN_ERR_SYSTEM, PN_ERR_NOMEM, or PN_ERR_IMAGE (no trace, another version,
 * or one whose parts do not fit each other) with *err filled; `path` is named in it.
 */
int trace_open(struct trace_reader *r, const char *path, struct pn_error *err);
void trace_close(struct trace_reader *r);

/*
 * The time of the last record of a plain file, in ns since its start, found without reading what is
 * before it; 0 if the file is no plain one, or has no record.
 */
uint64_t trace_last_ns(const struct trace_reader *r);

/* Bytes of a plain file, for saying how far a reader is; 0 if it is no plain one. */
uint64_t trace_size(const struct trace_reader *r);

/* Back to the first record of a plain file. Returns 0 or PN_ERR_SYSTEM. */
int trace_rewind(struct trace_reader *r, struct pn_error *err);

/*
 * The next records: how many there are in r->batch, 0 at the end, or PN_ERR_SYSTEM. A last record
 * that is cut off is left out.
 */
int trace_read(struct trace_reader *r, struct pn_error *err);

#endif
