/* SPDX-License-Identifier: MIT */
/* Running a guest up to a point. */
#include "vcpu/stop_at.h"

#include "vcpu/emulate/emulate.h"
#include "vcpu/translate.h"
#include "vcpu/vcpu.h"
#include "x86.h"

#define HLT 0xf4

void stop_at_mark(struct vcpu *v, uint64_t n)
{
	v->stop_at = (struct stop_at){.kind = STOP_MARK, .left = n};
}

void stop_at_fault(struct vcpu *v, uint64_t n)
{
	v->stop_at = (struct stop_at){.kind = STOP_FAULT, .left = n};
}

int stop_at_address(struct vcpu *v, gva_t gva, gpa_t gpa)
{
	const uint8_t hlt = HLT;
	struct stop_at at = {.kind = STOP_ADDRESS, .gva = gva, .gpa = gpa};
	int code;

	pthread_rwlock_rdlock(&v->mem->lock);
	code = gmem_read(v->mem, gpa, &at.byte, sizeof(at.byte));
	if (!code)
		code = gmem_write(v->mem, gpa, &hlt, sizeof(hlt));
	pthread_rwlock_unlock(&v->mem->lock);
	if (!code)
		v->stop_at = at;
	return code;
}

/* The run ends at the top of the vCPU's loop, when all of this exit is done. */
static void reach(struct vcpu *v)
{
	v->stop_at.reached = true;
	atomic_store(&v->stop, true);
}

static bool is_due(struct vcpu *v, enum stop_kind kind)
{
	struct stop_at *at = &v->stop_at;

	return at->kind == kind && !at->reached && --at->left == 0;
}

void stop_see_mark(struct vcpu *v)
{
	if (is_due(v, STOP_MARK))
		reach(v);
}

bool stop_see_exception(struct vcpu *v, const struct exception *x)
{
	if (x->vector != VECTOR_PF || !is_due(v, STOP_FAULT))
		return false;
	v->stop_at.fault = (struct walk_query){
		.gva = x->cr2,
		.access = x->error & PF_ERR_FETCH   ? WALK_FETCH
			  : x->error & PF_ERR_WRITE ? WALK_WRITE
						    : WALK_READ,
		.privilege = x->error & PF_ERR_USER ? WALK_USER : WALK_SUPERVISOR,
	};
	reach(v);
	return true;
}

/* Puts the byte back where the instruction is now, and where it was: the guest may have copied its
 * text. The caller holds the memory's lock. */
static void put_back(struct vcpu *v, const struct walk_context *ctx)
{
	const struct stop_at *at = &v->stop_at;
	struct walk_result r;
	uint8_t now = 0;

	gmem_write(v->mem, at->gpa, &at->byte, sizeof(at->byte));
	if (translate(v, ctx, at->gva, WALK_FETCH, &r, NULL) == WALK_OK &&
	    gmem_read(v->mem, r.gpa, &now, sizeof(now)) == 0 && now == HLT)
		gmem_write(v->mem, r.gpa, &at->byte, sizeof(at->byte));
}

bool stop_see_halt(struct vcpu *v, gva_t rip, const struct walk_context *ctx)
{
	struct walk_context own;

	if (v->stop_at.kind != STOP_ADDRESS || v->stop_at.reached || rip != v->stop_at.gva)
		return false;
	if (!ctx) {
		translate_init(&own, v, vcpu_sregs(v));
		ctx = &own;
	}
	pthread_rwlock_rdlock(&v->mem->lock);
	put_back(v, ctx);
	pthread_rwlock_unlock(&v->mem->lock);
	reach(v);
	return true;
}
