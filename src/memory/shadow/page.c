/* SPDX-License-Identifier: MIT */
/*
 * What one guest entry means, and the shadow entry that grants as much of it as its view may have.
 * walk() remains the statement of what paging is: fill-around reads entries by the hundred and so
 * decodes them here, with walk()'s own masks, and shadow_audit() holds the result against walk().
 */
#include "memory/shadow/private.h"

bool guest_entry_read(const struct shadow *s, const struct walk_context *ctx, gpa_t gpa,
		      uint64_t *entry)
{
	unsigned shift = ctx->format->entry_shift;
	const void *hva = gmem_ptr(s->config.mem, gpa, UINT64_C(1) << shift);

	if (!hva)
		return false;
	*entry = shift == 2 ? __atomic_load_n((const uint32_t *)hva, __ATOMIC_RELAXED)
			    : __atomic_load_n((const uint64_t *)hva, __ATOMIC_RELAXED);
	return true;
}

uint64_t guest_rights(const struct walk_context *ctx, unsigned level, uint64_t entry)
{
	return ((entry | ctx->level[level].implied) ^ PTE_NX) & RIGHTS;
}

enum guest_entry guest_entry_decode(const struct walk_context *ctx, unsigned level, uint64_t entry,
				    uint64_t rights, struct guest_page *page)
{
	const struct walk_level *lv = &ctx->level[level];
	bool leaf = entry & lv->leaf, large = level > 1;

	if (!(entry & PTE_PRESENT) || entry & lv->reserved[leaf] ||
	    !((entry | lv->implied) & PTE_ACCESSED))
		return GUEST_ABSENT;
	if (!leaf)
		return GUEST_TABLE;
	*page = (struct guest_page){
		.gpa = (entry & lv->page) | (large ? (entry & lv->pse36) << PT_PSE36_SHIFT : 0),
		.rights = rights & guest_rights(ctx, level, entry),
		.shift = lv->shift,
		.pkey = (uint8_t)((entry & ctx->pkey) >> PTE_PKEY_SHIFT),
		.pat = (uint8_t)((entry & PTE_PWT ? 1 : 0) | (entry & PTE_PCD ? 2 : 0) |
				 (entry & (large ? PTE_PAT_LARGE : PTE_PAT) ? 4 : 0)),
		.dirty = entry & PTE_DIRTY,
		.global = entry & ctx->global,
	};
	return GUEST_PAGE;
}

/* The rights a view has to a page, as PTE_WRITE and PTE_NX (1 grants); false if none at all. */
static bool view_rights(const struct shadow_mode *mode, unsigned view,
			const struct guest_page *page, uint64_t *rights)
{
	bool user = page->rights & PTE_USER;
	unsigned key = user ? mode->ctx.pkru >> 2 * page->pkey & 3 : 0;

	*rights = page->rights & (PTE_WRITE | PTE_NX);
	if (key & 1)
		return false;
	if (view == SHADOW_USER) {
		if (key & 2)
			*rights &= ~PTE_WRITE;
		return user;
	}
	if (user && mode->smap && view == SHADOW_KERNEL)
		return false;
	if (user && mode->smep)
		*rights &= ~PTE_NX;
	if (!mode->wp)
		*rights |= PTE_WRITE;
	else if (key & 2)
		*rights &= ~PTE_WRITE;
	return true;
}

uint64_t page_entry(const struct shadow *s, unsigned mode, unsigned view,
		    const struct guest_page *page, gpa_t gpa, unsigned level)
{
	const struct gmem *mem = s->config.mem;
	const struct gmem_slot *slot;
	uint64_t size = UINT64_C(1) << shift_of(level), rights;
	uint64_t entry = gpa | PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;

	if (!view_rights(&s->mode[mode], view, page, &rights))
		return 0;
	slot = gmem_find(mem, gpa);
	if (!slot || size > slot->size - (gpa - slot->gpa))
		return 0;
	if (level > 1) {
		if (page->shift < shift_of(level) || level > 3 ||
		    (level == 3 && !s->config.has_1g) || gpa & (size - 1) ||
		    tables_within(s, gpa, level))
			return 0;
		entry |= PTE_PS | (page->pat & 4 ? PTE_PAT_LARGE : 0);
	} else {
		entry |= page->pat & 4 ? PTE_PAT : 0;
	}
	entry |= (page->pat & 1 ? PTE_PWT : 0) | (page->pat & 2 ? PTE_PCD : 0);
	entry |= page->global ? SPTE_GLOBAL : 0;
	if (!(rights & PTE_NX) && s->config.nx)
		entry |= PTE_NX;
	if (rights & PTE_WRITE && page->dirty && !slot->readonly &&
	    (level > 1 || !table_is_in_step(s, gpa)))
		entry |= PTE_WRITE;
	return entry;
}
