/* SPDX-License-Identifier: MIT */
/*
 * Entries from guest entries without a fault of their own: the neighbours of one that was hit, the
 * parts of a large page, and entries whose guest entry has changed. Only what has A set in the
 * guest's table is installed, so that the guest sees A appear exactly when it would.
 */
#include "memory/shadow/private.h"

static gpa_t entry_at(const struct shadow *s, uint32_t f, unsigned i, gpa_t table)
{
	const struct walk_context *ctx = &s->mode[s->frame[f].mode].ctx;
	const struct walk_level *lv = &ctx->level[s->frame[f].level];

	return table | (entry_gva(s, f, i) >> lv->offset_shift & lv->offset_mask);
}

gpa_t guest_entry_gpa(const struct shadow *s, uint32_t f, unsigned i)
{
	return entry_at(s, f, i, s->frame[f].table);
}

/* Whether an entry is the guest's to use at all. */
static bool is_usable(const struct shadow *s, uint32_t f, unsigned i)
{
	const struct frame *frame = &s->frame[f];

	if (frame->root != NONE && i == s->config.monitor_slot)
		return false;
	return gva_exists(&s->mode[frame->mode].ctx, entry_gva(s, f, i));
}

struct frame table_key(const struct shadow *s, uint32_t f, unsigned i, uint64_t entry)
{
	const struct frame *frame = &s->frame[f];
	const struct walk_context *ctx = &s->mode[frame->mode].ctx;

	return (struct frame){
		.kind = FRAME_TABLE,
		.level = (uint8_t)(frame->level - 1),
		.view = frame->view,
		.mode = frame->mode,
		.gva = entry_gva(s, f, i) & reach_mask(s),
		.table = entry & ctx->address,
		.rights = frame->rights & guest_rights(ctx, frame->level, entry),
		.root = NONE,
	};
}

/* The shadow leaf that a guest page comes to at entry i, 0 if none. The page may be larger than
 * what the entry translates. */
static uint64_t leaf_for(const struct shadow *s, uint32_t f, unsigned i,
			 const struct guest_page *page)
{
	const struct frame *frame = &s->frame[f];
	uint64_t inside = (UINT64_C(1) << page->shift) - 1;

	return page_entry(s, frame->mode, frame->view, page,
			  page->gpa + (entry_gva(s, f, i) & inside), frame->level);
}

static void fill_split(struct shadow *s, uint32_t f)
{
	const struct frame *frame = &s->frame[f];

	for (unsigned i = 0; i < ENTRIES; i++) {
		gpa_t gpa = frame->page.gpa + ((uint64_t)i << shift_of(frame->level));
		uint64_t leaf;

		if (want(s, f, i) || !is_usable(s, f, i))
			continue;
		leaf = page_entry(s, frame->mode, frame->view, &frame->page, gpa, frame->level);
		if (leaf) {
			entry_leaf(s, f, i, leaf);
			s->stats.filled++;
		}
	}
}

static void fill_entry(struct shadow *s, uint32_t f, unsigned i, uint64_t entry, uint64_t rights)
{
	const struct frame *frame = &s->frame[f];
	struct guest_page page;
	uint64_t leaf;

	switch (guest_entry_decode(&s->mode[frame->mode].ctx, frame->level, entry, rights, &page)) {
	case GUEST_ABSENT: break;
	case GUEST_PAGE:
		leaf = leaf_for(s, f, i, &page);
		if (leaf) {
			entry_leaf(s, f, i, leaf);
			s->stats.filled++;
		}
		break;
	case GUEST_TABLE:
		if (frame->kind == FRAME_TABLE) {
			struct frame key = table_key(s, f, i, entry);
			uint32_t child = frame_find(s, &key);

			if (child != NONE)
				entry_link(s, f, i, child);
		}
		break;
	}
}

void fill_around(struct shadow *s, uint32_t f, unsigned from, unsigned to, gpa_t table,
		 uint64_t rights)
{
	const struct frame *frame = &s->frame[f];
	const struct walk_context *ctx = &s->mode[frame->mode].ctx;
	const struct walk_level *lv = &ctx->level[frame->level];
	const bool wide = ctx->format && ctx->format->entry_shift == 3;
	const uint8_t *page;
	uint64_t need;
	gva_t gva;

	if (frame->kind == FRAME_SPLIT) {
		fill_split(s, f);
		return;
	}
	if (frame->kind == FRAME_TABLE) {
		table = frame->table;
		rights = frame->rights;
	}
	page = gmem_ptr(s->config.mem, table & ~(PAGE_SIZE - 1), PAGE_SIZE);
	if (!page)
		return;
	/* Of a page that was never accessed nothing more need be looked at: this loop is run with
	 * each hidden fault, and is most of what one costs in user space. */
	need = PTE_PRESENT | (frame->level == 1 ? PTE_ACCESSED : 0);
	gva = entry_gva(s, f, from);
	for (unsigned i = from; i < to; i++, gva += UINT64_C(1) << shift_of(frame->level)) {
		const uint8_t *at = page + ((table | (gva >> lv->offset_shift & lv->offset_mask)) &
					    (PAGE_SIZE - 1));
		uint64_t entry = wide ? __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED)
				      : __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);

		if ((entry & need) == need && !want(s, f, i) && is_usable(s, f, i))
			fill_entry(s, f, i, entry, rights);
	}
}

#define LINE 8u /* entries of 8 bytes in a cache line */

bool fill_is_due(const struct shadow *s, uint32_t f, unsigned i, gpa_t gpa)
{
	const uint64_t need = PTE_PRESENT | PTE_ACCESSED;
	const uint64_t *ours = &s->want[f * ENTRIES + (i & ~(LINE - 1))];
	const uint64_t *guest;

	/* Where one of ours is, there was a look when it came. */
	for (unsigned n = 0; n < LINE; n++)
		if (ours[n])
			return false;
	/* Entries of 4 bytes, and large pages: a look at all of them is as good. */
	if (s->mode[s->frame[f].mode].ctx.format->entry_shift != 3 || s->frame[f].level > 1)
		return true;
	guest = (const void *)gmem_ptr(s->config.mem, gpa & ~(LINE * sizeof(*guest) - 1),
				       LINE * sizeof(*guest));
	for (unsigned n = 0; guest && n < LINE; n++)
		if (n != i % LINE && (__atomic_load_n(&guest[n], __ATOMIC_RELAXED) & need) == need)
			return true;
	return false;
}

/* Whether the split frame under entry i still says what the guest's page says. */
static bool split_holds(const struct shadow *s, uint32_t f, unsigned i,
			const struct guest_page *page)
{
	const struct frame *child = &s->frame[frame_of(s, want(s, f, i))];
	struct guest_page part = *page;

	if (child->kind != FRAME_SPLIT)
		return false;
	part.gpa += entry_gva(s, f, i) & ((UINT64_C(1) << page->shift) - 1);
	return same_page(&child->page, &part);
}

static void renew_page(struct shadow *s, uint32_t f, unsigned i, const struct guest_page *page)
{
	uint64_t old = want(s, f, i), leaf = leaf_for(s, f, i, page);

	if (leaf)
		entry_leaf(s, f, i, leaf);
	else if (is_leaf(old, s->frame[f].level) || !old || !split_holds(s, f, i, page))
		entry_clear(s, f, i);
}

static void renew_table(struct shadow *s, uint32_t f, unsigned i, uint64_t entry)
{
	struct frame key = table_key(s, f, i, entry);
	uint64_t old = want(s, f, i);
	uint32_t child = frame_find(s, &key);

	if (child == NONE)
		entry_clear(s, f, i);
	else if (is_leaf(old, s->frame[f].level) || !old || frame_of(s, old) != child)
		entry_link(s, f, i, child);
}

void entry_renew(struct shadow *s, uint32_t f, unsigned i)
{
	const struct frame *frame = &s->frame[f];
	const struct walk_context *ctx = &s->mode[frame->mode].ctx;
	enum guest_entry kind = GUEST_ABSENT;
	struct guest_page page;
	uint64_t entry;

	if (!is_usable(s, f, i))
		return;
	if (guest_entry_read(s, ctx, guest_entry_gpa(s, f, i), &entry))
		kind = guest_entry_decode(ctx, frame->level, entry, frame->rights, &page);
	switch (kind) {
	case GUEST_ABSENT: entry_clear(s, f, i); break;
	case GUEST_PAGE: renew_page(s, f, i, &page); break;
	case GUEST_TABLE: renew_table(s, f, i, entry); break;
	}
}
