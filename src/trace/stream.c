/* SPDX-License-Identifier: MIT */
/* The way of a trace out of the process. */
#include "trace/stream.h"

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

/* Takes what is in the ring; false if it was empty. */
static bool drain(struct trace_stream *s)
{
	const struct pn_trace_record *first;
	uint32_t count = trace_ring_peek(&s->ring, &first);

	if (!count)
		return false;
	if (!s->error && (s->fd >= 0 ? trace_write_all(s->fd, first, count * sizeof(*first))
				     : write_lines(s, first, count)))
		s->error = errno ? errno : EIO;
	trace_ring_took(&s->ring, count);
	return true;
}

static void *run(void *arg)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct trace_stream *s = arg;

	for (;;) {
		/* First the look at `stop`, then the last records: none is left behind. */
		bool stop = atomic_load(&s->stop);

		if (drain(s))
			continue;
		if (stop)
			return NULL;
		nanosleep(&pause, NULL);
	}
}

/* Signals are the business of the thread that runs the guest. */
static int start_thread(struct trace_stream *s)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

int trace_stream_start(struct trace_stream *s, const char *path, FILE *text,
		       const struct pn_trace_header *header, const struct symbols *symbols,
		       struct pn_error *err)
{
	int code;

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->text = text;
	s->header = *header;
	s->symbols = symbols;
	if (!trace_ring_init(&s->ring, RING_BITS))
		return pn_fail(err, PN_ERR_NOMEM, "out of memory for the trace");
	if (strcmp(path, "-") != 0) {
		s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (s->fd < 0 || trace_write_head(s->fd, &s->header, symbols)) {
			code = pn_fail_errno(err, PN_ERR_SYSTEM, "%s: cannot be written", path);
			goto failed;
		}
	} else {
		fprintf(text, "%s\n", trace_line_head);
	}
	errno = start_thread(s);
	if (errno) {
		code = pn_fail_errno(err, PN_ERR_SYSTEM, "a thread for the trace");
		goto failed;
	}
	s->started = true;
	return PN_OK;
failed:
	if (s->fd >= 0)
		close(s->fd);
	trace_ring_fini(&s->ring);
	return code;
}

int trace_stream_stop(struct trace_stream *s)
{
	if (!s->started)
		return 0;
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	s->started = false;
	if (s->fd >= 0 && close(s->fd) && !s->error)
		s->error = errno;
	trace_ring_fini(&s->ring);
	return s->error;
}
