/* SPDX-License-Identifier: MIT */
/* The cost of tracing, measured: see trace.h for what this is and is not. */
#include "bench/trace.h"

#include "clock.h"
#include "error.h"
#include "machine.h"
#include "sandbox/apart.h"
#include "trace/file.h"
#include "trace/summary.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RING_BITS     16
#define RING_RECORDS  (UINT64_C(1) << 18)
#define SUMMARY_BYTES (UINT64_C(1) << 23)

static const char *const runs[TRACE_RUNS] = {"touch", "fork", "switch"};

/* --- A run with a trace, and one without --- */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct times {
	uint64_t cpu, elapsed;
};

/* A run, and what it comes to. */
struct job {
	struct times times;
	uint64_t dropped;
	const char *words, *guest;
	const char *path; /* of the trace; NULL: none */
	const struct sandbox_options *sandbox;
};

/* As `penumbra run` does. */
static int prepare(struct pn_machine *m, const struct job *job, struct pn_error *err)
{
	struct sandbox sandbox = {.filtered = false};
	int code = pn_load_elf(m, job->guest, err);

	if (!code && job->path)
		code = machine_trace_open(m, job->path, NULL, UINT32_MAX, 0, err);
	if (!code)
		code = sandbox_give_up(&sandbox, job->sandbox, err);
	if (!code && job->path)
		code = machine_trace_start(m, err);
	return code ? code : sandbox_filter(&sandbox, err);
}

static int work(void *arg, struct pn_error *err)
{
	struct job *job = arg;
	const struct pn_config config = {.mode = PN_MODE_SHADOW, .cmdline = job->words};
	struct pn_machine *m = pn_machine_create(&config, err);
	struct times begin;
	struct pn_result end;
	int code;

	if (!m)
		return err->code;
	code = prepare(m, job, err);
	begin = (struct times){cpu_ns(), clock_ns()};
	if (!code)
		code = pn_run(m, &end, err);
	job->times = (struct times){cpu_ns() - begin.cpu, clock_ns() - begin.elapsed};
	if (!code && (end.end != PN_END_STATUS || end.status != 0))
		code = pn_fail(err, PN_ERR_STATE, "pagelab.elf %s: %s", job->words, end.reason);
	if (machine_trace_stop(m, &job->dropped) && !code)
		code = pn_fail(err, PN_ERR_SYSTEM, "%s: the trace cannot be written", job->path);
	pn_machine_destroy(m);
	return code;
}

static int run(struct job *job, const char *path, struct times *t, struct pn_error *err)
{
	int code;

	job->path = path;
	code = sandbox_apart(work, job, sizeof(*job), err);
	*t = job->times;
	return code;
}

static uint64_t events_in(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint64_t)st.st_size / sizeof(struct pn_trace_record);
}

static int take_turns(struct bench_trace_run *r, const struct job *what, const char *path,
		      bool counts, struct pn_error *err)
{
	struct job job = *what;
	struct times plain, traced;
	int code;

	job.words = r->words;
	code = run(&job, NULL, &plain, err);
	if (!code)
		code = run(&job, path, &traced, err);
	if (code || !counts)
		return code;
	r->events = events_in(path);
	r->dropped += job.dropped;
	sample_add(&r->plain, (double)plain.cpu);
	sample_add(&r->traced, (double)traced.cpu);
	sample_add(&r->ratio, (double)traced.cpu / (double)plain.cpu);
	sample_add(&r->elapsed, (double)traced.elapsed / (double)plain.elapsed);
	return PN_OK;
}

static int measure_runs(struct bench_trace *result, unsigned rounds, const struct job *what,
			const char *path, struct pn_error *err)
{
	for (unsigned i = 0; i < TRACE_RUNS; i++)
		result->run[i].words = runs[i];
	for (unsigned round = 0; round <= rounds; round++)
		for (unsigned i = 0; i < TRACE_RUNS; i++) {
			int code = take_turns(&result->run[i], what, path, round > 0, err);

			if (code)
				return code;
		}
	return PN_OK;
}

/* --- The ring --- */

struct taker {
	struct trace_ring ring;
	atomic_uint_fast64_t taken;
	atomic_bool stop;
};

static void *take(void *arg)
{
	const struct timespec pause = {.tv_nsec = 1000000}; /* as trace/stream.c has it */
	const struct pn_trace_record *first;
	struct taker *t = arg;

	while (!atomic_load(&t->stop)) {
		uint32_t count = trace_ring_peek(&t->ring, &first);

		trace_ring_took(&t->ring, count);
		atomic_fetch_add(&t->taken, count);
		if (!count)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

/* A round begins with an empty ring, so that some of its records find room however busy the machine. */
static void await_taker(const struct taker *t, uint64_t put)
{
	const struct timespec pause = {.tv_nsec = 100000};

	while (atomic_load(&t->taken) + t->ring.dropped_total < put)
		nanosleep(&pause, NULL);
}

static int measure_ring(struct bench_trace *result, unsigned rounds, struct pn_error *err)
{
	struct pn_trace_record record = {.type = PN_TRACE_HIDDEN_FAULT};
	struct taker t = {.stop = false};
	pthread_t thread;

	if (!trace_ring_init(&t.ring, RING_BITS))
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	if (pthread_create(&thread, NULL, take, &t)) {
		trace_ring_fini(&t.ring);
		return pn_fail(err, PN_ERR_SYSTEM, "a thread that takes records");
	}
	result->ring_records = RING_RECORDS;
	for (unsigned round = 0; round <= rounds; round++) {
		uint64_t lost, begin;

		await_taker(&t, round * RING_RECORDS);
		lost = t.ring.dropped_total;
		begin = clock_ns();
		for (uint64_t i = 0; i < RING_RECORDS; i++) {
			record.address = i << 12;
			trace_ring_put(&t.ring, &record);
		}
		lost = t.ring.dropped_total - lost;
		if (round && lost < RING_RECORDS)
			sample_add(&result->ring_ns,
				   (double)(clock_ns() - begin) / (double)(RING_RECORDS - lost));
	}
	atomic_store(&t.stop, true);
	pthread_join(thread, NULL);
	trace_ring_fini(&t.ring);
	return PN_OK;
}

/* --- The summary --- */

/* Copies the records of the trace at `path` into `fd`, again and again; times go on. */
static int grow(int fd, const char *path, uint64_t bytes, struct pn_error *err)
{
	struct trace_reader *r = malloc(sizeof(*r));
	uint64_t written = 0, base = 0, last = 0;
	uint32_t number = 0;
	int code = PN_OK, count;

	if (!r)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	while (!code && written < bytes) {
		code = trace_open(r, path, err);
		if (code)
			break;
		if (!written && trace_write_head(fd, &r->header, &r->symbols))
			code = pn_fail_errno(err, PN_ERR_SYSTEM, "a trace in memory");
		while (!code && (count = trace_read(r, err)) > 0) {
			for (int i = 0; i < count; i++) {
				last = r->batch[i].time += base;
				r->batch[i].number = number++;
			}
			if (trace_write_all(fd, r->batch, (size_t)count * sizeof(r->batch[0])))
				code = pn_fail_errno(err, PN_ERR_SYSTEM, "a trace in memory");
			written += (uint64_t)count * sizeof(r->batch[0]);
		}
		base = last;
		trace_close(r);
		if (!written)
			code = pn_fail(err, PN_ERR_STATE, "%s: no event in it", path);
	}
	free(r);
	return code;
}

static int summarise(const char *path, struct pn_error *err)
{
	struct trace_reader *r = malloc(sizeof(*r));
	struct trace_summary *s = malloc(sizeof(*s));
	int code =
		!r || !s ? pn_fail(err, PN_ERR_NOMEM, "out of memory") : trace_open(r, path, err);
	int count;

	if (!code) {
		code = trace_summary_init(s, &r->symbols, trace_last_ns(r));
		while (!code && (count = trace_read(r, err)) > 0)
			for (int i = 0; i < count; i++)
				trace_summary_add(s, &r->batch[i]);
		if (!code) {
			trace_summary_end(s);
			trace_summary_fini(s);
		}
		trace_close(r);
	}
	free(r);
	free(s);
	return code;
}

static int measure_summary(struct bench_trace *result, unsigned rounds, const char *from,
			   struct pn_error *err)
{
	int fd = memfd_create("penumbra-trace", MFD_CLOEXEC), code;
	char path[64];

	if (fd < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "a trace in memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	code = grow(fd, from, SUMMARY_BYTES, err);
	result->summary_bytes = (uint64_t)lseek(fd, 0, SEEK_END);
	for (unsigned round = 0; !code && round <= rounds; round++) {
		uint64_t begin = clock_ns();

		code = summarise(path, err);
		if (round && !code)
			sample_add(&result->summary_ns, (double)(clock_ns() - begin));
	}
	close(fd);
	return code;
}

int bench_trace(struct bench_trace *result, unsigned rounds, const char *guest,
		const struct sandbox_options *sandbox, struct pn_error *err)
{
	const struct job what = {.guest = guest, .sandbox = sandbox};
	const char *dir = getenv("TMPDIR");
	char path[256];
	int fd, code;

	memset(result, 0, sizeof(*result));
	snprintf(path, sizeof(path), "%s/penumbra-XXXXXX", dir && *dir ? dir : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "%s: cannot be made", path);
	close(fd);
	code = measure_runs(result, rounds, &what, path, err);
	if (!code)
		code = measure_ring(result, rounds, err);
	if (!code)
		code = measure_summary(result, rounds < 5 ? rounds : 5, path, err);
	unlink(path);
	return code;
}
