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

/* The list has room for all of it, and for what settle() adds. */
void settle_box(struct deprivileged *d)
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
		case MAIL_FLUSH_ALL: post(d, MONITOR_CR3, 0, d->real.root); break;
		}
	}
	d->box.count = 0;
	area_mail(&d->area)->again = d->come_back || shadow_pending(d->shadow);
}

/* A real register that has to become `value`. */
static void follow(struct deprivileged *d, uint64_t *real, uint64_t value, uint64_t kind,
		   uint64_t where)
{
	if (*real == value)
		return;
	*real = value;
	post(d, kind, where, value);
}

void deprivileged_settle_tables(struct deprivileged *d)
{
	gpa_t root = shadow_root(d->shadow, &d->ctx, deprivileged_view(d), &d->box);

	settle_box(d);
	follow(d, &d->real.root, root, MONITOR_CR3, 0);
}

void deprivileged_settle(struct deprivileged *d)
{
	const struct virtual_segment *segment = d->cpu.segment;

	deprivileged_settle_tables(d);
	cr2_settle(d);
	d->vcpu->wanted_regs = frame_wanted_regs(d);
	follow(d, &d->real.cr0, deprivileged_cr0(d), MONITOR_CR0, 0);
	follow(d, &d->real.cr4, deprivileged_cr4(d), MONITOR_CR4, 0);
	follow(d, &d->real.fs_base, segment[VIRTUAL_FS].base, MONITOR_WRMSR, MSR_FS_BASE);
	follow(d, &d->real.gs_base, segment[VIRTUAL_GS].base, MONITOR_WRMSR, MSR_GS_BASE);
	if (d->set_tsc_aux) {
		d->set_tsc_aux = false;
		post(d, MONITOR_WRMSR, MSR_TSC_AUX, d->cpu.tsc_aux);
	}
}
