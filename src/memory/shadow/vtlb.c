/* SPDX-License-Identifier: MIT */
/*
 * Strategy vtlb: the shadow is a TLB with room for many entries. Guest tables are never looked
 * after; entries go when the guest says so. A CR3 write drops all but those of global pages, INVLPG
 * the page in every view, and with a large page all its parts.
 */
#include "memory/shadow/private.h"

static void flush_frame(struct shadow *s, uint32_t f, bool global)
{
	struct frame *frame = &s->frame[f];

	frame->fresh = true;
	for (unsigned i = 0, left = frame->used; left; i++) {
		uint64_t entry = want(s, f, i);

		left -= !!entry;
		if (is_leaf(entry, frame->level) && (global || !(entry & SPTE_GLOBAL)))
			entry_clear(s, f, i);
	}
	if (!frame->used && frame->root == NONE)
		frame_drop(s, f);
}

/* From the lowest level up, so that a frame whose last child has gone goes as well. */
static void flush(struct shadow *s, bool global)
{
	for (unsigned level = 1; level <= s->config.levels; level++)
		for (uint32_t f = 0; f < s->config.pool_frames; f++)
			if (s->frame[f].kind != FRAME_FREE && s->frame[f].level == level)
				flush_frame(s, f, global);
}

/* Drops the page at `gva`, whole; one of 4 KiB only if not `large_only`. */
static void drop_page(struct shadow *s, uint32_t f, gva_t gva, bool large_only)
{
	while (f != NONE) {
		unsigned level = s->frame[f].level, i = index_of(gva, level);
		uint64_t entry = want(s, f, i);
		uint32_t child;

		if (!entry)
			return;
		if (is_leaf(entry, level)) {
			if (level > 1 || !large_only)
				entry_clear(s, f, i);
			return;
		}
		child = frame_of(s, entry);
		if (s->frame[f].kind != FRAME_SPLIT && s->frame[child].kind == FRAME_SPLIT) {
			entry_clear(s, f, i);
			return;
		}
		f = child;
	}
}

static void flush_page(struct shadow *s, const struct shadow_root *root, gva_t gva)
{
	const struct walk_context *ctx = &root->ctx;

	for (unsigned v = 0; v < SHADOW_VIEWS; v++) {
		drop_page(s, root->frame[v], gva, false);
		/* A page of 4 MiB is two of ours. */
		if (ctx->format == &pt_format_2level)
			drop_page(s, root->frame[v], gva ^ UINT64_C(1) << shift_of(2), true);
	}
}

static bool let_go(struct shadow *s, uint32_t table)
{
	(void)s;
	(void)table;
	return true;
}

const struct shadow_ops shadow_vtlb = {
	.name = "vtlb",
	.tracks = false,
	.flush = flush,
	.flush_page = flush_page,
	.let_go = let_go,
};
