/* SPDX-License-Identifier: MIT */
/*
 * Keeping in step: what a store to a guest table does to its shadows, and how a table that was out
 * of step comes back.
 *
 * A store to a table asks for no flush here: until the guest flushes, its TLB may hold what was.
 * Only frames that are let go do (frame_drop).
 */
#include "memory/shadow/private.h"

void sync_table(struct shadow *s, uint32_t t)
{
	struct table *table = &s->table[t];

	if (!table->out_of_step)
		return;
	/* First no more writes, then the reading. */
	table_set_step(s, t, false);
	table_protect(s, table->gfn);
	for (uint32_t f = table->frames; f != NONE; f = s->frame[f].sibling_next)
		for (unsigned i = 0; i < ENTRIES; i++)
			entry_renew(s, f, i);
}

void sync_all(struct shadow *s)
{
	while (s->out_of_step != NONE)
		sync_table(s, s->out_of_step);
}

/* The guest entries of a frame's table in [gpa, gpa + len) have changed. */
static void renew_range(struct shadow *s, uint32_t f, gpa_t gpa, uint64_t len)
{
	const struct frame *frame = &s->frame[f];
	const struct walk_context *ctx = &s->mode[frame->mode].ctx;
	const struct walk_level *lv = &ctx->level[frame->level];
	unsigned entry_shift = ctx->format->entry_shift, shift = shift_of(frame->level);
	uint64_t size = lv->offset_mask + (UINT64_C(1) << entry_shift);
	gva_t span = size >> entry_shift << lv->shift;
	gva_t start = frame->gva & ~(span - 1);
	gpa_t end = gpa + len;

	if (gpa >= frame->table + size || end <= frame->table)
		return;
	if (gpa < frame->table)
		gpa = frame->table;
	if (end > frame->table + size)
		end = frame->table + size;
	/* A guest entry of a 2-level table is two of ours, and its table several frames. */
	for (uint64_t n = (gpa - frame->table) >> entry_shift;
	     n <= (end - 1 - frame->table) >> entry_shift; n++) {
		gva_t first = start + (n << lv->shift),
		      last = first + (UINT64_C(1) << lv->shift) - 1;

		if (first < frame->gva || last - frame->gva >= UINT64_C(1) << (shift + 9))
			continue;
		for (gva_t gva = first; gva <= last; gva += UINT64_C(1) << shift)
			entry_renew(s, f, index_of(gva, frame->level));
	}
}

/*
 * The same in all shadows of a table. One table may serve at several levels, so that renewing an
 * entry of one shadow lets go of others; but only of lower ones.
 */
static void renew_all(struct shadow *s, uint32_t t, gpa_t gpa, uint64_t len)
{
	for (unsigned level = s->config.levels; level >= 1; level--)
		for (uint32_t f = s->table[t].frames; f != NONE; f = s->frame[f].sibling_next)
			if (s->frame[f].level == level)
				renew_range(s, f, gpa, len);
}

void sync_write(struct shadow *s, gpa_t gpa, unsigned len)
{
	gpa_t end = gpa + len;

	for (gpa_t page = gpa & ~(PAGE_SIZE - 1); page < end; page += PAGE_SIZE) {
		gpa_t from = page > gpa ? page : gpa;
		gpa_t to = page + PAGE_SIZE < end ? page + PAGE_SIZE : end;
		uint32_t t = table_find(s, page >> PAGE_SHIFT);

		if (t == NONE || s->table[t].out_of_step)
			continue;
		s->stats.table_writes++;
		if (s->table[t].writes < TABLE_FLOOD)
			s->table[t].writes++;
		renew_all(s, t, from, to - from);
	}
}

void sync_walk(struct shadow *s, const struct walk_path *path)
{
	for (unsigned i = 0; i < path->count; i++) {
		const struct walk_step *step = &path->step[i];
		uint32_t t = table_find(s, step->gpa >> PAGE_SHIFT);

		if (t != NONE && !step->in_register)
			renew_all(s, t, step->gpa, sizeof(step->entry));
	}
}

/* INVLPG: the leaf entry of a page in a table that is out of step, in every shadow of it. */
void sync_page(struct shadow *s, const struct shadow_root *root, gva_t gva)
{
	if (s->out_of_step == NONE)
		return;
	for (unsigned v = 0; v < SHADOW_VIEWS; v++) {
		uint32_t f = root->frame[v];

		while (f != NONE && s->frame[f].level > 1) {
			uint64_t entry = want(s, f, index_of(gva, s->frame[f].level));

			f = entry && !is_leaf(entry, s->frame[f].level) ? frame_of(s, entry) : NONE;
		}
		if (f == NONE || s->frame[f].tracked == NONE ||
		    !s->table[s->frame[f].tracked].out_of_step)
			continue;
		renew_all(s, s->frame[f].tracked, guest_entry_gpa(s, f, index_of(gva, 1)),
			  UINT64_C(1) << s->mode[s->frame[f].mode].ctx.format->entry_shift);
	}
}
