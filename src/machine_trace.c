/* SPDX-License-Identifier: MIT */
/* A machine's trace: its sources, its stream, and what the head of the file says of the guest. */
#include "machine.h"

#include "error.h"
#include "sources/source.h"

#include <stdlib.h>
#include <string.h>

struct machine_trace {
	struct trace_stream stream;
	struct sources sources;
	struct tracer tracer;
};

static void describe(const struct pn_machine *m, struct pn_trace_header *h)
{
	const char *name = strrchr(m->guest, '/');

	snprintf(h->host, sizeof(h->host), "%s", pn_paging_name(pn_host_paging(m)));
	snprintf(h->guest, sizeof(h->guest), "%s", name ? name + 1 : m->guest);
	snprintf(h->cmdline, sizeof(h->cmdline), "%.*s", (int)sizeof(h->cmdline) - 1, m->cmdline);
}

static int open_sources(struct pn_machine *m, struct machine_trace *t, uint32_t wanted,
			struct pn_error *err)
{
	const struct source_context context = {
		.vcpu = &m->vcpu,
		.vm = m->vm,
		.mem = &m->mem,
		.ram = &m->ram,
		.slots = &m->slots,
		.image = &m->image,
		.log = &m->guest_log,
		.symbols = &m->image.symbols,
		.paging = pn_host_paging(m),
		.stream = &t->stream,
		.start_ns = t->tracer.start_ns,
		.types = t->tracer.types,
	};

	return sources_open(&t->sources, &context, wanted, err);
}

int machine_trace_open(struct pn_machine *m, const char *path, FILE *text, uint32_t types,
		       uint32_t sources, struct pn_error *err)
{
	struct pn_trace_header header;
	struct machine_trace *t;
	int code;

	if (!m->loaded)
		return pn_fail(err, PN_ERR_STATE, "a trace needs a guest: load one first");
	if (m->trace)
		return pn_fail(err, PN_ERR_STATE, "the machine is traced already");
	/* A trace that cannot be had costs no file that is there already. */
	code = sources_check(sources, err);
	if (code)
		return code;
	t = calloc(1, sizeof(*t));
	if (!t)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	trace_header_init(&header);
	describe(m, &header);
	code = trace_stream_open(&t->stream, path, text, &header, &m->image.symbols, err);
	if (code) {
		free(t);
		return code;
	}
	t->stream.mode = (uint8_t)atomic_load(&m->vcpu.mode);
	t->tracer.ring = &t->stream.ring[0];
	t->tracer.types = types;
	t->tracer.start_ns = header.start_ns;
	code = open_sources(m, t, sources, err);
	if (code) {
		trace_stream_stop(&t->stream);
		free(t);
		return code;
	}
	m->trace = t;
	m->vcpu.tracer = &t->tracer;
	return PN_OK;
}

int machine_trace_start(struct pn_machine *m, struct pn_error *err)
{
	struct machine_trace *t = m->trace;
	int code;

	if (!t)
		return pn_fail(err, PN_ERR_STATE, "no trace is open");
	code = trace_stream_start(&t->stream, err);
	return code ? code : sources_start(&t->sources, err);
}

int machine_trace_stop(struct pn_machine *m, uint64_t *dropped)
{
	struct machine_trace *t = m->trace;
	int code;

	*dropped = 0;
	if (!t)
		return 0;
	m->vcpu.tracer = NULL;
	m->trace = NULL;
	sources_stop(&t->sources);
	*dropped = trace_stream_dropped(&t->stream);
	code = trace_stream_stop(&t->stream);
	free(t);
	return code;
}

const char *machine_trace_note(const struct pn_machine *m, unsigned source)
{
	return m->trace ? sources_note(&m->trace->sources, source) : NULL;
}

int pn_trace_file(struct pn_machine *m, const char *path, uint32_t types, struct pn_error *err)
{
	int code = machine_trace_open(m, path, NULL, types, 0, err);
	uint64_t dropped;

	if (code)
		return code;
	code = machine_trace_start(m, err);
	if (code)
		machine_trace_stop(m, &dropped);
	return code;
}
