/* SPDX-License-Identifier: MIT */
/*
 * Strategy unsync: as wp, but the first store to a leaf table lets the guest write that table until
 * it flushes. The processor promises no more: it may use old entries until it is told. Upper tables
 * stay in step, so that the shadow's shape is right at all times.
 *
 * A CR3 write brings every table back, not only the current root's: shadows are shared, and what
 * one root holds out of step may just have come into use in the next.
 */
#include "memory/shadow/private.h"

static void flush(struct shadow *s, bool global)
{
	(void)global;
	sync_all(s);
}

static bool let_go(struct shadow *s, uint32_t table)
{
	for (uint32_t f = s->table[table].frames; f != NONE; f = s->frame[f].sibling_next)
		if (s->frame[f].level > 1)
			return false;
	return true;
}

const struct shadow_ops shadow_unsync = {
	.name = "unsync",
	.tracks = true,
	.flush = flush,
	.flush_page = sync_page,
	.let_go = let_go,
};
