/* SPDX-License-Identifier: MIT */
/*
 * The trace-event format of Chrome and Perfetto. A vCPU is a thread. A record with a cost is a
 * slice ("X"), as long as the host was busy; one without, and each flush, mark, halt, drop and
 * change of mode, an instant ("i"). Faults are counted ("C"), once in a millisecond. A flow ("s",
 * "f") goes from a guest fault to its end: the guest's return to the instruction (foreseen), or
 * else, where there is no such event, the next event of the vCPU about that page or at that
 * instruction. A flow whose end is not in the trace is not drawn.
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

/* Starts an event: name, phase, thread, time in microseconds. */
static void event(struct trace_export *x, const char *name, char phase, unsigned vcpu, uint64_t ns)
{
	fprintf(x->out,
		",\n{\"name\":\"%s\",\"ph\":\"%c\",\"pid\":1,\"tid\":%u,\"ts\":%" PRIu64
		".%03" PRIu64,
		name, phase, vcpu + 1, ns / 1000, ns % 1000);
}

static void name_thread(struct trace_export *x, unsigned vcpu)
{
	if (x->vcpu_seen[vcpu / 64] >> vcpu % 64 & 1)
		return;
	x->vcpu_seen[vcpu / 64] |= UINT64_C(1) << vcpu % 64;
	event(x, "thread_name", 'M', vcpu, 0);
	fprintf(x->out, ",\"args\":{\"name\":\"vCPU %u\"}}", vcpu);
}

static void count_faults(struct trace_export *x, uint64_t ns)
{
	event(x, "faults", 'C', 0, ns);
	fprintf(x->out, ",\"args\":{\"guest\":%" PRIu64 ",\"hidden\":%" PRIu64 "}}", x->faults[0],
		x->faults[1]);
	x->counter_ns = ns;
	x->counted = true;
}

static void end_of_flow(struct trace_export *x, char phase, const struct export_flow *f,
			uint64_t ns)
{
	event(x, "resolution", phase, f->vcpu, ns);
	fprintf(x->out, ",\"cat\":\"fault\",\"id\":%" PRIu64 "%s}", x->flows,
		phase == 'f' ? ",\"bp\":\"e\"" : "");
}

static bool resolves(const struct export_flow *f, const struct pn_trace_record *r)
{
	bool is_about_page = r->type == PN_TRACE_GUEST_FAULT || r->type == PN_TRACE_HIDDEN_FAULT ||
			     r->type == PN_TRACE_FORESEEN;

	return f->open && f->vcpu == r->vcpu &&
	       ((is_about_page && r->address >> 12 == f->page) || r->rip == f->rip);
}

static void draw_flows(struct trace_export *x, const struct pn_trace_record *r)
{
	for (unsigned i = 0; i < EXPORT_FLOWS; i++) {
		struct export_flow *f = &x->flow[i];

		if (!resolves(f, r))
			continue;
		f->open = false;
		/* A damaged file may go back in time. */
		if (r->time < f->time)
			continue;
		x->flows++;
		end_of_flow(x, 's', f, f->time);
		end_of_flow(x, 'f', f, r->time);
	}
}

/* If all places are taken, the oldest is given up. */
static void open_flow(struct trace_export *x, const struct pn_trace_record *r)
{
	struct export_flow *to = &x->flow[0];

	for (unsigned i = 0; i < EXPORT_FLOWS; i++) {
		if (!x->flow[i].open) {
			to = &x->flow[i];
			break;
		}
		if (x->flow[i].time < to->time)
			to = &x->flow[i];
	}
	*to = (struct export_flow){.open = true,
				   .vcpu = r->vcpu,
				   .time = r->time,
				   .rip = r->rip,
				   .page = r->address >> 12};
}

static void record_as(struct trace_export *x, const struct pn_trace_record *r, char phase)
{
	event(x, trace_type_name(r->type), phase, r->vcpu, r->time);
	fprintf(x->out, ",\"cat\":\"%s\"", trace_source_name(r->source));
	if (phase == 'X')
		fprintf(x->out, ",\"dur\":%" PRIu32 ".%03" PRIu32, r->cost / 1000, r->cost % 1000);
	else
		fputs(",\"s\":\"t\"", x->out);
	fputs(",\"args\":", x->out);
	trace_json_record(x->out, r, x->symbols);
	fputc('}', x->out);
}

static void begin(struct trace_export *x)
{
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

static void record(struct trace_export *x, const struct pn_trace_record *r)
{
	bool fault = r->type == PN_TRACE_GUEST_FAULT || r->type == PN_TRACE_HIDDEN_FAULT;

	name_thread(x, r->vcpu);
	x->last_ns = r->time;
	if (r->cost)
		record_as(x, r, 'X');
	if (!r->cost || (r->type < 32 && INSTANTS >> r->type & 1))
		record_as(x, r, 'i');
	draw_flows(x, r);
	if (!fault)
		return;
	x->faults[r->type == PN_TRACE_HIDDEN_FAULT]++;
	x->counted = false;
	if (r->type == PN_TRACE_GUEST_FAULT)
		open_flow(x, r);
	if (r->time - x->counter_ns >= COUNTER_NS)
		count_faults(x, r->time);
}

static void end(struct trace_export *x)
{
	if (!x->counted)
		count_faults(x, x->last_ns);
	fputs("\n]}\n", x->out);
}

const struct trace_export_format trace_export_chrome = {"chrome", begin, record, end};
