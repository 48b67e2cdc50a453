/* SPDX-License-Identifier: MIT */
/* The table of sources, and what is done to each of them. */
#include "sources/source.h"

#include "error.h"
#include "sources/kernel.h"
#include "sources/stats.h"
#include "sources/uffd.h"

#include <string.h>

/* By enum pn_trace_source; the empty ones need no start: they come with a mode. */
static const struct source_ops *const sources[PN_SOURCES] = {
	[PN_SOURCE_GUEST] = &source_guest,   [PN_SOURCE_BREAK] = &source_break,
	[PN_SOURCE_UFFD] = &source_uffd,     [PN_SOURCE_STATS] = &source_stats,
	[PN_SOURCE_KERNEL] = &source_kernel,
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

static int refuse(unsigned source, int code, const struct pn_error *why, struct pn_error *err)
{
	return pn_fail(err, code, "source %s: %s", sources[source]->name, why->text);
}

int sources_check(uint32_t wanted, struct pn_error *err)
{
	struct pn_error why;
	int code;

	for (unsigned i = 0; i < PN_SOURCES; i++) {
		if (!sources[i] || !(wanted & 1u << i) || !sources[i]->check)
			continue;
		code = sources[i]->check(&why);
		if (code)
			return refuse(i, code, &why, err);
	}
	return PN_OK;
}

int sources_open(struct sources *s, const struct source_context *c, uint32_t wanted,
		 struct pn_error *err)
{
	struct pn_error why;
	int code;

	memset(s, 0, sizeof(*s));
	s->context = *c;
	for (unsigned i = 0; i < PN_SOURCES; i++) {
		if (!sources[i] || !(wanted & 1u << i))
			continue;
		code = sources[i]->open(&s->context, &s->state[i], &why);
		if (code) {
			sources_stop(s);
			return refuse(i, code, &why, err);
		}
		s->open |= 1u << i;
	}
	return PN_OK;
}

int sources_start(struct sources *s, struct pn_error *err)
{
	struct pn_error why;
	int code;

	for (unsigned i = 0; i < PN_SOURCES; i++) {
		if (!sources[i] || !(s->open & 1u << i) || !sources[i]->start)
			continue;
		code = sources[i]->start(s->state[i], &why);
		if (code)
			return refuse(i, code, &why, err);
	}
	return PN_OK;
}

const char *sources_note(const struct sources *s, unsigned source)
{
	const struct source_ops *ops = sources_ops(source);

	if (!ops || !ops->note || !(s->open & 1u << source))
		return NULL;
	return ops->note(s->context.paging);
}

const struct source_ops *sources_ops(unsigned source)
{
	return source < PN_SOURCES ? sources[source] : NULL;
}

void sources_stop(struct sources *s)
{
	for (unsigned i = PN_SOURCES; i-- > 0;)
		if (sources[i] && s->open & 1u << i)
			sources[i]->stop(s->state[i]);
	s->open = 0;
}
