/* SPDX-License-Identifier: MIT */
/*
 * The trace-event format of Chrome and Perfetto. A vCPU is a thread: slices ("X") in turns of what the
 * host did, as long as it was busy with it, and of "run", the time from there to the next exit. What
 * other sources have seen is a thread of its own for each of them. Flushes, marks, halts, drops and
 * changes of mode are instants ("i"). Faults, flushes and table writes are counted ("C"), once in a
 * millisecond. From a guest fault to its end goes a flow ("s", "f"), and the guest's handling of it is
 * a slice that may overlap others ("b", "e"). Its end is the guest's return to the instruction
 * (foreseen), or its own word that it is done (resolved), or else, where there is neither, the next event of the vCPU about that page or at
 * that instruction; a fault whose end is not in the trace has neither.
 */
#include "trace/columns.h"
#include "trace/export.h"
#include "trace/words.h"

#include <inttypes.h>

#define COUNTER_NS 1000000

/* Always instants, so that they are seen whatever their cost. */
#define INSTANTS                                                                                  \
	(1u << PN_TRACE_FLUSH | 1u << PN_TRACE_MARK | 1u << PN_TRACE_HALT | 1u << PN_TRACE_DROP | \
	 1u << PN_TRACE_MODE)

static bool is_exit(const struct pn_trace_record *r)
{
	return r->source == PN_SOURCE_SHADOW || r->source == PN_SOURCE_EXIT;
}

static unsigned thread_of(const struct pn_trace_record *r)
{
	unsigned source = is_exit(r) || r->source >= PN_SOURCES ? 0 : r->source;

	return source * 256 + r->vcpu;
}

/* Starts an event: name, phase, thread, time in microseconds. */
static void event(struct trace_export *x, const char *name, char phase, unsigned thread,
		  uint64_t ns)
{
	fprintf(x->out,
		",\n{\"name\":\"%s\",\"ph\":\"%c\",\"pid\":1,\"tid\":%u,\"ts\":%" PRIu64
		".%03" PRIu64,
		name, phase, thread + 1, ns / 1000, ns % 1000);
}

static void name_thread(struct trace_export *x, const struct pn_trace_record *r, unsigned thread)
{
	if (x->chrome.seen[thread])
		return;
	x->chrome.seen[thread] = true;
	event(x, "thread_name", 'M', thread, 0);
	fprintf(x->out, ",\"args\":{\"name\":\"vCPU %u", r->vcpu);
	if (thread >= 256)
		fprintf(x->out, " seen by %s", trace_source_name(r->source));
	fputs("\"}}", x->out);
}

/* --- Slices: they do not overlap. What begins within one, as of the same exit, is an instant --- */

static void slice(struct trace_export *x, const struct pn_trace_record *r, unsigned thread)
{
	/* One without a cost has 1 ns: enough for a flow to hold on to. */
	uint64_t ns = r->cost ? r->cost : 1;

	if (ns > UINT64_MAX - r->time)
		ns = UINT64_MAX - r->time;
	event(x, trace_type_name(r->type), 'X', thread, r->time);
	fprintf(x->out, ",\"cat\":\"%s\",\"dur\":%" PRIu64 ".%03" PRIu64 ",\"args\":",
		trace_source_name(r->source), ns / 1000, ns % 1000);
	trace_json_record(x->out, r, x->symbols);
	fputc('}', x->out);
	x->chrome.free_ns[thread] = r->time + ns;
}

/* The time since the host was done with the exit before. */
static void run_slice(struct trace_export *x, const struct pn_trace_record *r, unsigned thread)
{
	uint64_t from = x->chrome.free_ns[thread];

	if (!from || r->time <= from)
		return;
	event(x, "run", 'X', thread, from);
	fprintf(x->out,
		",\"cat\":\"run\",\"dur\":%" PRIu64 ".%03" PRIu64
		",\"args\":{\"mode\":\"%s\",\"cpl_at_its_end\":%u}}",
		(r->time - from) / 1000, (r->time - from) % 1000, trace_mode_name(r->mode), r->cpl);
	x->chrome.free_ns[thread] = r->time;
}

static void instant(struct trace_export *x, const struct pn_trace_record *r, unsigned thread)
{
	event(x, trace_type_name(r->type), 'i', thread, r->time);
	fprintf(x->out, ",\"cat\":\"%s\",\"s\":\"t\",\"args\":", trace_source_name(r->source));
	trace_json_record(x->out, r, x->symbols);
	fputc('}', x->out);
}

/* --- Counters --- */

static void write_counters(struct trace_export *x, uint64_t ns)
{
	struct export_chrome *c = &x->chrome;

	event(x, "faults", 'C', 0, ns);
	fprintf(x->out, ",\"args\":{\"guest\":%" PRIu64 ",\"hidden\":%" PRIu64 "}}", c->faults[0],
		c->faults[1]);
	event(x, "flushes", 'C', 0, ns);
	fprintf(x->out, ",\"args\":{\"flushes\":%" PRIu64 "}}", c->flushes);
	event(x, "table writes", 'C', 0, ns);
	fprintf(x->out, ",\"args\":{\"writes\":%" PRIu64 "}}", c->table_writes);
	c->counter_ns = ns;
	c->counted = true;
}

static void count(struct trace_export *x, const struct pn_trace_record *r)
{
	struct export_chrome *c = &x->chrome;

	switch (r->type) {
	case PN_TRACE_GUEST_FAULT: c->faults[0]++; break;
	case PN_TRACE_HIDDEN_FAULT: c->faults[1]++; break;
	case PN_TRACE_FLUSH: c->flushes++; break;
	case PN_TRACE_TABLE_WRITE: c->table_writes++; break;
	default: return;
	}
	c->counted = false;
	if (r->time - c->counter_ns >= COUNTER_NS)
		write_counters(x, r->time);
}

/* --- From a fault to its end --- */

static void flow_event(struct trace_export *x, char phase, unsigned thread, uint64_t ns)
{
	event(x, "resolution", phase, thread, ns);
	fprintf(x->out, ",\"cat\":\"fault\",\"id\":%" PRIu64 "%s}", x->chrome.flows,
		phase == 'f' ? ",\"bp\":\"e\"" : "");
}

static void handler_event(struct trace_export *x, char phase, const struct export_flow *f,
			  uint64_t ns)
{
	event(x, "guest's handler", phase, f->tid, ns);
	fprintf(x->out, ",\"cat\":\"handler\",\"id\":%" PRIu64 ",\"args\":{", x->chrome.flows);
	if (phase == 'b') {
		char where[COLUMN_TEXT];

		fprintf(x->out, "\"page\":\"0x%" PRIx64 "\",\"fault_at\":", f->page << 12);
		trace_json_string(x->out, symbols_format(x->symbols, f->rip, where, sizeof(where)));
	}
	fputs("}}", x->out);
}

static bool resolves(const struct export_flow *f, const struct pn_trace_record *r)
{
	bool is_about_page = r->type == PN_TRACE_GUEST_FAULT || r->type == PN_TRACE_HIDDEN_FAULT ||
			     r->type == PN_TRACE_FORESEEN || r->type == PN_TRACE_RESOLVED;

	/* What the guest says of itself ends what it said before. */
	if (r->type == PN_TRACE_RESOLVED && f->tid != thread_of(r))
		return false;
	return f->open && f->vcpu == r->vcpu &&
	       ((is_about_page && r->address >> 12 == f->page) || r->rip == f->rip);
}

/* The faults that a record ends. A flow leads to a slice at its time: there has to be one. */
static void end_flows(struct trace_export *x, const struct pn_trace_record *r, unsigned thread)
{
	for (unsigned i = 0; i < EXPORT_FLOWS; i++) {
		struct export_flow *f = &x->chrome.flow[i];

		if (!resolves(f, r))
			continue;
		f->open = false;
		/* A damaged file may go back in time. */
		if (r->time < f->time)
			continue;
		if (r->time >= x->chrome.free_ns[thread])
			slice(x, r, thread);
		x->chrome.flows++;
		flow_event(x, 's', f->tid, f->time);
		flow_event(x, 'f', thread, r->time);
		handler_event(x, 'b', f, f->time);
		handler_event(x, 'e', f, r->time);
	}
}

/* If all places are taken, the oldest is given up. */
static void open_flow(struct trace_export *x, const struct pn_trace_record *r, unsigned thread)
{
	struct export_flow *flow = x->chrome.flow, *to = flow;

	for (unsigned i = 0; i < EXPORT_FLOWS; i++) {
		if (!flow[i].open) {
			to = &flow[i];
			break;
		}
		if (flow[i].time < to->time)
			to = &flow[i];
	}
	*to = (struct export_flow){.open = true,
				   .vcpu = r->vcpu,
				   .tid = thread,
				   .time = r->time,
				   .rip = r->rip,
				   .page = r->address >> 12};
}

/* --- The whole --- */

/* A statistic of KVM's: a counter of its own name. */
static void count_counter(struct trace_export *x, const struct pn_trace_record *r)
{
	event(x, trace_counter_name(r->kind), 'C', thread_of(r), r->time);
	fprintf(x->out, ",\"args\":{\"now\":%" PRIu64 "}}", r->value[1]);
}

static void begin(struct trace_export *x)
{
	/* Without memory to put events in order, they stay as they come. */
	(void)sorter_init(&x->chrome.sorter);
	fputs("{\"displayTimeUnit\":\"ns\",\"otherData\":{\"arguments\":", x->out);
	trace_json_string(x->out, x->header->cmdline);
	fputs(",\"host\":", x->out);
	trace_json_string(x->out, x->header->host);
	fputs("},\n\"traceEvents\":[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,"
	      "\"tid\":1,\"ts\":0,\"args\":{\"name\":",
	      x->out);
	trace_json_string(x->out, x->header->guest);
	fputs("}}", x->out);
}

static void draw(struct trace_export *x, const struct pn_trace_record *r)
{
	unsigned thread = thread_of(r);
	bool is_instant = r->type < 32 && INSTANTS >> r->type & 1;
	bool is_slice;

	name_thread(x, r, thread);
	x->chrome.last_ns = r->time;
	if (r->type == PN_TRACE_COUNTER) {
		count_counter(x, r);
		return;
	}
	if (is_exit(r))
		run_slice(x, r, thread);
	is_slice = r->time >= x->chrome.free_ns[thread] && (r->cost || !is_instant);
	if (is_slice)
		slice(x, r, thread);
	if (is_instant || !is_slice)
		instant(x, r, thread);
	end_flows(x, r, thread);
	if (r->type == PN_TRACE_GUEST_FAULT)
		open_flow(x, r, thread);
	count(x, r);
}

static void record(struct trace_export *x, const struct pn_trace_record *r)
{
	struct pn_trace_record next;

	if (!x->chrome.sorter.heap)
		draw(x, r);
	else if (sorter_put(&x->chrome.sorter, r, &next))
		draw(x, &next);
}

static void end(struct trace_export *x)
{
	struct pn_trace_record next;

	while (sorter_take(&x->chrome.sorter, &next))
		draw(x, &next);
	sorter_fini(&x->chrome.sorter);
	if (!x->chrome.counted)
		write_counters(x, x->chrome.last_ns);
	fputs("\n]}\n", x->out);
}

const struct trace_export_format trace_export_chrome = {"chrome", begin, record, end};
