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
 *   where they are  in the host: no slot has come or gone since
 *   the leaf        is read anew. What ours is made of beside the address depends on what the guest's
 *                   has beside the address, on the registers, the view and the rights above; and on
 *                   its page being a tracked table, or not to be written, which is looked up
 */
#include "memory/shadow/private.h"

void again_remember(struct shadow *s, const struct shadow_root *root,
		    const struct walk_query *query, const struct walk_path *path)
{
	const struct walk_context *ctx = &root->ctx;
	struct shadow_way *way = &s->way;

	const struct walk_step *leaf = &path->step[path->count - 1];
	const struct gmem *mem = s->config.mem;
	const struct gmem_slot *slot;

	way->shape = 0;
	/* Long mode is what there is. With PAE, an A that is set may count as a reserved bit
	 * elsewhere: see walk_setting_ad(). */
	if (!ctx->serial || ctx->format->levels < 4)
		return;
	way->shape = s->shape;
	way->slots = mem->changes;
	way->serial = ctx->serial;
	way->privilege = query->privilege;
	way->gva = query->gva & ctx->gva_mask;
	way->table = leaf->gpa & ~ctx->level[1].offset_mask;
	slot = gmem_find(mem, way->table);
	way->leaves = !slot || slot->readonly ? NULL : (void *)gmem_ptr(mem, way->table, PAGE_SIZE);
	way->given = 0;
	for (unsigned level = 1; level <= s->config.levels; level++) {
		struct frame *frame = &s->frame[way->frame[level]];

		way->passed[level - 1] = frame;
		way->writes[level - 1] =
			frame->tracked == NONE ? &way->nowhere : &s->table[frame->tracked].writes;
	}
	way->rights = RIGHTS;
	way->uppers = path->count - 1;
	for (unsigned i = 0; i < way->uppers; i++) {
		const struct walk_step *step = &path->step[i];

		way->rights &= guest_rights(ctx, step->level, step->entry);
		way->upper[i] = (const void *)gmem_ptr(mem, step->gpa, sizeof(step->entry));
		way->held[i] = step->entry;
		if (!way->upper[i])
			way->leaves = NULL;
	}
}

/* The guest's entries above the leaf table hold what they held: a walk would come to that table. */
static bool uppers_hold(const struct shadow_way *way)
{
	for (unsigned i = 0; i < way->uppers; i++)
		if (__atomic_load_n(way->upper[i], __ATOMIC_RELAXED) != way->held[i])
			return false;
	return true;
}

static bool is_same_way(const struct shadow *s, const struct walk_context *ctx,
			const struct walk_query *query, gva_t gva)
{
	const struct shadow_way *way = &s->way;

	return way->shape == s->shape && way->serial == ctx->serial &&
	       (way->gva ^ gva) >> shift_of(2) == 0 && way->privilege == query->privilege &&
	       query->access != WALK_FETCH && way->slots == s->config.mem->changes && way->leaves &&
	       !s->frame[way->frame[1]].fresh && uppers_hold(way);
}

/*
 * The shadow entry that an access needs once the guest's entry is `entry`; 0 if there is none that
 * lets it through, for whatever reason. What a view's entry grants, the guest's entries grant
 * (shadow_audit).
 */
static uint64_t leaf_for(struct shadow *s, const struct walk_context *ctx, uint64_t entry,
			 bool write)
{
	const gpa_t gpa = entry & ctx->level[1].page;
	const struct gmem_slot *slot = gmem_find(s->config.mem, gpa);
	struct shadow_way *way = &s->way;
	uint64_t leaf;

	if (!slot || slot->readonly)
		return 0;
	if (!way->given || way->asked != (entry ^ gpa)) {
		const struct frame *frame = &s->frame[way->frame[1]];
		struct guest_page page;

		if (guest_entry_decode(ctx, 1, entry, way->rights, &page) != GUEST_PAGE)
			return 0;
		leaf = page_entry(s, frame->mode, frame->view, &page, gpa, 1);
		way->asked = entry ^ gpa;
		way->given = table_is_in_step(s, gpa) ? 0 : leaf & ~SPTE_ADDRESS;
	} else {
		leaf = gpa | way->given;
		if (leaf & PTE_WRITE && table_is_in_step(s, gpa))
			return 0;
	}
	return write && !(leaf & PTE_WRITE) ? 0 : leaf;
}

/* Stores the leaf, and what its neighbours in the guest's table at `gpa` call for. */
static void install(struct shadow *s, gva_t gva, uint64_t leaf, gpa_t gpa)
{
	struct shadow_way *way = &s->way;
	uint32_t f = way->frame[1];
	unsigned i = index_of(gva, 1), from = i & ~63u;
	bool due = fill_is_due(s, f, i, gpa);

	s->now++;
	for (unsigned level = 0; level < s->config.levels; level++) {
		way->passed[level]->stamp = s->now; /* frame_pass() */
		*way->writes[level] = 0;
	}
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
	uint64_t *at, entry, wanted, leaf;

	if (!is_same_way(s, ctx, query, gva))
		return false;
	at = &s->way.leaves[index_of(gva, 1)];
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
