/* SPDX-License-Identifier: MIT */
/*
 * The short way of a hidden fault: where the last one was in the same leaf table, all that is above
 * the leaf is known, and the leaf is a guest entry to decode and a shadow entry to store. Whatever
 * is not plainly so goes the long way (fault.c), and so does every fault that is not hidden.
 *
 * Why what is remembered cannot be stale:
 *
 *   the registers   have a number, which changes with them (walk_context.serial). With the privilege
 *                   they make the view
 *   the frames      are where they were: s->shape counts each link and each frame that goes, and no
 *                   frame changes what it stands for while it is linked
 *   the guest's     entries are read anew. They hold what they held, so a walk would come to the same
 *   upper tables    table with the same rights; A was set in them then, or cannot be
 *   the leaf        is never remembered
 */
#include "memory/shadow/private.h"

void again_remember(struct shadow *s, const struct shadow_root *root,
		    const struct walk_query *query, const struct walk_path *path)
{
	const struct walk_context *ctx = &root->ctx;
	struct shadow_way *way = &s->way;

	way->shape = 0;
	/* Long mode is what there is. With PAE, an A that is set may count as a reserved bit
	 * elsewhere: see walk_setting_ad(). */
	if (!ctx->serial || ctx->format->levels < 4)
		return;
	way->shape = s->shape;
	way->serial = ctx->serial;
	way->privilege = query->privilege;
	way->gva = query->gva & ctx->gva_mask;
	way->table = path->step[path->count - 1].gpa & ~ctx->level[1].offset_mask;
	way->path = *path;
	way->rights = RIGHTS;
	for (unsigned i = 0; i + 1 < path->count; i++)
		way->rights &= guest_rights(ctx, path->step[i].level, path->step[i].entry);
}

static bool is_same_way(const struct shadow *s, const struct walk_context *ctx,
			const struct walk_query *query, gva_t gva)
{
	const struct shadow_way *way = &s->way;

	return way->shape == s->shape && way->serial == ctx->serial &&
	       (way->gva ^ gva) >> shift_of(2) == 0 && way->privilege == query->privilege &&
	       query->access != WALK_FETCH && !s->frame[way->frame[1]].fresh &&
	       walk_upper_holds(s->config.mem, &way->path);
}

/*
 * The shadow entry that an access needs once the guest's entry is `entry`; 0 if there is none that
 * lets it through, for whatever reason. What a view's entry grants, the guest's entries grant
 * (shadow_audit).
 */
static uint64_t leaf_for(const struct shadow *s, const struct walk_context *ctx, uint64_t entry,
			 bool write)
{
	const struct frame *frame = &s->frame[s->way.frame[1]];
	struct guest_page page;
	uint64_t leaf;

	if (guest_entry_decode(ctx, 1, entry, s->way.rights, &page) != GUEST_PAGE)
		return 0;
	leaf = page_entry(s, frame->mode, frame->view, &page, page.gpa, 1);
	return write && !(leaf & PTE_WRITE) ? 0 : leaf;
}

/* Stores the leaf, and what its neighbours in the guest's table at `gpa` call for. */
static void install(struct shadow *s, gva_t gva, uint64_t leaf, gpa_t gpa)
{
	const struct shadow_way *way = &s->way;
	uint32_t f = way->frame[1];
	unsigned i = index_of(gva, 1), from = i & ~63u;
	bool due = fill_is_due(s, f, i, gpa);

	s->now++;
	for (unsigned level = s->config.levels; level; level--)
		frame_pass(s, way->frame[level]);
	if (want(s, f, i))
		mail_invlpg(s, gva);
	entry_leaf(s, f, i, leaf);
	if (due)
		fill_around(s, f, from, from + 64, way->table, way->rights);
}

bool again_fault(struct shadow *s, const struct walk_context *ctx, const struct walk_query *query,
		 gpa_t *reached)
{
	const bool write = query->access == WALK_WRITE;
	gva_t gva = query->gva & ctx->gva_mask;
	gpa_t gpa = s->way.table + index_of(gva, 1) * sizeof(uint64_t);
	const struct gmem_slot *slot;
	uint64_t *at, entry, wanted, leaf;

	if (!is_same_way(s, ctx, query, gva))
		return false;
	slot = gmem_find(s->config.mem, gpa);
	if (!slot || slot->readonly)
		return false;
	at = (uint64_t *)(void *)(slot->hva + (gpa - slot->gpa));
	entry = __atomic_load_n(at, __ATOMIC_RELAXED);
	wanted = entry | PTE_ACCESSED | (write ? PTE_DIRTY : 0);
	leaf = leaf_for(s, ctx, wanted, write);
	if (!leaf)
		return false;
	/* As walk() sets them: not if another CPU has changed the entry meanwhile. */
	if (wanted != entry && !__atomic_compare_exchange_n(at, &entry, wanted, false,
							    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return false;
	install(s, gva, leaf, gpa);
	*reached = leaf_gpa(leaf, 1) | (gva & (PAGE_SIZE - 1));
	return true;
}
