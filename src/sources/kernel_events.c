/* SPDX-License-Identifier: MIT */
/* Tracepoints' data become records, by the table in trace/tracepoints.c and this kernel's formats. */
#include "sources/kernel_events.h"

#include <stdlib.h>
#include <string.h>
#include <tracefs.h>

enum pn_trace_type kernel_event_type(const struct kernel_events *k, enum pn_trace_tracepoint kind)
{
	if (kind == PN_TP_KVM_INJ_EXCEPTION)
		return PN_TRACE_INJECT;
	if (kind == PN_TP_KVM_PAGE_FAULT && k->two_dimensions)
		return PN_TRACE_SECOND_FAULT;
	return PN_TRACE_KERNEL;
}

/*
 * Reads a tracepoint's format, its fields alone: how the kernel would print it libtraceevent cannot
 * read of all, nor forgets what it read so far.
 */
static bool parse_fields(struct tep_handle *tep, const struct tracepoint *t)
{
	static const char nothing[] = "\nprint fmt: \"\"\n";
	char *format = tracefs_event_file_read(NULL, t->system, t->name, "format", NULL), *print;
	bool parsed = false;

	print = format ? strstr(format, "\nprint fmt: ") : NULL;
	if (print && strlen(print) >= sizeof(nothing)) {
		memcpy(print, nothing, sizeof(nothing));
		parsed = tep_parse_event(tep, format, strlen(format), t->system) == 0;
	}
	free(format);
	return parsed;
}

bool kernel_events_add(struct kernel_events *k, struct tep_handle *tep,
		       enum pn_trace_tracepoint kind)
{
	const struct tracepoint *t = &tracepoints[kind];
	struct kernel_event *e = &k->event[k->count];
	struct tep_event *event;

	if (!parse_fields(tep, t))
		return false;
	event = tep_find_event_by_name(tep, t->system, t->name);
	if (!event)
		return false;
	*e = (struct kernel_event){.id = event->id, .kind = kind};
	for (unsigned i = 0; i < TRACEPOINT_FIELDS && t->field[i].member; i++)
		e->field[i] = tep_find_field(event, t->field[i].name);
	k->count++;
	return true;
}

static const struct kernel_event *find(const struct kernel_events *k, int id)
{
	for (unsigned i = 0; i < k->count; i++)
		if (k->event[i].id == id)
			return &k->event[i];
	return NULL;
}

static void store(struct pn_trace_record *r, enum tracepoint_member member, uint64_t value)
{
	switch (member) {
	case MEMBER_ADDRESS: r->address = value; break;
	case MEMBER_VALUE0: r->value[0] = value; break;
	case MEMBER_VALUE1: r->value[1] = value; break;
	case MEMBER_ERROR: r->error = (uint32_t)value; break;
	case MEMBER_COUNT: r->count = (uint32_t)value; break;
	case MEMBER_LEVEL: r->level = (uint8_t)value; break;
	case MEMBER_CAUSE: r->cause = (uint8_t)value; break;
	case MEMBER_RIP: r->rip = value; break;
	case MEMBER_NONE: break;
	}
}

bool kernel_events_read(const struct kernel_events *k, int id, const void *data, int size,
			struct pn_trace_record *r)
{
	const struct kernel_event *e = find(k, id);
	const struct tracepoint_field *f;

	if (!e)
		return false;
	*r = (struct pn_trace_record){.type = (uint8_t)kernel_event_type(k, e->kind),
				      .source = PN_SOURCE_KERNEL,
				      .kind = (uint8_t)e->kind};
	f = tracepoints[e->kind].field;
	for (unsigned i = 0; i < TRACEPOINT_FIELDS && f[i].member; i++) {
		struct tep_format_field *field = e->field[i];
		unsigned long long value = 0;

		if (!field)
			continue;
		if (field->offset + field->size > size ||
		    tep_read_number_field(field, data, &value))
			return false;
		store(r, f[i].member, (f[i].mask ? value & f[i].mask : value) << f[i].shift);
	}
	if (r->type == PN_TRACE_INJECT && r->cause) {
		r->type = PN_TRACE_KERNEL;
	} else if (r->type == PN_TRACE_INJECT) {
		r->kind = (uint8_t)r->count;
		r->count = 0;
	} else if (r->type != PN_TRACE_KERNEL) {
		r->kind = 0;
	}
	return true;
}
