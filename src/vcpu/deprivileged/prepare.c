/* SPDX-License-Identifier: MIT */
/* Makes what shadow mode needs, when it is first asked for: the VMM area and the shadow. */
#include "error.h"
#include "vcpu/deprivileged/deprivileged.h"
#include "vcpu/mode.h"

#include <stdlib.h>

static int create(struct deprivileged *d, struct vcpu *v, struct pn_error *err)
{
	const struct shadow_plan *plan = &v->plan;
	struct shadow_config config = {
		.mem = v->mem,
		.strategy = plan->strategy,
		.monitor_slot = MONITOR_SLOT,
		.nx = true,
		.has_1g = v->facts.has_1g,
		.levels = plan->levels,
	};
	/* Where ring 0 is interpreted, the monitor's instructions are dearer than anything else. */
	int code = area_create(&d->area, plan->vm, v->mem->gpa_limit, plan->pool_size, plan->levels,
			       plan->interpreted, err);

	if (code)
		return code;
	config.pool_gpa = area_pool_gpa(&d->area);
	config.pool = area_pool(&d->area);
	config.pool_frames = area_pool_frames(&d->area);
	config.monitor_entry = area_root_entry(&d->area);
	d->shadow = shadow_create(&config);
	if (d->shadow)
		return PN_OK;
	area_destroy(&d->area);
	return pn_fail(err, PN_ERR_NOMEM, "out of memory for shadow tables");
}

/* The VMM area takes the top of guest-physical space; a slot may have been mapped there. */
static bool is_free(const struct vcpu *v)
{
	const struct gmem *mem = v->mem;
	const struct gmem_slot *last = mem->count ? &mem->slot[mem->count - 1] : NULL;

	return !last || last->gpa + last->size <= area_floor_for(mem->gpa_limit, v->plan.pool_size);
}

int deprivileged_prepare(struct vcpu *v, struct pn_error *err)
{
	struct deprivileged *d;
	int code;

	if (v->deprivileged)
		return PN_OK;
	d = calloc(1, sizeof(*d));
	if (!d)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	d->vcpu = v;
	d->iopl_works = true;
	d->has_umip = deprivileged_has_umip(v);
	pthread_rwlock_wrlock(&v->mem->lock);
	if (is_free(v))
		code = create(d, v, err);
	else
		code = pn_fail(err, PN_ERR_OVERLAP,
			       "a memory slot lies at the top of guest-physical space, where the "
			       "VMM area must be; unmap it");
	if (!code)
		v->mem->gpa_limit = area_floor_for(v->mem->gpa_limit, v->plan.pool_size);
	pthread_rwlock_unlock(&v->mem->lock);
	if (code) {
		free(d);
		return code;
	}
	v->deprivileged = d;
	return PN_OK;
}

void deprivileged_destroy(struct deprivileged *d)
{
	if (!d)
		return;
	shadow_destroy(d->shadow);
	area_destroy(&d->area);
	free(d);
}
