/* SPDX-License-Identifier: MIT */
/* The vCPU's view of guest memory, from the host. */
#include "vcpu/translate.h"

#include "vcpu/deprivileged/deprivileged.h"
#include "vcpu/mode.h"
#include "x86.h"

void translate_init(struct walk_context *ctx, const struct vcpu *v, const struct kvm_sregs *sregs)
{
	const struct walk_regs regs = {
		.cr0 = sregs->cr0,
		.cr3 = sregs->cr3,
		.cr4 = sregs->cr4,
		.efer = sregs->efer,
		.rflags = RFLAGS_AC, /* the host asks on behalf of the kernel, SMAP or not */
		.maxphyaddr = (uint8_t)v->facts.maxphyaddr,
		.has_1g = v->facts.has_1g,
		.amd = v->facts.amd,
	};

	walk_context_init(ctx, &regs);
}

enum walk_outcome translate(const struct vcpu *v, const struct walk_context *ctx, gva_t gva,
			    enum walk_access access, struct walk_result *result,
			    struct walk_path *path)
{
	const struct walk_query query = {
		.gva = gva, .access = access, .privilege = WALK_SUPERVISOR};

	return walk(v->mem, ctx, &query, result, path);
}

/* The part of [gva, gva + len) that lies in one page, and its GPA. */
static int piece(const struct vcpu *v, const struct walk_context *ctx, gva_t gva, size_t len,
		 enum walk_access access, gpa_t *gpa, size_t *part)
{
	const struct walk_query query = {
		.gva = gva, .access = access, .privilege = WALK_SUPERVISOR, .set_ad = true};
	struct walk_result r;
	size_t room = PAGE_SIZE - (gva & (PAGE_SIZE - 1));

	if (walk(v->mem, ctx, &query, &r, NULL) != WALK_OK)
		return PN_ERR_NOT_MAPPED;
	*gpa = r.gpa;
	*part = len < room ? len : room;
	return PN_OK;
}

int translate_read(const struct vcpu *v, const struct walk_context *ctx, gva_t gva, void *to,
		   size_t len)
{
	uint8_t *out = to;
	size_t part;
	gpa_t gpa;

	for (; len; gva += part, out += part, len -= part)
		if (piece(v, ctx, gva, len, WALK_READ, &gpa, &part) ||
		    gmem_read(v->mem, gpa, out, part))
			return PN_ERR_NOT_MAPPED;
	return PN_OK;
}

int translate_write(const struct vcpu *v, const struct walk_context *ctx, gva_t gva,
		    const void *from, size_t len)
{
	const uint8_t *in = from;
	size_t part;
	gpa_t gpa;

	for (; len; gva += part, in += part, len -= part) {
		if (piece(v, ctx, gva, len, WALK_WRITE, &gpa, &part) ||
		    gmem_write(v->mem, gpa, in, part))
			return PN_ERR_NOT_MAPPED;
		/* It may be one of the guest's tables. */
		if (mode_of(v) == &mmu_shadow)
			shadow_guest_pt_write(v->deprivileged->shadow, gpa, (unsigned)part,
					      &v->deprivileged->box);
	}
	return PN_OK;
}
