/* SPDX-License-Identifier: MIT */
/*
 * The source `guest`: what the guest writes into its log (penumbra/guest.h), read by a thread every
 * millisecond. All that lies in the area is hostile: the host keeps its own count of what it has
 * read, takes each record out once and looks at the copy, and hands on only what a trace may hold.
 */
#include "sources/guest_log.h"

#include "error.h"
#include "sources/log_clock.h"
#include "sources/source.h"

#include <errno.h>
#include <penumbra/guest.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RING_BITS 16

/* The largest power of two that fits behind the first page. */
#define RECORDS UINT32_C(32768)

_Static_assert(sizeof(struct pn_guest_log) <= PN_LOG_RECORDS, "the head is in the first page");
_Static_assert(sizeof(struct pn_log_record) == 64, "records do not straddle a page");
_Static_assert(PN_LOG_RECORDS + RECORDS * sizeof(struct pn_log_record) <= GUEST_LOG_SIZE,
	       "they fit");

/* What a guest may tell, and the values that its fields may have. */
static const struct rule {
	uint8_t kinds, causes; /* 0: the field means nothing */
	bool has_address, has_values, has_error, has_level, has_count;
} rules[PN_TRACE_TYPES] = {
	[PN_TRACE_GUEST_FAULT] = {.kinds = PN_FAULTS,
				  .has_address = true,
				  .has_values = true,
				  .has_error = true,
				  .has_level = true},
	[PN_TRACE_TABLE_WRITE] = {.has_address = true, .has_values = true, .has_level = true},
	[PN_TRACE_CR3] = {.has_values = true},
	[PN_TRACE_FLUSH] = {.kinds = PN_FLUSHES,
			    .causes = PN_CAUSES,
			    .has_address = true,
			    .has_count = true},
	[PN_TRACE_RESOLVED] = {.kinds = PN_RESOLUTIONS, .has_address = true, .has_error = true},
};

#define TYPES                                                                           \
	(1u << PN_TRACE_GUEST_FAULT | 1u << PN_TRACE_TABLE_WRITE | 1u << PN_TRACE_CR3 | \
	 1u << PN_TRACE_FLUSH | 1u << PN_TRACE_RESOLVED)

struct guest_log {
	struct source_context context;
	struct vcpu_watch watch;
	volatile struct pn_guest_log *head;
	const uint8_t *records;
	struct trace_ring *ring;
	uint32_t types;

	/* Whoever reads the log: the thread, or the vCPU's where a mode ends. */
	pthread_mutex_t lock;
	uint64_t tail;	  /* records read */
	uint64_t dropped; /* as the guest last said */
	uint64_t last_ns; /* times do not go back */
	struct log_clock clock;

	pthread_t thread;
	bool started;
	atomic_bool stop;
};

/* Whether a record is one; fills in *r. */
static bool convert(struct guest_log *g, const struct pn_log_record *l, struct pn_trace_record *r)
{
	const struct rule *rule = &rules[l->type < PN_TRACE_TYPES ? l->type : PN_TRACE_NONE];

	if (l->type >= PN_TRACE_TYPES || !(TYPES & 1u << l->type) || l->cpl > 3 ||
	    (rule->kinds && l->kind >= rule->kinds) || (rule->causes && l->cause >= rule->causes) ||
	    (rule->has_level && l->level > PT_LEVEL_MAX))
		return false;
	*r = (struct pn_trace_record){
		.type = l->type,
		.source = PN_SOURCE_GUEST,
		.mode = (uint8_t)atomic_load(&g->context.vcpu->mode),
		.rip = l->rip,
		.cpl = l->cpl,
		.kind = rule->kinds ? l->kind : 0,
		.cause = rule->causes ? l->cause : 0,
		.address = rule->has_address ? l->address : 0,
		.error = rule->has_error ? l->error : 0,
		.level = rule->has_level ? l->level : 0,
		.count = rule->has_count ? l->count : 0,
	};
	if (rule->has_values)
		memcpy(r->value, l->value, sizeof(r->value));
	if (l->type == PN_TRACE_GUEST_FAULT)
		r->value[1] = 0;
	if (l->type == PN_TRACE_FLUSH && l->kind != PN_FLUSH_PAGE && l->kind != PN_FLUSH_RANGE)
		r->address = 0;
	return true;
}

static void lose(struct guest_log *g, uint64_t count)
{
	trace_ring_lose(g->ring, count < UINT32_MAX ? (uint32_t)count : UINT32_MAX);
}

static void take(struct guest_log *g, const struct pn_log_record *l)
{
	struct pn_trace_record r;
	uint64_t ns;

	if (!convert(g, l, &r)) {
		lose(g, 1);
		return;
	}
	if (!(g->types & 1u << r.type))
		return;
	ns = log_clock_ns(&g->clock, l->tsc) - g->context.start_ns;
	if (ns < g->last_ns)
		ns = g->last_ns;
	r.time = g->last_ns = ns;
	trace_ring_put(g->ring, &r);
}

/* Takes what is there. At most as many records as there are places, whatever the guest says. */
static void read_log(struct guest_log *g)
{
	struct log_moment before = log_clock_now();
	uint64_t head = g->head->head, dropped;
	struct pn_log_record copy;

	/* The records before the head that says they are there. */
	atomic_thread_fence(memory_order_acquire);
	g->clock.to = log_clock_now();
	if (head - g->tail > RECORDS) {
		/* No guest that keeps to the rules: how many were lost is not to be known. */
		lose(g, 1);
		g->tail = head;
	}
	for (; g->tail != head; g->tail++) {
		memcpy(&copy, g->records + g->tail % RECORDS * sizeof(copy), sizeof(copy));
		/* What is looked at must be what was copied. */
		atomic_signal_fence(memory_order_seq_cst);
		take(g, &copy);
	}
	atomic_thread_fence(memory_order_release);
	g->head->tail = g->tail;
	dropped = g->head->dropped;
	if (dropped > g->dropped)
		lose(g, dropped - g->dropped);
	g->dropped = dropped;
	g->clock.from = before;
}

static void poll_log(struct guest_log *g)
{
	pthread_mutex_lock(&g->lock);
	read_log(g);
	pthread_mutex_unlock(&g->lock);
}

static void *run(void *arg)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct guest_log *g = arg;

	while (!atomic_load(&g->stop)) {
		poll_log(g);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* What was written in a mode is to say so. */
static void on_leave(struct vcpu_watch *w, struct vcpu *v, enum pn_mode mode)
{
	(void)v;
	(void)mode;
	poll_log((struct guest_log *)(void *)((char *)w - offsetof(struct guest_log, watch)));
}

static int map_area(const struct source_context *c, struct pn_error *err)
{
	void *hva;
	int code;

	if (c->log->hva)
		return PN_OK;
	hva = mmap(NULL, GUEST_LOG_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0);
	if (hva == MAP_FAILED)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory for the guest's log");
	code = slots_map(c->slots, GUEST_LOG_GPA, hva, GUEST_LOG_SIZE, false, err);
	if (code) {
		munmap(hva, GUEST_LOG_SIZE);
		return code;
	}
	c->log->hva = hva;
	return PN_OK;
}

void guest_log_area_free(struct guest_log_area *area)
{
	if (area->hva)
		munmap(area->hva, GUEST_LOG_SIZE);
	area->hva = NULL;
}

/* Tells the guest, which has not run yet. */
static int announce(const struct source_context *c, struct pn_error *err)
{
	const struct pn_guest_log head = {
		.magic = PN_LOG_MAGIC,
		.version = PN_LOG_VERSION,
		.size = GUEST_LOG_SIZE,
		.records = RECORDS,
		.types = c->types & TYPES,
	};
	const uint64_t gpa = GUEST_LOG_GPA;
	int code;

	memcpy(c->log->hva, &head, sizeof(head));
	pthread_rwlock_rdlock(&c->mem->lock);
	code = gmem_write(c->mem, PN_BOOT_INFO_GPA + offsetof(struct pn_boot_info, log), &gpa,
			  sizeof(gpa));
	pthread_rwlock_unlock(&c->mem->lock);
	atomic_store(&c->vcpu->memory_changed, true);
	return code ? pn_fail(err, PN_ERR_SYSTEM, "the boot area is not RAM") : PN_OK;
}

/* Signals are the business of the thread that runs the guest; SIGSYS is about a thread's own calls. */
static int start_thread(struct guest_log *g)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&g->thread, NULL, run, g);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

static int open_log(const struct source_context *c, void **state, struct pn_error *err)
{
	struct guest_log *g;
	int code;

	if (c->vcpu->started_ns)
		return pn_fail(err, PN_ERR_STATE,
			       "the guest has begun: its log is to be asked for before");
	code = map_area(c, err);
	if (!code)
		code = announce(c, err);
	if (code)
		return code;
	g = calloc(1, sizeof(*g));
	if (g)
		g->ring = trace_stream_ring(c->stream, RING_BITS);
	if (!g || !g->ring) {
		free(g);
		return pn_fail(err, PN_ERR_NOMEM, "out of memory for the guest's log");
	}
	g->context = *c;
	g->watch.leave = on_leave;
	g->head = (volatile struct pn_guest_log *)(void *)c->log->hva;
	g->records = c->log->hva + PN_LOG_RECORDS;
	g->types = c->types & TYPES;
	log_clock_init(&g->clock, c->vcpu->fd);
	pthread_mutex_init(&g->lock, NULL);
	watch_add(c->vcpu, &g->watch);
	*state = g;
	return PN_OK;
}

static int start(void *state, struct pn_error *err)
{
	struct guest_log *g = state;

	errno = start_thread(g);
	g->started = !errno;
	return errno ? pn_fail_errno(err, PN_ERR_SYSTEM, "a thread for the guest's log") : PN_OK;
}

static void stop(void *state)
{
	struct guest_log *g = state;

	watch_remove(g->context.vcpu, &g->watch);
	atomic_store(&g->stop, true);
	if (g->started)
		pthread_join(g->thread, NULL);
	read_log(g);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

const struct source_ops source_guest = {
	.name = "guest",
	.source = PN_SOURCE_GUEST,
	.sees = "what a guest that keeps a log writes down: faults, flushes, table writes",
	.open = open_log,
	.start = start,
	.stop = stop,
};
