/* SPDX-License-Identifier: MIT */
/* The table of sources, and what is done to each of them. */
#include "sources/source.h"

#include "error.h"

#include <string.h>

/* By enum pn_trace_source; the empty ones need no start: they come with a mode. */
static const struct source_ops *const sources[PN_SOURCES] = {
	[PN_SOURCE_GUEST] = &source_guest,
	[PN_SOURCE_BREAK] = &source_break,
};

static const struct source_ops *named(const char *name, size_t length)
{
	for (unsigned i = 0; i < PN_SOURCES; i++)
		if (sources[i] && strlen(sources[i]->name) == length &&
		    memcmp(sources[i]->name, name, length) == 0)
			return sources[i];
	return NULL;
}

bool sources_parse(const char *list, uint32_t *wanted, char *bad, size_t size)
{
	*wanted = 0;
	for (;;) {
		size_t length = strcspn(list, ",");
		const struct source_ops *ops = named(list, length);

		if (!ops) {
			snprintf(bad, size, "%.*s", (int)(length < size ? length : size), list);
			return false;
		}
		*wanted |= 1u << ops->source;
		if (!list[length])
			return true;
		list += length + 1;
	}
}

int sources_start(struct sources *s, const struct source_context *c, uint32_t wanted,
		  struct pn_error *err)
{
	int code;

	memset(s, 0, sizeof(*s));
	s->context = *c;
	for (unsigned i = 0; i < PN_SOURCES; i++) {
		if (!sources[i] || !(wanted & 1u << i))
			continue;
		code = sources[i]->start(&s->context, &s->state[i], err);
		if (code) {
			sources_stop(s);
			return code;
		}
		s->started |= 1u << i;
	}
	return PN_OK;
}

void sources_stop(struct sources *s)
{
	for (unsigned i = PN_SOURCES; i-- > 0;)
		if (sources[i] && s->started & 1u << i)
			sources[i]->stop(s->state[i]);
	s->started = 0;
}
