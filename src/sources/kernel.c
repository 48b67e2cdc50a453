/* SPDX-License-Identifier: MIT */
/*
 * Source kernel. An instance of tracefs of its own ("penumbra-PID"), so that nobody else's tracing
 * is touched, takes the tracepoints of the vCPU's thread, on the clock of all other records. A
 * thread reads what the processors have written and puts it into the ring in the order of time. All
 * files are open before it starts, and the instance goes with the process (kernel_instance.h).
 */
#include "sources/kernel.h"

#include "clock.h"
#include "error.h"
#include "kvm/probe_kernel.h"
#include "sources/kernel_events.h"
#include "sources/kernel_instance.h"
#include "sources/kernel_pages.h"
#include "sources/thread.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define RING_BITS 17
#define PERIOD_MS 5
#define BUFFER_KB 4096	/* of each processor: 50 ms at a million events a second */
#define PENDING	  65536 /* records that wait for those before them */

struct kernel {
	const struct source_context *context;
	struct trace_ring *ring;
	struct source_thread thread;
	struct kernel_instance instance;
	struct kernel_pages pages;
	int on; /* its tracing_on; -1: none */
	struct tep_handle *tep;
	struct kernel_events events;
	struct pn_trace_record *pending;
	uint32_t count; /* of them */
};

static void on_missed(void *arg, unsigned count)
{
	struct kernel *k = arg;

	while (count--)
		trace_ring_drop(k->ring);
}

static void on_event(void *arg, uint64_t time, const void *data, int size)
{
	struct kernel *k = arg;
	struct tep_record record = {.data = (void *)data, .size = size};
	struct pn_trace_record *r = &k->pending[k->count];

	if (k->count == PENDING) {
		trace_ring_drop(k->ring);
		return;
	}
	if (time < k->context->start_ns ||
	    !kernel_events_read(&k->events, tep_data_type(k->tep, &record), data, size, r) ||
	    !(k->context->types & 1u << r->type))
		return;
	r->time = time - k->context->start_ns;
	r->mode = TRACE_MODE_UNKNOWN;
	r->number = k->count++; /* keeps the order of equal times; the ring numbers it anew */
}

static int by_time(const void *a, const void *b)
{
	const struct pn_trace_record *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/*
 * Reads all that there is. What is older than the reading is complete, whichever processors the
 * thread ran on, and goes into the ring; at the end everything does.
 */
static void pass(struct kernel *k, bool last)
{
	uint64_t now = last ? UINT64_MAX : clock_ns() - k->context->start_ns;
	uint32_t done = 0;

	kernel_pages_read(&k->pages, on_event, on_missed, k);
	qsort(k->pending, k->count, sizeof(*k->pending), by_time);
	while (done < k->count && k->pending[done].time < now)
		trace_ring_put(k->ring, &k->pending[done++]);
	trace_ring_promise(k->ring, now);
	k->count -= done;
	for (uint32_t i = 0; i < k->count; i++) {
		k->pending[i] = k->pending[done + i];
		k->pending[i].number = i;
	}
}

static void *run(void *arg)
{
	struct kernel *k = arg;

	while (source_thread_wait(&k->thread, -1, PERIOD_MS))
		pass(k, false);
	return NULL;
}

static int check_tracefs(struct probe_tracefs *t, struct pn_error *err)
{
	probe_tracefs(t);
	if (!t->supported)
		return pn_fail(err, PN_ERR_HOST_LACKS, "this kernel has no tracefs");
	if (!t->path[0])
		return pn_fail(err, PN_ERR_HOST_LACKS,
			       "tracefs is not mounted: mount -t tracefs tracefs "
			       "/sys/kernel/tracing");
	if (!t->readable || !t->writable)
		return pn_fail(err, PN_ERR_HOST_LACKS, "%s is closed to this user: run as root",
			       t->path);
	if (!t->kvm && !t->kvmmmu)
		return pn_fail(err, PN_ERR_HOST_LACKS, "this kernel's KVM has no tracepoints");
	return PN_OK;
}

static int check(struct pn_error *err)
{
	struct probe_tracefs t;

	return check_tracefs(&t, err);
}

/* Nothing is on yet: what comes is the vCPU thread's from the first event on. */
static int set_up_instance(struct kernel *k, struct pn_error *err)
{
	struct tracefs_instance *tracefs = k->instance.tracefs;
	char tid[16];

	snprintf(tid, sizeof(tid), "%d", gettid());
	k->on = kernel_instance_open(&k->instance, "tracing_on", O_WRONLY);
	if (k->on < 0 || tracefs_instance_file_write(tracefs, "trace_clock", "mono") < 0 ||
	    tracefs_instance_file_write(tracefs, "set_event_pid", tid) < 0 ||
	    tracefs_instance_set_buffer_size(tracefs, BUFFER_KB, -1) < 0)
		return pn_fail_errno(err, PN_ERR_HOST_LACKS,
				     "the instance of tracefs cannot be set up");
	return kernel_pages_open(&k->pages, &k->instance, tep_get_sub_buffer_size(k->tep), err);
}

/*
 * Whether a tracepoint is worth its room. kvm_pvm interprets the guest's kernel and walks the
 * guest's tables for every instruction: a million events a second, and nothing beside them.
 */
static bool is_wanted(const struct kernel *k, enum pn_trace_tracepoint kind)
{
	if (k->context->paging == PN_PAGING_SHADOW_PVM &&
	    (kind == PN_TP_KVM_MMU_PAGETABLE_WALK || kind == PN_TP_KVM_MMU_PAGING_ELEMENT))
		return false;
	return k->context->types & 1u << kernel_event_type(&k->events, kind);
}

/* Turns on what the kernel has of the tracepoints that become records of a wanted type. */
static int turn_on(struct kernel *k, struct pn_error *err)
{
	unsigned on = 0;

	for (unsigned i = 0; i < PN_TRACEPOINTS; i++) {
		const struct tracepoint *t = &tracepoints[i];
		enum pn_trace_tracepoint kind = (enum pn_trace_tracepoint)i;

		if (is_wanted(k, kind) && kernel_events_add(&k->events, k->tep, kind) &&
		    tracefs_event_enable(k->instance.tracefs, t->system, t->name) == 0)
			on++;
	}
	if (!on && k->context->types & 1u << PN_TRACE_KERNEL)
		return pn_fail(err, PN_ERR_HOST_LACKS,
			       "none of KVM's tracepoints can be turned on");
	return PN_OK;
}

static int set_up(struct kernel *k, struct pn_error *err)
{
	static const char *const no_systems[] = {NULL}; /* turn_on adds what is wanted */
	struct probe_tracefs t;
	int code = check_tracefs(&t, err);

	if (code)
		return code;
	/* Formats that it cannot print are told on standard error else; their fields are all right. */
	tep_set_loglevel(TEP_LOG_NONE);
	tracefs_set_loglevel(TEP_LOG_NONE);
	k->pending = malloc(PENDING * sizeof(*k->pending));
	k->ring = trace_stream_ring(k->context->stream, RING_BITS);
	if (k->ring)
		trace_ring_promise(k->ring, 0);
	k->tep = tracefs_set_tracing_dir(t.path) ? NULL
						 : tracefs_local_events_system(t.path, no_systems);
	if (!k->pending || !k->ring || !k->tep)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory for its events");
	code = kernel_instance_make(&k->instance, err);
	if (!code)
		code = set_up_instance(k, err);
	if (!code)
		code = turn_on(k, err);
	return code;
}

static void release(struct kernel *k)
{
	kernel_pages_close(&k->pages);
	if (k->on >= 0)
		close(k->on);
	kernel_instance_end(&k->instance);
	tep_free(k->tep);
	free(k->pending);
	free(k);
}

static int open_kernel(const struct source_context *c, void **state, struct pn_error *err)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int code;

	if (!k)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	k->context = c;
	k->on = -1;
	k->events.two_dimensions = c->paging == PN_PAGING_EPT || c->paging == PN_PAGING_NPT;
	code = set_up(k, err);
	if (!code)
		code = source_thread_open(&k->thread, err);
	if (code) {
		release(k);
		return code;
	}
	*state = k;
	return PN_OK;
}

static int start(void *state, struct pn_error *err)
{
	struct kernel *k = state;

	return source_thread_start(&k->thread, run, k, err);
}

static void stop(void *state)
{
	struct kernel *k = state;

	(void)!write(k->on, "0", 1);
	source_thread_stop(&k->thread);
	pass(k, true);
	release(k);
}

/* Measured (docs/hosts.md). */
static const char *note(enum pn_paging paging)
{
	if (paging != PN_PAGING_SHADOW_PVM)
		return NULL;
	return "on kvm_pvm kvm_entry, kvm_exit and kvm_page_fault are silent, and the kernel's own "
	       "page walks are left out";
}

const struct source_ops source_kernel = {
	.name = "kernel",
	.source = PN_SOURCE_KERNEL,
	.sees = SOURCE_KERNEL_SEES,
	.check = check,
	.open = open_kernel,
	.start = start,
	.note = note,
	.stop = stop,
};
