/* SPDX-License-Identifier: MIT */
/*
 * MOV from CR2, which every #PF handler does once and which traps in ring 3. The first time it is
 * emulated as all others are; the monitor is then told where it stands, and does it from there on
 * without an exit, as long as the text at that place stays what it was and the guest is at its CPL 0.
 * One place is known at a time: a kernel has one handler.
 */
#include "vcpu/deprivileged/deprivileged.h"

#include <string.h>

/* The first four bytes at a GVA of code, read without a trace in the guest's tables. */
static bool read_text(const struct deprivileged *d, gva_t gva, uint32_t *text)
{
	struct walk_query query = {.access = WALK_FETCH, .privilege = WALK_SUPERVISOR};
	uint8_t bytes[sizeof(*text)] = {0};
	struct walk_result r;

	for (unsigned i = 0; i < sizeof(bytes); i++) {
		query.gva = gva + i;
		if (walk(d->vcpu->mem, &d->ctx, &query, &r, NULL) != WALK_OK ||
		    gmem_read(d->vcpu->mem, r.gpa, &bytes[i], 1))
			return false;
	}
	memcpy(text, bytes, sizeof(bytes));
	return true;
}

void cr2_learn(struct deprivileged *d, gva_t site, unsigned to)
{
	struct monitor_mail *mail = area_mail(&d->area);

	d->cr2_site = MONITOR_NO_SITE;
	if (!read_text(d, site, &mail->cr2_text))
		return;
	d->cr2_site = site;
	mail->cr2_next = d->regs.rip;
	mail->cr2_to = area_cr2_code(&d->area, to);
}

void cr2_settle(struct deprivileged *d)
{
	struct monitor_mail *mail = area_mail(&d->area);

	mail->cr2 = d->cpu.cr2;
	mail->cr2_site = d->cpu.cpl == 0 ? d->cr2_site : MONITOR_NO_SITE;
}

/*
 * Four bytes may reach into a page that the shadow does not have, though the instruction does not.
 * Then the #GP that the monitor was looking into is handed over after all.
 */
struct monitor_frame *cr2_peek_failed(struct deprivileged *d)
{
	struct monitor_frame *outer = area_entry_frame(&d->area);
	struct kvm_run *run = d->vcpu->run;
	const struct monitor_frame *inner = area_inner_frame(&d->area, run->s.regs.regs.rsp);

	if (!inner || inner->cs != MONITOR_CS || inner->rip != area_peek(&d->area))
		return NULL;
	/* As the stub leaves it that does not look; the monitor is started afresh. */
	run->s.regs.regs.rax = outer->vector;
	outer->vector = VECTOR_GP;
	area_regs(&d->area, &run->s.regs.regs);
	run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	run->io.port = MONITOR_PORT;
	return outer;
}
