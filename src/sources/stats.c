/* SPDX-License-Identifier: MIT */
/* Source stats: samples of KVM_GET_STATS_FD, taken by a thread of its own. */
#include "sources/stats.h"

#include "clock.h"
#include "error.h"
#include "kvm/stats.h"
#include "sources/thread.h"
#include "trace/words.h"

#include <stdlib.h>
#include <sys/ioctl.h>

#define RING_BITS 14

/* From here on they are the VM's, before it the vCPU's. */
#define FIRST_OF_VM PN_COUNTER_REMOTE_TLB_FLUSH

_Static_assert(PN_COUNTERS <= KVM_STATS_WATCHED, "a watch has room for all");

struct stats {
	const struct source_context *context;
	struct trace_ring *ring;
	struct source_thread thread;
	struct kvm_stats_watch vcpu, vm; /* by enum pn_trace_counter */
	uint64_t last[PN_COUNTERS];
};

/* Which statistics a sample tells of. */
enum sample {
	SAMPLE_FIRST, /* all, with nothing before them */
	SAMPLE_CHANGED,
	SAMPLE_LAST, /* all */
};

static void put(struct stats *s, unsigned kind, uint64_t now_ns, uint64_t before, uint64_t now)
{
	const struct source_context *c = s->context;
	const struct pn_trace_record r = {
		.time = now_ns - c->start_ns,
		.type = PN_TRACE_COUNTER,
		.source = PN_SOURCE_STATS,
		.mode = (uint8_t)atomic_load(&c->vcpu->mode),
		.kind = (uint8_t)kind,
		.value = {before, now},
	};

	if (c->types & 1u << PN_TRACE_COUNTER)
		trace_ring_put(s->ring, &r);
}

static void take(struct stats *s, enum sample which)
{
	uint64_t now_ns = clock_ns(), now;

	trace_ring_promise(s->ring, now_ns - s->context->start_ns);
	for (unsigned i = 0; i < PN_COUNTERS; i++) {
		if (!kvm_stats_watched(i < FIRST_OF_VM ? &s->vcpu : &s->vm, i, &now))
			continue;
		if (which == SAMPLE_FIRST)
			s->last[i] = now;
		if (which != SAMPLE_CHANGED || now != s->last[i])
			put(s, i, now_ns, s->last[i], now);
		s->last[i] = now;
	}
	trace_ring_promise(s->ring, UINT64_MAX);
}

static void *run(void *arg)
{
	struct stats *s = arg;

	while (source_thread_wait(&s->thread, -1, SOURCE_STATS_MS))
		take(s, SAMPLE_CHANGED);
	return NULL;
}

static int watch(struct stats *s, struct pn_error *err)
{
	const char *vcpu[PN_COUNTERS] = {NULL}, *vm[PN_COUNTERS] = {NULL};
	int code;

	for (unsigned i = 0; i < PN_COUNTERS; i++)
		(i < FIRST_OF_VM ? vcpu : vm)[i] = trace_counter_name(i);
	code = kvm_stats_watch(&s->vcpu, s->context->vcpu->fd, vcpu, PN_COUNTERS, err);
	return code ? code : kvm_stats_watch(&s->vm, s->context->vm, vm, PN_COUNTERS, err);
}

static void release(struct stats *s)
{
	kvm_stats_unwatch(&s->vcpu);
	kvm_stats_unwatch(&s->vm);
	free(s);
}

static int check(struct pn_error *err)
{
	struct kvm_host host;
	int code = kvm_host_open(&host, err);

	if (code)
		return code;
	if (ioctl(host.fd, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD) <= 0)
		code = pn_fail(err, PN_ERR_HOST_LACKS,
			       "this KVM has no KVM_GET_STATS_FD; Linux 5.14 has it");
	kvm_host_close(&host);
	return code;
}

static int open_stats(const struct source_context *c, void **state, struct pn_error *err)
{
	struct stats *s = calloc(1, sizeof(*s));
	int code;

	if (!s)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	s->context = c;
	s->vcpu.fd = s->vm.fd = -1;
	code = watch(s, err);
	if (!code) {
		s->ring = trace_stream_ring(c->stream, RING_BITS);
		if (!s->ring)
			code = pn_fail(err, PN_ERR_NOMEM, "out of memory for its events");
	}
	if (!code)
		code = source_thread_open(&s->thread, err);
	if (code) {
		release(s);
		return code;
	}
	*state = s;
	return PN_OK;
}

static int start(void *state, struct pn_error *err)
{
	struct stats *s = state;

	take(s, SAMPLE_FIRST);
	return source_thread_start(&s->thread, run, s, err);
}

static void stop(void *state)
{
	struct stats *s = state;

	source_thread_stop(&s->thread);
	take(s, SAMPLE_LAST);
	release(s);
}

const struct source_ops source_stats = {
	.name = "stats",
	.source = PN_SOURCE_STATS,
	.sees = "KVM's own statistics, every 10 ms",
	.check = check,
	.open = open_stats,
	.start = start,
	.stop = stop,
};
