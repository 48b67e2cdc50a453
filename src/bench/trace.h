/* SPDX-License-Identifier: MIT */
/*
 * What tracing costs, and how fast a trace is written and read.
 *
 * What: a whole run of pagelab in shadow mode that writes every event to a file, beside the same run
 * without a trace; records put into a ring while another thread takes them; a summary made of a
 * trace file.
 *
 * How: the two runs in turns, round by round, from pn_run() to its end: in processor time of the
 * vCPU's thread, which what else the machine does does not disturb, and by the clock, in which the
 * writing thread has its part if it has no processor of its own. A ratio is the median of the rounds'.
 * The file is made in $TMPDIR, or /tmp, and removed. The ring's records are put as fast as can be; one
 * that finds no room does not count. The summary reads a file in memory, of real records repeated.
 *
 * What it cannot tell: what a slow disk does to a trace (the ring is then full, and records are lost);
 * the cost of a reader that shows what it reads.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include "bench/sample.h"
#include "sandbox/sandbox.h"

#include <penumbra/penumbra.h>

#define TRACE_RUNS 3

struct bench_trace {
	struct bench_trace_run {
		const char *words;     /* pagelab's */
		uint64_t events;       /* in the last traced run */
		uint64_t dropped;      /* in all of them */
		struct sample plain;   /* ns of processor time */
		struct sample traced;  /* the same */
		struct sample ratio;   /* of the two */
		struct sample elapsed; /* ratio by the clock */
	} run[TRACE_RUNS];
	uint64_t ring_records;	  /* put in a round */
	struct sample ring_ns;	  /* for each that had room */
	uint64_t summary_bytes;	  /* of the file */
	struct sample summary_ns; /* for all of it */
};

/*
 * Measures `rounds` rounds of each, after one to warm up. `guest` is the path of pagelab.elf. Returns
 * 0, PN_ERR_SYSTEM, PN_ERR_NOMEM, PN_ERR_STATE (a run went wrong), or an error of making a machine.
 */
int bench_trace(struct bench_trace *result, unsigned rounds, const char *guest,
		const struct sandbox_options *sandbox, struct pn_error *err);

#endif
