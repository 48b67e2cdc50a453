/* SPDX-License-Identifier: MIT */
/*
 * The walk itself, in three parts: pass() goes down the tables once and records each entry;
 * check_rights() holds what the entries grant together against what the access demands; set_ad()
 * writes the accessed and dirty flags back, and tells when the tables changed meanwhile, so that
 * walk() starts over. The masks that decide are made in walk_context.c.
 */
#include "memory/walk.h"

#include "x86.h"

/*
 * Rights are the AND of the entries, with NX turned over so that 1 grants in every bit:
 * PTE_WRITE, PTE_USER, and PTE_NX standing for "executable". A is along for set_ad().
 */
static uint64_t rights_of(const struct walk_level *lv, uint64_t entry)
{
	return (entry | lv->implied) ^ PTE_NX;
}

static enum walk_outcome fault(struct walk_result *r, enum walk_cause cause, uint32_t error_code)
{
	r->cause = cause;
	r->error_code = error_code;
	return r->outcome = WALK_FAULT;
}

/* Lays a missing right at the door of the first level that withholds it. */
static void blame(const struct walk_context *ctx, const struct walk_path *path, uint64_t right,
		  struct walk_result *r)
{
	const struct walk_step *s = path->step;

	while (rights_of(&ctx->level[s->level], s->entry) & right)
		s++;
	r->level = s->level;
	r->entry = s->gpa;
}

/* Whether the translation, found in full, allows the access. SDM 4.6; the error code is 4.7's. */
static enum walk_outcome check_rights(const struct walk_context *ctx, const struct walk_query *q,
				      const struct walk_path *path, uint64_t rights,
				      struct walk_result *r)
{
	const struct walk_demand *need = &ctx->demand[q->privilege][q->access];
	uint64_t missing = need->must & ~rights;
	bool unwanted_user = need->must_not & rights;
	/* Keys guard user pages only, and PKRU counts even if something else forbids the access. */
	bool pkey = rights & PTE_USER && ctx->pkru >> 2 * r->pkey & need->pkey;
	uint32_t error_code = need->error_code | (pkey ? PF_ERR_PKEY : 0);

	if (__builtin_expect(!missing && !unwanted_user && !pkey, 1))
		return r->outcome = WALK_OK;
	if (missing & PTE_USER) {
		blame(ctx, path, PTE_USER, r);
		return fault(r, WALK_CAUSE_SUPERVISOR_PAGE, error_code);
	}
	if (unwanted_user)
		return fault(r, q->access == WALK_FETCH ? WALK_CAUSE_SMEP : WALK_CAUSE_SMAP,
			     error_code);
	if (missing & PTE_WRITE) {
		blame(ctx, path, PTE_WRITE, r);
		return fault(r, WALK_CAUSE_READ_ONLY, error_code);
	}
	if (missing & PTE_NX) {
		blame(ctx, path, PTE_NX, r);
		return fault(r, WALK_CAUSE_NO_EXECUTE, error_code);
	}
	return fault(r, WALK_CAUSE_PKEY, error_code);
}

/* CR0.PG is clear: the address is the GPA and nothing is forbidden. */
static enum walk_outcome identity(gva_t gva, struct walk_result *r)
{
	*r = (struct walk_result){
		.outcome = WALK_OK,
		.gpa = gva,
		.shift = PAGE_SHIFT,
		.writable = true,
		.user = true,
		.dirty = true,
	};
	return WALK_OK;
}

/* The entry for `gva` in the table at `table`: a step with everything but the level's verdict.
 * False if it is in no slot. */
static inline bool read_entry(const struct gmem *mem, const struct walk_context *ctx, gpa_t table,
			      gva_t gva, unsigned level, struct walk_step *s)
{
	const struct walk_level *lv = &ctx->level[level];
	uint64_t offset = gva >> lv->offset_shift & lv->offset_mask;
	unsigned entry_shift = ctx->format->entry_shift;
	const void *hva;

	s->gpa = table | offset;
	s->index = (uint16_t)(offset >> entry_shift);
	s->level = (uint8_t)level;
	s->in_register = ctx->pdptrs_valid && level == 3;
	if (__builtin_expect(s->in_register, 0)) {
		s->entry = ctx->pdptr[s->index];
		return true;
	}
	hva = gmem_ptr(mem, s->gpa, UINT64_C(1) << entry_shift);
	if (!hva)
		return false;
	/* Relaxed: what is read next is found through this value. */
	if (__builtin_expect(entry_shift == 2, 0))
		s->entry = __atomic_load_n((const uint32_t *)hva, __ATOMIC_RELAXED);
	else
		s->entry = __atomic_load_n((const uint64_t *)hva, __ATOMIC_RELAXED);
	return true;
}

static inline void describe_page(const struct walk_context *ctx, gva_t gva, uint64_t rights,
				 const struct walk_step *leaf, struct walk_result *r)
{
	const struct walk_level *lv = &ctx->level[leaf->level];
	uint64_t e = leaf->entry;
	bool large = leaf->level > 1;

	r->shift = lv->shift;
	r->gpa = (e & lv->page) | (large ? (e & lv->pse36) << PT_PSE36_SHIFT : 0) |
		 (gva & ~(UINT64_MAX << lv->shift));
	r->writable = rights & PTE_WRITE;
	r->user = rights & PTE_USER;
	r->nx = !(rights & PTE_NX);
	r->global = e & ctx->global;
	r->dirty = e & PTE_DIRTY;
	r->pkey = (uint8_t)((e & ctx->pkey) >> PTE_PKEY_SHIFT);
	r->pat = (uint8_t)((e & PTE_PWT ? 1 : 0) | (e & PTE_PCD ? 2 : 0) |
			   (e & (large ? PTE_PAT_LARGE : PTE_PAT) ? 4 : 0));
}

/*
 * Down the tables once. The order of the checks is the processor's: at each level first P, then
 * reserved bits; rights only when the whole way is known (SDM 4.7). `*complete` tells whether
 * every entry has A, and the leaf D if this is a write.
 */
static inline enum walk_outcome pass(const struct gmem *mem, const struct walk_context *ctx,
				     const struct walk_query *q, gva_t gva, struct walk_result *r,
				     struct walk_path *path, bool *complete)
{
	uint32_t error_code = ctx->demand[q->privilege][q->access].error_code;
	uint64_t rights = UINT64_MAX;
	gpa_t table = ctx->root;
	struct walk_step *s = path->step;
	unsigned level = ctx->format->levels;
	const struct walk_level *lv;
	bool leaf;

	*r = (struct walk_result){0};
	path->count = 0;
	for (;; level--, s++) {
		bool readable = read_entry(mem, ctx, table, gva, level, s);

		r->level = (uint8_t)level;
		r->entry = s->gpa;
		if (!readable)
			return r->outcome = WALK_NO_MEMORY;
		path->count++;
		if (!(s->entry & PTE_PRESENT))
			return fault(r, WALK_CAUSE_NOT_PRESENT, error_code & ~PF_ERR_PRESENT);
		lv = &ctx->level[level];
		leaf = s->entry & lv->leaf;
		r->reserved = s->entry & lv->reserved[leaf];
		if (r->reserved)
			return fault(r, WALK_CAUSE_RESERVED_BIT, error_code | PF_ERR_RESERVED);
		rights &= rights_of(lv, s->entry);
		if (leaf)
			break;
		table = s->entry & ctx->address;
	}
	*complete = rights & PTE_ACCESSED && (q->access != WALK_WRITE || s->entry & PTE_DIRTY);
	describe_page(ctx, gva, rights, s, r);
	return check_rights(ctx, q, path, rights, r);
}

/* Adds `flags` to an entry in guest memory. False if it is no longer the entry that was read. */
static bool add_flags(const struct gmem *mem, unsigned entry_shift, struct walk_step *s,
		      uint64_t flags)
{
	uint64_t wanted = s->entry | flags;
	const struct gmem_slot *slot;
	void *hva;
	bool same;

	if (wanted == s->entry)
		return true;
	slot = gmem_find(mem, s->gpa);
	/* A table in ROM: the access goes on without the flags. */
	if (slot->readonly)
		return true;
	hva = slot->hva + (s->gpa - slot->gpa);
	if (entry_shift == 2) {
		uint32_t seen = (uint32_t)s->entry;

		same = __atomic_compare_exchange_n((uint32_t *)hva, &seen, (uint32_t)wanted, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	} else {
		uint64_t seen = s->entry;

		same = __atomic_compare_exchange_n((uint64_t *)hva, &seen, wanted, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	}
	if (same)
		s->entry = wanted;
	return same;
}

/* Sets A in every entry of the path and D in the leaf of a write (SDM 4.8). False if an entry
 * changed since it was read; what a changed table says must be found out anew. */
static bool set_ad(const struct gmem *mem, const struct walk_context *ctx,
		   const struct walk_query *q, struct walk_path *path)
{
	for (unsigned i = 0; i < path->count; i++) {
		struct walk_step *s = &path->step[i];
		uint64_t flags = PTE_ACCESSED & ~ctx->level[s->level].implied;

		if (q->access == WALK_WRITE && i == path->count - 1)
			flags |= PTE_DIRTY;
		if (!add_flags(mem, ctx->format->entry_shift, s, flags))
			return false;
	}
	return true;
}

enum walk_outcome walk(const struct gmem *mem, const struct walk_context *ctx,
		       const struct walk_query *q, struct walk_result *r, struct walk_path *path)
{
	gva_t gva = q->gva & ctx->gva_mask;
	struct walk_path own;
	bool complete;

	if (!path)
		path = &own;
	path->count = 0;
	if (__builtin_expect(!ctx->format, 0))
		return identity(gva, r);
	if (__builtin_expect(gva + ctx->canonical_bias > ctx->canonical_mask, 0)) {
		*r = (struct walk_result){.outcome = WALK_NONCANONICAL};
		return WALK_NONCANONICAL;
	}
	while (pass(mem, ctx, q, gva, r, path, &complete) == WALK_OK && q->set_ad) {
		if (complete || set_ad(mem, ctx, q, path)) {
			r->dirty |= q->access == WALK_WRITE;
			break;
		}
	}
	return r->outcome;
}
