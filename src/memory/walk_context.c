/* SPDX-License-Identifier: MIT */
/*
 * From registers to masks: which bits are reserved, which entries map pages, and what each kind of
 * access demands. All of it is worked out here so that walk() itself decides nothing but "is one of
 * these bits set".
 */
#include "memory/walk.h"
#include "x86.h"

#include <assert.h>
#include <string.h>

/* Intel SDM vol. 3, 4.3 to 4.5: tables of the entries' formats, and "reserved bits" in 4.7. */
static void init_level(struct walk_context *ctx, const struct walk_regs *regs, unsigned level)
{
	const struct pt_format *f = ctx->format;
	const struct pt_level *l = &f->level[level];
	struct walk_level *w = &ctx->level[level];
	uint64_t beyond = UINT64_MAX << regs->maxphyaddr;
	uint64_t reserved = f->address & beyond;

	if (f->nx && !(regs->efer & EFER_NXE))
		reserved |= PTE_NX;
	if (regs->amd && level >= 4)
		reserved |= PTE_GLOBAL;

	/* Above level 1 an entry maps a page if PS is set where that means something. At level 1
	 * every present entry does. */
	if (level == 1)
		w->leaf = PTE_PRESENT;
	else if (l->large == PT_LARGE_ALWAYS || (l->large == PT_LARGE_1G && regs->has_1g) ||
		 (l->large == PT_LARGE_PSE && regs->cr4 & CR4_PSE))
		w->leaf = PTE_PS;
	else if (l->large == PT_LARGE_1G)
		reserved |= PTE_PS;

	w->reserved[0] = reserved | l->reserved;
	w->reserved[1] = reserved | (level == 1 ? l->reserved : l->reserved_large);
	/* PSE-36: the same rule of MAXPHYADDR, for address bits in another place. */
	w->reserved[1] |= l->pse36 & beyond >> PT_PSE36_SHIFT;

	w->implied = l->implied;
	w->page = f->address & UINT64_MAX << l->shift;
	w->pse36 = l->pse36;
	w->shift = l->shift;
	w->offset_shift = (uint8_t)(l->shift - f->entry_shift);
	w->offset_mask = ((UINT64_C(1) << l->index_bits) - 1) << f->entry_shift;
}

/* Intel SDM vol. 3, 4.6.1 (access rights), 4.6.2 (protection keys), 4.7 (error code). */
static void init_demand(struct walk_context *ctx, const struct walk_regs *regs,
			enum walk_privilege privilege, enum walk_access access)
{
	struct walk_demand *d = &ctx->demand[privilege][access];
	bool user = privilege == WALK_USER;
	bool smep = regs->cr4 & CR4_SMEP;
	bool wp = user || regs->cr0 & CR0_WP;

	d->error_code = PF_ERR_PRESENT;
	if (user) {
		d->error_code |= PF_ERR_USER;
		d->must |= PTE_USER;
	}
	switch (access) {
	case WALK_WRITE:
		d->error_code |= PF_ERR_WRITE;
		if (wp)
			d->must |= PTE_WRITE;
		d->pkey = wp ? 3 : 1;
		break;
	case WALK_READ: d->pkey = 1; break;
	case WALK_FETCH:
		if (smep || (ctx->format->nx && regs->efer & EFER_NXE))
			d->error_code |= PF_ERR_FETCH;
		d->must |= PTE_NX;
		break;
	}
	if (user)
		return;
	if (access == WALK_FETCH) {
		if (smep)
			d->must_not = PTE_USER;
	} else if (regs->cr4 & CR4_SMAP &&
		   (privilege == WALK_IMPLICIT || !(regs->rflags & RFLAGS_AC))) {
		d->must_not = PTE_USER;
	}
}

void walk_context_init(struct walk_context *ctx, const struct walk_regs *regs)
{
	const struct pt_format *f = pt_format_select(regs->cr0, regs->cr4, regs->efer);
	uint64_t phys = ~(UINT64_MAX << regs->maxphyaddr);

	assert(regs->maxphyaddr >= 32 && regs->maxphyaddr <= 52);
	memset(ctx, 0, sizeof(*ctx));
	ctx->format = f;
	ctx->gva_mask = f && f->gva_bits > 32 ? UINT64_MAX : UINT32_MAX;
	if (!f)
		return;

	ctx->root = regs->cr3 & f->root & phys;
	ctx->address = f->address & phys;
	/* Canonical: adding half the space brings both halves together at the bottom. */
	ctx->canonical_mask = (UINT64_C(1) << f->gva_bits) - 1;
	if (f->gva_bits > 32)
		ctx->canonical_bias = UINT64_C(1) << (f->gva_bits - 1);
	if (regs->cr4 & CR4_PGE)
		ctx->global = PTE_GLOBAL;
	if (f->pkey && regs->cr4 & CR4_PKE) {
		ctx->pkey = PTE_PKEY;
		ctx->pkru = regs->pkru;
	}
	if (f == &pt_format_pae && regs->pdptrs_valid) {
		ctx->pdptrs_valid = true;
		memcpy(ctx->pdptr, regs->pdptr, sizeof(ctx->pdptr));
	}

	for (unsigned level = 1; level <= f->levels; level++)
		init_level(ctx, regs, level);
	for (int p = WALK_USER; p <= WALK_IMPLICIT; p++)
		for (int a = WALK_READ; a <= WALK_FETCH; a++)
			init_demand(ctx, regs, (enum walk_privilege)p, (enum walk_access)a);
}
