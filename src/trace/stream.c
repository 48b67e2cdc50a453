/* SPDX-License-Identifier: MIT */
/* The way of a trace out of the process. */
#include "trace/stream.h"

#include "clock.h"
#include "error.h"
#include "trace/words.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RING_BITS 16 /* 4 MiB: two seconds of the fastest guest seen */

static int write_lines(struct trace_stream *s, const struct pn_trace_record *r, uint32_t count)
{
	char line[256];

	for (uint32_t i = 0; i < count; i++)
		fprintf(s->text, "%s\n", trace_line(&r[i], s->symbols, line, sizeof(line)));
	return fflush(s->text);
}

/* How many records of a run of `count` are not later than `time`. */
static uint32_t until(const struct pn_trace_record *first, uint32_t count, uint64_t time)
{
	uint32_t n = 0;

	while (n < count && first[n].time <= time)
		n++;
	return n;
}

/* A record out of ring `from` as it goes into the file. */
static void adopt(struct trace_stream *s, unsigned from, struct pn_trace_record *r)
{
	uint32_t number = r->number;

	s->number += number - s->next[from];
	s->next[from] = number + 1;
	r->number = s->number++;
	if (from == 0)
		s->mode = r->mode;
	else if (r->mode == TRACE_MODE_UNKNOWN)
		r->mode = s->mode;
}

/*
 * Takes what comes first, not later than `limit`: the longest run of one ring before the first
 * record of any other that fits behind the `batched` ones. Returns how many.
 */
static uint32_t take_run(struct trace_stream *s, uint32_t batched, uint64_t limit)
{
	const struct pn_trace_record *first = NULL, *other;
	uint64_t second = limit; /* the time of the first record of the rings not chosen */
	unsigned rings = atomic_load(&s->rings), from = 0;
	uint32_t count = 0, n;

	for (unsigned i = 0; i < rings; i++) {
		n = trace_ring_peek(&s->ring[i], &other);
		if (!n)
			continue;
		if (!first || other->time < first->time) {
			if (first && first->time < second)
				second = first->time;
			first = other;
			count = n;
			from = i;
		} else if (other->time < second) {
			second = other->time;
		}
	}
	if (!first)
		return 0;
	if (count > STREAM_BATCH - batched)
		count = STREAM_BATCH - batched;
	count = until(first, count, second);
	memcpy(&s->batch[batched], first, count * sizeof(*first));
	trace_ring_took(&s->ring[from], count);
	for (uint32_t i = 0; i < count; i++)
		adopt(s, from, &s->batch[batched + i]);
	return count;
}

/*
 * Up to when records are written now: what every ring has promised, and not the last moments, in
 * which a thread may know a time and not have said so. All of them at the end, or if there is but one
 * ring.
 */
static uint64_t limit_of(struct trace_stream *s, bool all)
{
	uint64_t now = clock_ns() - s->header.start_ns, limit, promise;
	unsigned rings = atomic_load(&s->rings);

	if (all || rings == 1)
		return UINT64_MAX;
	limit = now > STREAM_HOLD_NS ? now - STREAM_HOLD_NS : 0;
	for (unsigned i = 0; i < rings; i++) {
		promise = atomic_load_explicit(&s->ring[i].promise, memory_order_acquire);
		if (promise <= limit)
			limit = promise ? promise - 1 : 0;
	}
	return limit;
}

/* Writes a batch. Returns false if there is nothing to be written now. */
static bool drain(struct trace_stream *s, bool all)
{
	uint64_t limit = limit_of(s, all);
	uint32_t count = 0, n;

	while (count < STREAM_BATCH && (n = take_run(s, count, limit)))
		count += n;
	if (!count)
		return false;
	if (!s->error && (s->fd >= 0 ? trace_write_all(s->fd, s->batch, count * sizeof(*s->batch))
				     : write_lines(s, s->batch, count)))
		s->error = errno ? errno : EIO;
	return true;
}

struct trace_ring *trace_stream_ring(struct trace_stream *s, unsigned bits)
{
	unsigned at = atomic_load(&s->rings);

	if (at == TRACE_RINGS || !trace_ring_init(&s->ring[at], bits))
		return NULL;
	atomic_store(&s->rings, at + 1);
	return &s->ring[at];
}

uint64_t trace_stream_dropped(const struct trace_stream *s)
{
	uint64_t dropped = 0;

	for (unsigned i = 0; i < atomic_load(&s->rings); i++)
		dropped += s->ring[i].dropped_total;
	return dropped;
}

static void free_rings(struct trace_stream *s)
{
	for (unsigned i = 0; i < atomic_load(&s->rings); i++)
		trace_ring_fini(&s->ring[i]);
	atomic_store(&s->rings, 0);
}

static void *run(void *arg)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct trace_stream *s = arg;

	for (;;) {
		/* First the look at `stop`, then the last records: none is left behind. */
		bool stop = atomic_load(&s->stop);

		if (drain(s, stop))
			continue;
		if (stop)
			return NULL;
		nanosleep(&pause, NULL);
	}
}

/* Signals are the business of the thread that runs the guest; SIGSYS is about a thread's own calls. */
static int start_thread(struct trace_stream *s)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

int trace_stream_open(struct trace_stream *s, const char *path, FILE *text,
		      const struct pn_trace_header *header, const struct symbols *symbols,
		      struct pn_error *err)
{
	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->text = text;
	s->header = *header;
	s->symbols = symbols;
	if (!trace_stream_ring(s, RING_BITS))
		return pn_fail(err, PN_ERR_NOMEM, "out of memory for the trace");
	if (strcmp(path, "-") != 0) {
		s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (s->fd < 0 || trace_write_head(s->fd, &s->header, symbols)) {
			pn_fail_errno(err, PN_ERR_SYSTEM, "%s: cannot be written", path);
			trace_stream_stop(s);
			return PN_ERR_SYSTEM;
		}
	} else {
		fprintf(text, "%s\n", trace_line_head);
	}
	return PN_OK;
}

int trace_stream_start(struct trace_stream *s, struct pn_error *err)
{
	errno = start_thread(s);
	if (errno)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "a thread for the trace");
	s->started = true;
	return PN_OK;
}

int trace_stream_stop(struct trace_stream *s)
{
	atomic_store(&s->stop, true);
	if (s->started)
		pthread_join(s->thread, NULL);
	s->started = false;
	if (s->fd >= 0 && close(s->fd) && !s->error)
		s->error = errno;
	s->fd = -1;
	free_rings(s);
	return s->error;
}
