/* SPDX-License-Identifier: MIT */
/* The calls of shadow.h but for the fault and the audit. Each ends by posting its mail. */
#include "memory/shadow/path.h"
#include "memory/shadow/private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct shadow_ops *const strategies[] = {
	[SHADOW_VTLB] = &shadow_vtlb,
	[SHADOW_WP] = &shadow_wp,
	[SHADOW_UNSYNC] = &shadow_unsync,
};

const char *shadow_strategy_name(enum shadow_strategy strategy)
{
	return strategies[strategy]->name;
}

struct shadow *shadow_create(const struct shadow_config *config)
{
	struct shadow *s = calloc(1, sizeof(*s));

	assert(config->pool_frames >= SHADOW_FRAMES_MIN);
	assert(config->pool_frames <= SHADOW_FRAMES_MAX);
	assert(config->levels == 4 || config->levels == 5);
	assert(config->monitor_slot < ENTRIES && config->monitor_entry & PTE_PRESENT);
	if (!s)
		return NULL;
	s->config = *config;
	s->ops = strategies[config->strategy];
	s->current = NONE;
	s->shape = 1;
	if (frames_init(s) && tables_init(s)) {
		s->root_limit = s->tops;
		s->root = calloc(s->root_limit, sizeof(*s->root));
	}
	if (!s->root) {
		shadow_destroy(s);
		return NULL;
	}
	return s;
}

void shadow_destroy(struct shadow *s)
{
	if (!s)
		return;
	frames_fini(s);
	tables_fini(s);
	free(s->root);
	free(s);
}

static bool same_tables(const struct walk_context *a, const struct walk_context *b)
{
	return a->root == b->root && !memcmp(a->pdptr, b->pdptr, sizeof(a->pdptr));
}

void shadow_load_root(struct shadow *s, const struct walk_context *ctx, bool flush,
		      struct mailbox *box)
{
	bool moved = s->current == NONE || !same_tables(&s->root[s->current].ctx, ctx);

	s->now++;
	/* Nothing here is tagged with a PCID, so that a new address space always flushes. */
	if (flush || moved) {
		s->ops->flush(s, false);
		mail_flush_all(s);
	}
	root_get(s, ctx);
	mail_post(s, box);
}

gpa_t shadow_root(struct shadow *s, const struct walk_context *ctx, enum shadow_view view,
		  struct mailbox *box)
{
	struct shadow_root *root;
	uint32_t f;

	if (ctx->serial && s->entered.serial == ctx->serial && s->entered.view == view &&
	    s->entered.shape == s->shape)
		return s->entered.gpa;
	s->entered.serial = ctx->serial;
	s->entered.view = view;
	s->now++;
	root = root_get(s, ctx);
	if (view == SHADOW_KERNEL_AC && !s->mode[root->mode].smap)
		view = SHADOW_KERNEL;
	f = root_frame(s, root, view);
	mail_post(s, box);
	s->entered.shape = s->shape;
	s->entered.gpa = frame_gpa(s, f);
	return s->entered.gpa;
}

void shadow_invalidate(struct shadow *s, const struct walk_context *ctx, enum shadow_flush kind,
		       gva_t gva, struct mailbox *box)
{
	struct shadow_root *root = root_find(s, ctx);

	gva &= ctx->gva_mask;
	if (kind != SHADOW_FLUSH_PAGE)
		s->ops->flush(s, kind == SHADOW_FLUSH_ALL);
	else if (root)
		s->ops->flush_page(s, root, gva);
	/* A page of 4 MiB may be two in the TLB. */
	if (kind == SHADOW_FLUSH_PAGE && ctx->format != &pt_format_2level)
		mail_invlpg(s, gva);
	else
		mail_flush_all(s);
	mail_post(s, box);
}

void shadow_page_fault(struct shadow *s, const struct walk_context *ctx, gva_t gva,
		       struct mailbox *box)
{
	bool forget = s->tlb_behind;

	/* Of what is in step nothing is left that the guest's tables do not say. */
	if (!forget && (!s->ops->tracks || s->out_of_step != NONE)) {
		struct shadow_path path = {.end = SHADOW_PATH_ABSENT};

		for (enum shadow_view v = 0; v < SHADOW_VIEWS && path.end != SHADOW_PATH_PAGE; v++)
			shadow_path(s, ctx, v, gva, &path);
		/* Most faults are for what is not there. */
		forget = path.end == SHADOW_PATH_PAGE;
	}
	if (forget)
		shadow_invalidate(s, ctx, SHADOW_FLUSH_PAGE, gva, box);
}

void shadow_guest_pt_write(struct shadow *s, gpa_t gpa, unsigned len, struct mailbox *box)
{
	if (len && s->ops->tracks)
		sync_write(s, gpa, len);
	mail_post(s, box);
}

bool shadow_untrack(struct shadow *s, gpa_t gpa, struct mailbox *box)
{
	uint32_t t = table_find(s, gpa >> PAGE_SHIFT);
	bool gone = t == NONE || table_give_up(s, t);

	mail_post(s, box);
	return gone;
}

unsigned shadow_table_level(const struct shadow *s, gpa_t gpa)
{
	uint32_t t = table_find(s, gpa >> PAGE_SHIFT);
	unsigned level = 0;

	if (t == NONE)
		return 0;
	for (uint32_t f = s->table[t].frames; f != NONE; f = s->frame[f].sibling_next)
		if (!level || s->frame[f].level < level)
			level = s->frame[f].level;
	return level;
}

void shadow_memory_changed(struct shadow *s, struct mailbox *box)
{
	roots_drop_all(s);
	mail_post(s, box);
}

bool shadow_pending(const struct shadow *s)
{
	return mail_waits(s);
}

void shadow_continue(struct shadow *s, struct mailbox *box)
{
	mail_post(s, box);
}

struct shadow_stats shadow_stats(const struct shadow *s)
{
	return s->stats;
}
