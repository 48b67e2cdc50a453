/* SPDX-License-Identifier: MIT */
/*
 * What a trap has changed becomes mail: stores to shadow tables, flushes, another root, other bases
 * of FS and GS. The monitor does it inside the VM before the guest goes on.
 */
#include "vcpu/deprivileged/deprivileged.h"
#include "x86.h"

static void post(struct deprivileged *d, uint64_t kind, uint64_t where, uint64_t value)
{
	struct monitor_mail *mail = area_mail(&d->area);

	mail->list[mail->count++] =
		(struct monitor_entry){.kind = kind, .where = where, .value = value};
}

/* Hands the shadow's mail over. The list has room for all of it, and for what settle() adds. */
static void post_box(struct deprivileged *d)
{
	for (unsigned i = 0; i < d->box.count; i++) {
		const struct mail *m = &d->box.mail[i];

		switch (m->kind) {
		case MAIL_STORE:
			post(d, MONITOR_STORE, area_gva(&d->area, m->where), m->value);
			break;
		case MAIL_ZERO:
			post(d, MONITOR_ZERO, area_gva(&d->area, m->where), m->value);
			break;
		case MAIL_INVLPG: post(d, MONITOR_INVLPG, m->where, 0); break;
		case MAIL_FLUSH_ALL: post(d, MONITOR_CR3, 0, d->root); break;
		}
	}
	d->box.count = 0;
	area_mail(&d->area)->again = shadow_pending(d->shadow);
}

void deprivileged_settle(struct deprivileged *d)
{
	gpa_t root = shadow_root(d->shadow, &d->ctx, deprivileged_view(d), &d->box);

	post_box(d);
	if (root != d->root) {
		post(d, MONITOR_CR3, 0, root);
		d->root = root;
	}
	if (deprivileged_cr4(d) != d->cr4) {
		d->cr4 = deprivileged_cr4(d);
		post(d, MONITOR_CR4, 0, d->cr4);
	}
	if (d->cpu.segment[VIRTUAL_FS].base != d->fs_base) {
		d->fs_base = d->cpu.segment[VIRTUAL_FS].base;
		post(d, MONITOR_WRMSR, MSR_FS_BASE, d->fs_base);
	}
	if (d->cpu.segment[VIRTUAL_GS].base != d->gs_base) {
		d->gs_base = d->cpu.segment[VIRTUAL_GS].base;
		post(d, MONITOR_WRMSR, MSR_GS_BASE, d->gs_base);
	}
	if (d->set_tsc_aux) {
		d->set_tsc_aux = false;
		post(d, MONITOR_WRMSR, MSR_TSC_AUX, d->cpu.tsc_aux);
	}
}
