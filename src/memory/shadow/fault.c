/* SPDX-License-Identifier: MIT */
/*
 * One fault. walk() says whose it is. If it is ours: make the path of tables down to the entry,
 * decide whether a write may go through, install the entry, and fill around.
 */
#include "memory/shadow/private.h"

/* What a fault carries from one step to the next. */
struct journey {
	struct shadow *s;
	struct shadow_root *root;
	enum shadow_view view;
	gva_t gva;
	struct walk_path path;
	unsigned leaf_level; /* of the guest's entry; 0 with paging off */
	struct guest_page page;
};

static enum shadow_view view_of(const struct shadow *s, const struct shadow_root *root,
				enum walk_privilege privilege)
{
	const struct walk_demand *d = &root->ctx.demand[WALK_SUPERVISOR][WALK_READ];

	if (privilege == WALK_USER)
		return SHADOW_USER;
	return s->mode[root->mode].smap && privilege == WALK_SUPERVISOR && !(d->must_not & PTE_USER)
		       ? SHADOW_KERNEL_AC
		       : SHADOW_KERNEL;
}

static struct guest_page page_of(const struct walk_context *ctx, const struct walk_result *r)
{
	if (!ctx->format)
		return (struct guest_page){.rights = RIGHTS, .shift = 63, .dirty = true};
	return (struct guest_page){
		.gpa = r->gpa & UINT64_MAX << r->shift,
		.rights = (r->writable ? PTE_WRITE : 0) | (r->user ? PTE_USER : 0) |
			  (r->nx ? 0 : PTE_NX),
		.shift = r->shift,
		.pkey = r->pkey,
		.pat = r->pat,
		.dirty = r->dirty,
		.global = r->global,
	};
}

static const struct walk_step *step_at(const struct journey *j, unsigned level)
{
	return &j->path.step[j->root->ctx.format->levels - level];
}

/* The part of the guest's page that entry i of a frame translates. */
static gpa_t part_gpa(const struct journey *j, uint32_t f, unsigned i)
{
	uint64_t inside = (UINT64_C(1) << j->page.shift) - 1;

	return j->page.gpa + (entry_gva(j->s, f, i) & inside);
}

/* What lies under entry i of a frame on the way to the guest's page. */
static struct frame next_key(const struct journey *j, uint32_t f, unsigned i)
{
	const struct frame *frame = &j->s->frame[f];
	const struct walk_context *ctx = &j->root->ctx;
	struct frame key = {
		.kind = frame->kind,
		.level = (uint8_t)(frame->level - 1),
		.view = frame->view,
		.mode = frame->mode,
		.gva = entry_gva(j->s, f, i) & reach_mask(j->s),
		.rights = RIGHTS,
		.root = NONE,
	};

	if (frame->kind == FRAME_SPLIT || frame->level <= j->leaf_level) {
		key.kind = FRAME_SPLIT;
		key.page = j->page;
		key.page.gpa = part_gpa(j, f, i);
	} else if (frame->kind == FRAME_TABLE ||
		   (frame->kind == FRAME_PASS && frame->level <= ctx->format->levels)) {
		key = table_key(j->s, f, i, step_at(j, frame->level)->entry);
	} else if (frame->kind == FRAME_PASS && frame->level - 1 == ctx->format->levels &&
		   !ctx->pdptrs_valid) {
		key.kind = FRAME_TABLE;
		key.table = ctx->root;
	}
	return key;
}

static uint32_t step_down(struct journey *j, uint32_t f, unsigned i)
{
	struct shadow *s = j->s;
	struct frame key = next_key(j, f, i);
	uint64_t old = want(s, f, i);
	uint32_t child;

	if (old && !is_leaf(old, s->frame[f].level)) {
		child = frame_of(s, old);
		if (frame_is(&s->frame[child], &key))
			return child;
	}
	child = frame_get(s, &key, false);
	if (old)
		mail_invlpg(s, j->gva);
	entry_link(s, f, i, child);
	return child;
}

/* Fills the frames that the way has made, from what the walk has read: new ones whole, the lowest one
 * next to its entry as well if that is `due`. */
static void fill_new(struct journey *j, uint32_t f, unsigned i, bool due)
{
	struct shadow *s = j->s;
	unsigned from = i & ~63u, to = from + 64;
	uint64_t rights = RIGHTS;
	gpa_t table = 0;

	if (s->frame[f].fresh) {
		from = 0;
		to = ENTRIES;
	} else if (!due) {
		return;
	}
	s->frame[f].fresh = false;
	if (s->frame[f].kind == FRAME_PASS ||
	    (s->frame[f].kind == FRAME_TLB && s->frame[f].level != j->leaf_level))
		return;
	if (s->frame[f].kind == FRAME_TLB) {
		const struct walk_context *ctx = &j->root->ctx;
		const struct walk_level *lv = &ctx->level[j->leaf_level];

		for (unsigned l = ctx->format->levels; l > j->leaf_level; l--)
			rights &= guest_rights(ctx, l, step_at(j, l)->entry);
		table = step_at(j, j->leaf_level)->gpa & ~lv->offset_mask;
	}
	fill_around(s, f, from, to, table, rights);
}

/* Down to the frame whose entry maps the page, as large as can be. */
static uint32_t descend(struct journey *j)
{
	struct shadow *s = j->s;
	uint32_t f = root_frame(s, j->root, j->view);

	for (;;) {
		const struct frame *frame = &s->frame[f];
		unsigned i = index_of(j->gva, frame->level);
		uint32_t child;

		frame_pass(s, f);
		s->way.frame[frame->level] = f;
		if ((frame->kind == FRAME_SPLIT || frame->level <= j->leaf_level) &&
		    (frame->level == 1 || page_entry(s, frame->mode, frame->view, &j->page,
						     part_gpa(j, f, i), frame->level)))
			return f;
		child = step_down(j, f, i);
		fill_new(j, f, i, false);
		f = child;
	}
}

/* Whether the guest may write this page; what it takes to let it, is done. */
static bool may_write(struct shadow *s, gpa_t gpa)
{
	uint32_t t = table_find(s, gpa >> PAGE_SHIFT);

	if (t == NONE || s->table[t].out_of_step)
		return true;
	if (s->ops->let_go(s, t)) {
		table_set_step(s, t, true);
		s->stats.unsyncs++;
		return true;
	}
	/* A table that is written again and again without being used is data. */
	return s->table[t].writes >= TABLE_FLOOD && table_give_up(s, t);
}

static enum shadow_outcome install(struct journey *j, const struct walk_query *query,
				   const struct walk_result *r)
{
	struct shadow *s = j->s;
	uint32_t f = descend(j);
	unsigned i = index_of(j->gva, s->frame[f].level);
	bool may = query->access != WALK_WRITE || may_write(s, r->gpa);
	uint64_t old = want(s, f, i);
	uint64_t leaf = page_entry(s, s->frame[f].mode, j->view, &j->page, part_gpa(j, f, i),
				   s->frame[f].level);
	bool due = s->frame[f].kind != FRAME_SPLIT &&
		   fill_is_due(s, f, i, step_at(j, j->leaf_level)->gpa);

	if (!leaf)
		return SHADOW_CANNOT;
	if (j->leaf_level == 1)
		again_remember(s, j->root, query, &j->path);
	entry_leaf(s, f, i, leaf);
	if (old)
		mail_invlpg(s, j->gva);
	fill_new(j, f, i, due);
	if (!may)
		return SHADOW_TABLE_WRITE;
	if ((query->access == WALK_WRITE && !(leaf & PTE_WRITE)) ||
	    (query->access == WALK_FETCH && leaf & PTE_NX))
		return SHADOW_CANNOT;
	return SHADOW_FIXED;
}

/* Whether the access can ever be granted by an entry of ours. */
static bool is_possible(const struct journey *j, const struct walk_result *r)
{
	const struct shadow *s = j->s;

	if (j->root->ctx.format && j->root->ctx.format->levels > s->config.levels)
		return false;
	if (index_of(j->gva, s->config.levels) == s->config.monitor_slot)
		return false;
	return page_entry(s, j->root->mode, j->view, &j->page, r->gpa & ~(PAGE_SIZE - 1), 1);
}

/*
 * The walk with A and D. What A and D say of themselves is in the shadow or comes there; but a PDPTE
 * of PAE must not have A, so in a table that serves as PDPT and lower down as well, the A just set
 * may forbid what was allowed: there the tables have the last word as they are now.
 */
static enum walk_outcome walk_setting_ad(struct shadow *s, const struct walk_context *ctx,
					 const struct walk_query *query, struct walk_result *r,
					 struct walk_path *path)
{
	struct walk_query real = *query;
	enum walk_outcome outcome;

	real.set_ad = true;
	outcome = walk(s->config.mem, ctx, &real, r, path);
	if (outcome != WALK_OK || ctx->format != &pt_format_pae || !s->ops->tracks)
		return outcome;
	sync_walk(s, path);
	return walk(s->config.mem, ctx, &real, r, path);
}

static enum shadow_outcome resolve(struct shadow *s, const struct walk_context *ctx,
				   const struct walk_query *query, struct walk_result *result)
{
	const struct gmem_slot *slot;
	struct journey j;

	if (again_fault(s, ctx, query, &result->gpa))
		return SHADOW_FIXED;
	s->way.shape = 0;
	j = (struct journey){.s = s, .gva = query->gva & ctx->gva_mask};
	switch (walk_setting_ad(s, ctx, query, result, &j.path)) {
	case WALK_OK: break;
	case WALK_FAULT: return SHADOW_GUEST_FAULT;
	case WALK_NONCANONICAL: return SHADOW_NONCANONICAL;
	case WALK_NO_MEMORY: return SHADOW_BAD_TABLE;
	}
	slot = gmem_find(s->config.mem, result->gpa);
	if (!slot || (slot->readonly && query->access == WALK_WRITE))
		return SHADOW_MMIO;

	s->now++;
	j.root = root_get(s, ctx);
	j.view = view_of(s, j.root, query->privilege);
	j.leaf_level = ctx->format ? result->level : 0;
	j.page = page_of(ctx, result);
	return is_possible(&j, result) ? install(&j, query, result) : SHADOW_CANNOT;
}

enum shadow_outcome shadow_fault(struct shadow *s, const struct walk_context *ctx,
				 const struct walk_query *query, struct mailbox *box,
				 struct walk_result *result)
{
	enum shadow_outcome outcome = resolve(s, ctx, query, result);

	s->stats.guest_faults += outcome == SHADOW_GUEST_FAULT;
	s->stats.hidden_faults += outcome == SHADOW_FIXED;
	mail_post(s, box);
	return outcome;
}

bool shadow_again(struct shadow *s, const struct walk_context *ctx, const struct walk_query *query,
		  struct mailbox *box)
{
	gpa_t gpa;

	if (!again_fault(s, ctx, query, &gpa))
		return false;
	s->stats.hidden_faults++;
	mail_post(s, box);
	return true;
}

bool shadow_foresee(struct shadow *s, const struct walk_context *ctx,
		    const struct walk_query *query, struct mailbox *box)
{
	struct walk_query look = *query;
	struct walk_result result;
	bool fixed;

	/* An access that will fault must leave the flags as they are until it does. */
	look.set_ad = false;
	if (walk(s->config.mem, ctx, &look, &result, NULL) != WALK_OK)
		return false;
	fixed = resolve(s, ctx, query, &result) == SHADOW_FIXED;
	s->stats.foreseen += fixed;
	mail_post(s, box);
	return fixed;
}
