/* SPDX-License-Identifier: MIT */
/*
 * The proof that the shadow is right, by other means than those that made it: every present leaf
 * under every root is held against walk(), and every list against the entries it should hold.
 *
 * What a strategy may leave behind until the guest flushes: under vtlb any leaf; under unsync the
 * leaves of a table that is out of step. Of those only what is ours is checked: that they point
 * into guest memory, and let nobody write a table in step or a read-only slot.
 */
#include "memory/shadow/private.h"

#include <inttypes.h>
#include <string.h>

struct audit {
	struct shadow *s;
	const struct shadow_root *root;
	unsigned view;
	struct walk_context ctx; /* the root's, with AC as the view has it */
	uint32_t leaves, links;	 /* counted over all frames */
	char *why;
	size_t size;
};

#define FAIL(a, ...) (snprintf((a)->why, (a)->size, __VA_ARGS__), false)

/* --- Leaves against walk() ------------------------------------------------------------------ */

static bool allows(const struct audit *a, gva_t gva, enum walk_access access, struct walk_result *r,
		   struct walk_path *path)
{
	/* An implicit access is one that SMAP forbids whatever AC is. */
	static const enum walk_privilege who[] = {
		[SHADOW_KERNEL] = WALK_IMPLICIT,
		[SHADOW_KERNEL_AC] = WALK_SUPERVISOR,
		[SHADOW_USER] = WALK_USER,
	};
	const struct walk_query q = {.gva = gva, .access = access, .privilege = who[a->view]};

	return walk(a->s->config.mem, &a->ctx, &q, r, path) == WALK_OK;
}

static unsigned pat_of(uint64_t entry, unsigned level)
{
	return (entry & PTE_PWT ? 1 : 0) | (entry & PTE_PCD ? 2 : 0) |
	       (entry & (level > 1 ? PTE_PAT_LARGE : PTE_PAT) ? 4 : 0);
}

/* Whether an entry must have a flag that walk() would have set: one in ROM cannot get it. */
static bool lacks(const struct audit *a, const struct walk_step *step, uint64_t flag)
{
	const struct gmem_slot *slot = gmem_find(a->s->config.mem, step->gpa);

	return !((step->entry | a->ctx.level[step->level].implied) & flag) &&
	       !(slot && slot->readonly);
}

static bool agrees(const struct audit *a, gva_t gva, unsigned level, uint64_t entry)
{
	struct walk_result r;
	struct walk_path path;

	if (!allows(a, gva, WALK_READ, &r, &path))
		return FAIL(a, "GVA 0x%" PRIx64 " is mapped, but the guest says: %s", gva,
			    walk_cause_name(r.cause));
	if (r.gpa != leaf_gpa(entry, level))
		return FAIL(a, "GVA 0x%" PRIx64 " maps 0x%" PRIx64 ", and not 0x%" PRIx64, gva,
			    leaf_gpa(entry, level), r.gpa);
	if (a->ctx.format && r.shift < shift_of(level))
		return FAIL(a, "GVA 0x%" PRIx64 " is mapped larger than the guest's page", gva);
	if (r.pat != pat_of(entry, level))
		return FAIL(a, "GVA 0x%" PRIx64 " has PAT %u, and not %u", gva,
			    pat_of(entry, level), r.pat);
	for (unsigned i = 0; i < path.count; i++)
		if (lacks(a, &path.step[i], PTE_ACCESSED))
			return FAIL(a, "GVA 0x%" PRIx64 " is mapped, but A is clear at level %u",
				    gva, path.step[i].level);
	if (!(entry & PTE_NX) && a->s->config.nx && !allows(a, gva, WALK_FETCH, &r, NULL))
		return FAIL(a, "GVA 0x%" PRIx64 " is executable, but: %s", gva,
			    walk_cause_name(r.cause));
	if (entry & PTE_WRITE && !allows(a, gva, WALK_WRITE, &r, NULL))
		return FAIL(a, "GVA 0x%" PRIx64 " is writable, but: %s", gva,
			    walk_cause_name(r.cause));
	if (entry & PTE_WRITE && !r.dirty &&
	    (!path.count || lacks(a, &path.step[path.count - 1], PTE_DIRTY)))
		return FAIL(a, "GVA 0x%" PRIx64 " is writable, but D is clear", gva);
	return true;
}

/* What holds for every leaf, in step or not. */
static bool is_ours_to_give(const struct audit *a, gva_t gva, unsigned level, uint64_t entry)
{
	const struct shadow *s = a->s;
	gpa_t gpa = leaf_gpa(entry, level), end = gpa + (UINT64_C(1) << shift_of(level));
	const struct gmem_slot *slot = gmem_find(s->config.mem, gpa);
	const uint64_t must = PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
	uint32_t t;

	if ((entry & must) != must || (level == 1 ? 0 : entry & PTE_GLOBAL) || entry & PTE_GLOBAL)
		return FAIL(a, "GVA 0x%" PRIx64 " has the malformed entry 0x%" PRIx64, gva, entry);
	if (!slot || end > slot->gpa + slot->size)
		return FAIL(a, "GVA 0x%" PRIx64 " maps 0x%" PRIx64 ", outside a slot", gva, gpa);
	if (gpa < frame_gpa(s, s->config.pool_frames) && end > s->config.pool_gpa)
		return FAIL(a, "GVA 0x%" PRIx64 " maps the pool", gva);
	if (entry & PTE_WRITE && slot->readonly)
		return FAIL(a, "GVA 0x%" PRIx64 " is writable in a read-only slot", gva);
	if (level > 1)
		return !tables_within(s, gpa, level) ||
		       FAIL(a, "GVA 0x%" PRIx64 " maps a tracked table large", gva);
	t = table_find(s, gpa >> PAGE_SHIFT);
	if (entry & PTE_WRITE && t != NONE && !s->table[t].out_of_step)
		return FAIL(a, "GVA 0x%" PRIx64 " may write the table 0x%" PRIx64, gva, gpa);
	return true;
}

static bool may_lag(const struct shadow *s, uint32_t f)
{
	uint32_t t = s->frame[f].tracked;

	return !s->ops->tracks || (t != NONE && s->table[t].out_of_step);
}

static bool audit_tree(struct audit *a, uint32_t f)
{
	const struct shadow *s = a->s;
	const struct frame *frame = &s->frame[f];

	if (frame->kind == FRAME_FREE || frame->view != a->view || frame->mode != a->root->mode)
		return FAIL(a, "frame %" PRIu32 " is not of the root that uses it", f);
	for (unsigned i = 0; i < ENTRIES; i++) {
		uint64_t entry = want(s, f, i);
		gva_t gva = entry_gva(s, f, i);

		if (!entry)
			continue;
		if (is_leaf(entry, frame->level)) {
			if (!is_ours_to_give(a, gva, frame->level, entry) ||
			    (!may_lag(s, f) && !agrees(a, gva, frame->level, entry)))
				return false;
			continue;
		}
		if ((entry & ~SPTE_ADDRESS) != SPTE_LINK || frame_of(s, entry) < s->tops ||
		    frame_of(s, entry) >= s->config.pool_frames)
			return FAIL(a, "GVA 0x%" PRIx64 " has the bad link 0x%" PRIx64, gva, entry);
		if (s->frame[frame_of(s, entry)].level != frame->level - 1 ||
		    s->frame[frame_of(s, entry)].gva != (gva & reach_mask(s)))
			return FAIL(a, "GVA 0x%" PRIx64 " links to a frame for elsewhere", gva);
		if (!audit_tree(a, frame_of(s, entry)))
			return false;
	}
	return true;
}

static bool audit_roots(struct audit *a)
{
	for (unsigned r = 0; r < a->s->root_limit; r++) {
		a->root = &a->s->root[r];
		for (a->view = 0; a->root->used && a->view < SHADOW_VIEWS; a->view++) {
			a->ctx = a->root->ctx;
			a->ctx.demand[WALK_SUPERVISOR][WALK_READ].must_not = 0;
			a->ctx.demand[WALK_SUPERVISOR][WALK_WRITE].must_not = 0;
			if (a->root->frame[a->view] != NONE &&
			    !audit_tree(a, a->root->frame[a->view]))
				return false;
		}
	}
	return true;
}

/* --- Lists against entries ------------------------------------------------------------------ */

static bool is_listed(const struct shadow *s, uint32_t head, uint32_t e)
{
	while (head != NONE && head != e)
		head = s->rmap.next[head];
	return head == e;
}

static bool audit_frame(struct audit *a, uint32_t f)
{
	const struct shadow *s = a->s;
	const struct frame *frame = &s->frame[f];
	unsigned used = 0;

	for (unsigned i = 0; i < ENTRIES; i++) {
		uint64_t entry = want(s, f, i);
		uint32_t e = f * ENTRIES + i, head;
		uint64_t pool = s->config.pool[e];

		if (f < s->tops && i == s->config.monitor_slot) {
			if (entry || pool != s->config.monitor_entry)
				return FAIL(a, "the monitor's entry in frame %" PRIu32 " is lost",
					    f);
			continue;
		}
		if (pool != entry)
			return FAIL(a,
				    "entry %u of frame %" PRIu32 " holds 0x%" PRIx64
				    ", and not 0x%" PRIx64,
				    i, f, pool, entry);
		if (!entry)
			continue;
		used++;
		if (is_leaf(entry, frame->level)) {
			a->leaves++;
			head = *rmap_bucket(&s->rmap, leaf_gpa(entry, frame->level) >> PAGE_SHIFT,
					    frame->level);
		} else {
			a->links++;
			head = s->frame[frame_of(s, entry)].parents;
		}
		if (!is_listed(s, head, e))
			return FAIL(a, "entry %u of frame %" PRIu32 " is in no reverse map", i, f);
	}
	if (used != frame->used || (frame->kind == FRAME_FREE && used))
		return FAIL(a, "frame %" PRIu32 " has %u entries, and not %u", f, used,
			    frame->used);
	if (frame->kind != FRAME_FREE && (frame->root == NONE) != (frame->parents != NONE))
		return FAIL(a, "frame %" PRIu32 " is out of reach", f);
	return true;
}

/* Each entry is in its list, so the lists hold nothing else if they are no longer. */
static bool audit_lists(struct audit *a)
{
	const struct shadow *s = a->s;
	uint32_t leaves = 0, links = 0, used = 0;

	for (uint32_t b = 0; b >> s->rmap.bits == 0; b++)
		for (uint32_t e = s->rmap.bucket[b]; e != NONE; e = s->rmap.next[e])
			leaves++;
	for (uint32_t f = 0; f < s->config.pool_frames; f++) {
		used += s->frame[f].kind != FRAME_FREE;
		for (uint32_t e = s->frame[f].parents; e != NONE; e = s->rmap.next[e])
			links++;
	}
	if (leaves != a->leaves || links != a->links)
		return FAIL(a,
			    "the reverse map has %" PRIu32 " pages and %" PRIu32 " links too many",
			    leaves - a->leaves, links - a->links);
	return used == s->stats.frames_used ||
	       FAIL(a, "%" PRIu32 " frames are used, and not %" PRIu64, used, s->stats.frames_used);
}

static bool audit_tables(struct audit *a)
{
	const struct shadow *s = a->s;
	uint32_t shadows = 0, counted = 0, left = 0, tables[4] = {0};

	for (uint32_t f = 0; f < s->config.pool_frames; f++) {
		const struct frame *frame = &s->frame[f];
		uint32_t t = frame->tracked;

		if ((frame->kind == FRAME_TABLE) != (t != NONE))
			return FAIL(a, "frame %" PRIu32 " is tracked, or not, against its kind", f);
		if (t == NONE)
			continue;
		shadows++;
		if (table_find(s, frame->table >> PAGE_SHIFT) != t)
			return FAIL(a, "frame %" PRIu32 " shadows another table", f);
		/* Each table once: by the first of its shadows. */
		if (s->table[t].frames != f)
			continue;
		for (unsigned level = 2; level <= 3; level++)
			tables[level] += tables_within(s, frame->table, level) > 0;
		left += s->table[t].out_of_step;
		for (uint32_t g = f; g != NONE; g = s->frame[g].sibling_next) {
			counted++;
			if (s->table[t].out_of_step && s->frame[g].level > 1)
				return FAIL(a, "an upper table is out of step");
		}
		tables[0]++;
	}
	if (shadows != counted || tables[2] != tables[0] || tables[3] != tables[0])
		return FAIL(a, "%" PRIu32 " shadows of tables, %" PRIu32 " listed", shadows,
			    counted);
	for (uint32_t t = s->out_of_step; t != NONE; t = s->table[t].step_next)
		left--;
	return !left || FAIL(a, "the list of tables out of step is wrong");
}

bool shadow_audit(struct shadow *s, const struct walk_context *ctx, char *why, size_t size)
{
	struct audit a = {.s = s, .why = why, .size = size};

	(void)ctx;
	/* A frame without a stamp was never used. */
	for (uint32_t f = 0; f < s->config.pool_frames; f++)
		if (s->frame[f].stamp && !audit_frame(&a, f))
			return false;
	return audit_lists(&a) && audit_tables(&a) && audit_roots(&a);
}
