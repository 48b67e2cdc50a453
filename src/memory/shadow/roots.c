/* SPDX-License-Identifier: MIT */
/*
 * Guest roots and modes. A root is one guest address space under one set of paging registers, with
 * a top table for each view that has been entered. Under vtlb there is one at a time, whatever CR3
 * holds.
 */
#include "memory/shadow/private.h"

#include <string.h>

/* Whether entries made under one set of registers are right under the other, AC aside. */
static bool same_mode(const struct walk_context *a, const struct walk_context *b)
{
	if (a->format != b->format)
		return false;
	if (!a->format)
		return true;
	if (a->address != b->address || a->global != b->global || a->pkey != b->pkey ||
	    a->pkru != b->pkru)
		return false;
	for (unsigned l = 1; l <= a->format->levels; l++)
		if (a->level[l].leaf != b->level[l].leaf ||
		    a->level[l].reserved[0] != b->level[l].reserved[0] ||
		    a->level[l].reserved[1] != b->level[l].reserved[1])
			return false;
	return a->demand[WALK_SUPERVISOR][WALK_WRITE].must ==
		       b->demand[WALK_SUPERVISOR][WALK_WRITE].must &&
	       a->demand[WALK_SUPERVISOR][WALK_FETCH].must_not ==
		       b->demand[WALK_SUPERVISOR][WALK_FETCH].must_not &&
	       a->demand[WALK_IMPLICIT][WALK_READ].must_not ==
		       b->demand[WALK_IMPLICIT][WALK_READ].must_not;
}

static uint8_t mode_get(struct shadow *s, const struct walk_context *ctx)
{
	unsigned at = MODES_MAX;

	for (unsigned m = MODES_MAX; m-- > 0;) {
		if (!s->mode[m].used)
			at = m;
		else if (same_mode(&s->mode[m].ctx, ctx))
			return (uint8_t)m;
	}
	if (at == MODES_MAX) {
		roots_drop_all(s);
		for (unsigned m = 0; m < MODES_MAX; m++)
			s->mode[m].used = false;
		at = 0;
	}
	s->mode[at] = (struct shadow_mode){
		.used = true,
		.ctx = *ctx,
		.wp = ctx->demand[WALK_SUPERVISOR][WALK_WRITE].must & PTE_WRITE,
		.smep = ctx->demand[WALK_SUPERVISOR][WALK_FETCH].must_not & PTE_USER,
		.smap = ctx->demand[WALK_IMPLICIT][WALK_READ].must_not & PTE_USER,
	};
	return (uint8_t)at;
}

static bool same_root(const struct shadow *s, const struct shadow_root *root,
		      const struct walk_context *ctx)
{
	const struct walk_context *own = &root->ctx;

	if (ctx->serial && own->serial == ctx->serial)
		return root->used;
	if (!root->used || !same_mode(own, ctx))
		return false;
	if (!s->ops->tracks)
		return true;
	return own->root == ctx->root && own->pdptrs_valid == ctx->pdptrs_valid &&
	       !memcmp(own->pdptr, ctx->pdptr, sizeof(own->pdptr));
}

struct shadow_root *root_find(struct shadow *s, const struct walk_context *ctx)
{
	/* A number for itself: the usual case. */
	if (s->current != NONE) {
		struct shadow_root *now = &s->root[s->current];

		if ((ctx->serial && now->ctx.serial == ctx->serial) || same_root(s, now, ctx))
			return now;
	}
	for (unsigned r = 0; r < s->root_limit; r++)
		if (same_root(s, &s->root[r], ctx))
			return &s->root[r];
	return NULL;
}

static struct shadow_root *root_slot(struct shadow *s)
{
	for (unsigned r = 0; r < s->root_limit; r++)
		if (!s->root[r].used)
			return &s->root[r];
	return NULL;
}

struct shadow_root *root_get(struct shadow *s, const struct walk_context *ctx)
{
	struct shadow_root *root = root_find(s, ctx);

	if (!root) {
		uint8_t mode;

		if (!s->ops->tracks)
			roots_drop_all(s);
		mode = mode_get(s, ctx);
		root = root_slot(s);
		if (!root) {
			root_drop_oldest(s);
			root = root_slot(s);
		}
		*root = (struct shadow_root){
			.used = true, .mode = mode, .frame = {NONE, NONE, NONE}};
		s->stats.roots++;
	}
	if (!ctx->serial || root->ctx.serial != ctx->serial)
		root->ctx = *ctx;
	/* The one so far has been in use until now. */
	if (s->current != NONE)
		s->root[s->current].stamp = s->now;
	root->stamp = s->now;
	s->current = (uint32_t)(root - s->root);
	return root;
}

static uint32_t top_frame(struct shadow *s, const struct shadow_root *root, enum shadow_view view)
{
	const struct walk_context *ctx = &root->ctx;
	unsigned levels = s->config.levels;
	struct frame key = {
		.kind = FRAME_PASS,
		.level = (uint8_t)levels,
		.view = (uint8_t)view,
		.mode = root->mode,
		.root = (uint32_t)(root - s->root),
		.rights = RIGHTS,
	};

	if (!s->ops->tracks) {
		key.kind = FRAME_TLB;
	} else if (ctx->format && ctx->format->levels == levels) {
		key.kind = FRAME_TABLE;
		key.table = ctx->root;
	}
	/* Paging off: the whole space is one page, split. */
	if (!ctx->format) {
		key.kind = FRAME_SPLIT;
		key.page = (struct guest_page){.rights = RIGHTS, .shift = 63, .dirty = true};
	}
	return frame_get(s, &key, true);
}

uint32_t root_frame(struct shadow *s, struct shadow_root *root, enum shadow_view view)
{
	uint32_t f = root->frame[view];

	if (f == NONE)
		f = root->frame[view] = top_frame(s, root, view);
	s->frame[f].stamp = s->now;
	if (s->frame[f].fresh && s->frame[f].kind == FRAME_TABLE) {
		s->frame[f].fresh = false;
		fill_around(s, f, 0, ENTRIES, 0, 0);
	}
	return f;
}

void root_drop(struct shadow *s, struct shadow_root *root)
{
	for (unsigned v = 0; v < SHADOW_VIEWS; v++)
		if (root->frame[v] != NONE)
			frame_drop(s, root->frame[v]);
	root->used = false;
	if (s->current == (uint32_t)(root - s->root))
		s->current = NONE;
}

bool root_drop_oldest(struct shadow *s)
{
	struct shadow_root *oldest = NULL;

	for (unsigned r = 0; r < s->root_limit; r++) {
		struct shadow_root *root = &s->root[r];

		if (root->used && r != s->current && (!oldest || root->stamp < oldest->stamp))
			oldest = root;
	}
	if (oldest) {
		root_drop(s, oldest);
		s->stats.reclaimed++;
	}
	return oldest;
}

void roots_drop_all(struct shadow *s)
{
	for (unsigned r = 0; r < s->root_limit; r++)
		if (s->root[r].used)
			root_drop(s, &s->root[r]);
}
