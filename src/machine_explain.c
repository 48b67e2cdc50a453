/* SPDX-License-Identifier: MIT */
/* One translation of a machine's guest, explained: whose registers, whose tables. */
#include "machine.h"

#include "error.h"
#include "kvm/vendor.h"
#include "memory/boot_tables.h"
#include "x86.h"

#include <string.h>

/* hw mode: the registers that the vCPU has, RFLAGS.AC and PKRU included. */
static void take_hw(const struct pn_machine *m, struct explanation *x)
{
	const struct vcpu *v = &m->vcpu;
	struct vcpu_registers now = mode_of(v)->registers(v);
	struct walk_regs regs = {
		.cr0 = now.sregs.cr0,
		.cr3 = now.sregs.cr3,
		.cr4 = now.sregs.cr4,
		.efer = now.sregs.efer,
		.rflags = now.regs.rflags,
		.maxphyaddr = (uint8_t)v->facts.maxphyaddr,
		.has_1g = v->facts.has_1g,
		.amd = v->facts.amd,
	};

	state_get_pkru(v, &regs.pkru, NULL);
	walk_context_init(&x->ctx, &regs);
}

static void take_shadow(struct pn_machine *m, struct explanation *x)
{
	const struct deprivileged *d = m->vcpu.deprivileged;

	x->ctx = *deprivileged_context(m->vcpu.deprivileged);
	if (x->query.privilege == WALK_USER)
		x->view = SHADOW_USER;
	else
		x->view = d->cpu.cr4 & CR4_SMAP && d->cpu.ac ? SHADOW_KERNEL_AC : SHADOW_KERNEL;
}

void machine_explain_prepare(struct pn_machine *m)
{
	if (m->host_levels)
		return;
	m->host_levels = kvm_paging_levels(pn_host_paging(m), m->vcpu.facts.maxphyaddr);
	m->smaps = backing_open();
}

int machine_explain(struct pn_machine *m, const struct walk_query *query, struct explanation *x,
		    struct pn_error *err)
{
	bool shadow = mode_of(&m->vcpu) == &mmu_shadow;

	machine_explain_prepare(m);

	if (vcpu_was_reset(&m->vcpu))
		return pn_fail(err, PN_ERR_STATE,
			       "the guest's registers are lost with its triple fault");
	memset(x, 0, sizeof(*x));
	x->query = *query;
	x->host_levels = m->host_levels;
	x->smaps = m->smaps;
	if (shadow)
		take_shadow(m, x);
	else
		take_hw(m, x);
	pthread_rwlock_rdlock(&m->mem.lock);
	explain_walk(x, &m->mem);
	if (shadow) {
		explain_shadow(x, &m->mem, m->vcpu.deprivileged->shadow);
		x->current = x->shadow.root == m->vcpu.deprivileged->real.root;
	}
	pthread_rwlock_unlock(&m->mem.lock);
	return PN_OK;
}

/* Where the image's code for `gva` was loaded: its tables may come to map it only later. */
static bool find_code(const struct pn_machine *m, gva_t gva, gpa_t *gpa)
{
	for (unsigned i = 0; i < m->image.count; i++) {
		const struct image_segment *s = &m->image.segment[i];

		if (s->executable && gva - s->gva < s->file_size) {
			*gpa = s->gpa + (gva - s->gva);
			return true;
		}
	}
	return false;
}

int machine_stop_at(struct pn_machine *m, gva_t gva, struct pn_error *err)
{
	gpa_t gpa = gva;

	if (!m->loaded || m->vcpu.started_ns)
		return pn_fail(err, PN_ERR_STATE, "the guest is not about to start");
	if ((find_code(m, gva, &gpa) || boot_tables_map(gva, gpa)) &&
	    stop_at_address(&m->vcpu, gva, gpa) == 0)
		return PN_OK;
	return pn_fail(err, PN_ERR_NOT_MAPPED, "GVA 0x%llx is no code of the guest's",
		       (unsigned long long)gva);
}
