/* SPDX-License-Identifier: MIT */
/*
 * The guest's registers on their way between ring 3 and the virtual CPU. General registers, RIP and
 * RSP are the same; RFLAGS is not:
 *
 *   IF, IOPL   with IOPL = 3 a deprivileged kernel can do CLI, STI, PUSHF and POPF by itself, and
 *              IN and OUT. The real IF is the guest's own then. Not every host honours it: a trap's
 *              frame tells, and where it does not, IF stays set and CLI and STI trap.
 *   AC         below CPL 3 it is SMAP's, and POPF changes it without a trap: the real one is kept
 *              equal to the virtual one. CR0.AM is never set, so it checks no alignment.
 */
#include "vcpu/deprivileged/deprivileged.h"
#include "x86.h"

static bool has_iopl(const struct deprivileged *d)
{
	return d->cpu.cpl < 3 || d->cpu.iopl == 3;
}

static void take_flags(struct deprivileged *d, uint64_t real)
{
	if (has_iopl(d)) {
		if ((real & RFLAGS_IOPL) != RFLAGS_IOPL)
			d->iopl_works = false;
		if (d->iopl_works)
			d->cpu.interrupts = real & RFLAGS_IF;
	}
	if (d->cpu.cpl < 3 && d->cpu.ac != !!(real & RFLAGS_AC)) {
		d->cpu.ac = real & RFLAGS_AC;
		deprivileged_update(d);
	}
	d->regs.rflags = (real | RFLAGS_IF) & ~RFLAGS_IOPL;
}

static uint64_t give_flags(const struct deprivileged *d)
{
	uint64_t flags = d->regs.rflags & ~(RFLAGS_IF | RFLAGS_IOPL);

	if (!d->iopl_works || d->cpu.interrupts)
		flags |= RFLAGS_IF;
	if (d->iopl_works && has_iopl(d))
		flags |= RFLAGS_IOPL;
	if (d->cpu.cpl < 3)
		flags = (flags & ~RFLAGS_AC) | (d->cpu.ac ? RFLAGS_AC : 0);
	return flags;
}

void frame_take(struct deprivileged *d, const struct kvm_regs *real,
		const struct monitor_frame *frame)
{
	d->late = NULL;
	d->regs = *real;
	d->regs.rip = frame->rip;
	d->regs.rsp = frame->rsp;
	take_flags(d, frame->rflags);
}

void frame_catch_up(struct deprivileged *d)
{
	struct monitor_frame *frame = d->late;

	if (!frame)
		return;
	frame_take(d, &d->vcpu->run->s.regs.regs, frame);
	d->regs.rax = frame->vector;
}

void frame_take_running(struct deprivileged *d, const struct kvm_regs *real)
{
	d->late = NULL;
	d->regs = *real;
	take_flags(d, real->rflags);
}

void frame_give(struct deprivileged *d, struct monitor_frame *frame)
{
	d->given_flags = give_flags(d);
	frame->vector = d->regs.rax;
	frame->rip = d->regs.rip;
	frame->cs = MONITOR_USER_CS;
	frame->rflags = d->given_flags;
	frame->rsp = d->regs.rsp;
	frame->ss = MONITOR_USER_DS;
}

/* WRFSBASE and WRGSBASE do not trap; a load of a null selector may clear a base, too. */
void frame_take_bases(struct deprivileged *d)
{
	const struct kvm_sregs *s = vcpu_sregs(d->vcpu);

	if (s->fs.base != d->real.fs_base)
		d->cpu.segment[VIRTUAL_FS].base = d->real.fs_base = s->fs.base;
	if (s->gs.base != d->real.gs_base)
		d->cpu.segment[VIRTUAL_GS].base = d->real.gs_base = s->gs.base;
}

/*
 * The bases come with the special registers, and so does CR2 where the monitor leaves it there. No
 * trap needs anything else of them. A kernel without CR4.FSGSBASE can change a base in silence only
 * by loading a null selector, on some processors: that is not worth a third of the instructions of
 * a trap.
 */
uint64_t frame_wanted_regs(const struct deprivileged *d)
{
	bool some = d->cpu.cr4 & CR4_FSGSBASE || d->area.cr2_comes;

	return some ? d->vcpu->host_regs : KVM_SYNC_X86_REGS;
}
