/* SPDX-License-Identifier: MIT */
/*
 * Into shadow mode and out of it: the vCPU's real state becomes the virtual CPU's, and ring 3 under
 * the monitor takes its place; and back.
 */
#include "error.h"
#include "vcpu/deprivileged/deprivileged.h"
#include "x86.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* The MSRs that the guest and the monitor both need, and where the virtual CPU keeps them. */
struct kept {
	uint32_t index;
	size_t offset; /* in struct virtual_cpu */
};

static const struct kept kept[] = {
	{MSR_STAR, offsetof(struct virtual_cpu, star)},
	{MSR_LSTAR, offsetof(struct virtual_cpu, lstar)},
	{MSR_CSTAR, offsetof(struct virtual_cpu, cstar)},
	{MSR_SFMASK, offsetof(struct virtual_cpu, sfmask)},
	{MSR_KERNEL_GS_BASE, offsetof(struct virtual_cpu, kernel_gs_base)},
	{MSR_PAT, offsetof(struct virtual_cpu, pat)},
};

#define KEPT (sizeof(kept) / sizeof(kept[0]))

union msrs {
	struct kvm_msrs list;
	char room[sizeof(struct kvm_msrs) + KEPT * sizeof(struct kvm_msr_entry)];
};

static uint64_t *place(struct virtual_cpu *cpu, unsigned i)
{
	return (uint64_t *)(void *)((char *)cpu + kept[i].offset);
}

static int get_msrs(struct deprivileged *d, struct pn_error *err)
{
	union msrs m = {.list.nmsrs = KEPT};

	for (unsigned i = 0; i < KEPT; i++)
		m.list.entries[i].index = kept[i].index;
	if (ioctl(d->vcpu->fd, KVM_GET_MSRS, &m.list) != (int)KEPT)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_MSRS");
	for (unsigned i = 0; i < KEPT; i++)
		*place(&d->cpu, i) = m.list.entries[i].data;
	return PN_OK;
}

static int set_msrs(struct deprivileged *d, const struct virtual_cpu *values, struct pn_error *err)
{
	struct virtual_cpu copy = *values;
	union msrs m = {.list.nmsrs = KEPT};

	for (unsigned i = 0; i < KEPT; i++)
		m.list.entries[i] =
			(struct kvm_msr_entry){.index = kept[i].index, .data = *place(&copy, i)};
	if (ioctl(d->vcpu->fd, KVM_SET_MSRS, &m.list) != (int)KEPT)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_MSRS");
	return PN_OK;
}

static struct virtual_segment take_segment(const struct kvm_segment *s)
{
	return (struct virtual_segment){
		.selector = s->selector,
		.access = (uint16_t)(s->type | s->s << 4 | s->dpl << 5 |
				     (s->present && !s->unusable) << 7 | s->avl << 12 | s->l << 13 |
				     s->db << 14 | s->g << 15),
		.limit = s->limit,
		.base = s->base,
	};
}

static struct kvm_segment give_segment(const struct virtual_segment *v)
{
	return (struct kvm_segment){
		.selector = v->selector,
		.base = v->base,
		.limit = v->limit,
		.type = v->access & 15,
		.s = v->access >> 4 & 1,
		.dpl = v->access >> 5 & 3,
		.present = v->access >> 7 & 1,
		.unusable = !(v->access >> 7 & 1),
		.avl = v->access >> 12 & 1,
		.l = v->access >> 13 & 1,
		.db = v->access >> 14 & 1,
		.g = v->access >> 15 & 1,
	};
}

/* Segment registers by name, as struct kvm_sregs has them. */
static struct kvm_segment *segment_of(struct kvm_sregs *s, unsigned name)
{
	struct kvm_segment *const list[VIRTUAL_SEGMENTS] = {
		[VIRTUAL_ES] = &s->es,	  [VIRTUAL_CS] = &s->cs, [VIRTUAL_SS] = &s->ss,
		[VIRTUAL_DS] = &s->ds,	  [VIRTUAL_FS] = &s->fs, [VIRTUAL_GS] = &s->gs,
		[VIRTUAL_LDTR] = &s->ldt, [VIRTUAL_TR] = &s->tr,
	};

	return list[name];
}

static void take_sregs(struct deprivileged *d, struct kvm_sregs *s)
{
	struct virtual_cpu *cpu = &d->cpu;

	cpu->cr0 = s->cr0;
	cpu->cr2 = s->cr2;
	cpu->cr3 = s->cr3;
	cpu->cr4 = s->cr4;
	cpu->cr8 = s->cr8;
	cpu->efer = s->efer;
	cpu->gdtr = (struct virtual_table){.base = s->gdt.base, .limit = s->gdt.limit};
	cpu->idtr = (struct virtual_table){.base = s->idt.base, .limit = s->idt.limit};
	for (unsigned i = 0; i < VIRTUAL_SEGMENTS; i++)
		cpu->segment[i] = take_segment(segment_of(s, i));
	cpu->cpl = s->ss.dpl;
	d->fs_base = s->fs.base;
	d->gs_base = s->gs.base;
}

/* Rebuilds what depends on the virtual CPU's paging registers. */
void deprivileged_update(struct deprivileged *d)
{
	const struct walk_regs regs = {
		.cr0 = d->cpu.cr0,
		.cr3 = d->cpu.cr3,
		.cr4 = d->cpu.cr4,
		.efer = d->cpu.efer,
		.rflags = d->cpu.ac ? RFLAGS_AC : 0,
		.pkru = d->cpu.pkru,
		.maxphyaddr = (uint8_t)d->vcpu->facts.maxphyaddr,
		.has_1g = d->vcpu->facts.has_1g,
		.amd = d->vcpu->facts.amd,
	};

	walk_context_init(&d->ctx, &regs);
}

enum shadow_view deprivileged_view(const struct deprivileged *d)
{
	if (d->cpu.cpl == 3)
		return SHADOW_USER;
	return d->cpu.cr4 & CR4_SMAP && d->cpu.ac ? SHADOW_KERNEL_AC : SHADOW_KERNEL;
}

uint64_t deprivileged_cr4(const struct deprivileged *d)
{
	const uint64_t shared = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE | CR4_DE;
	const struct kvm_cpuid_entry2 *features = kvm_cpuid_find(d->cpuid, 7, 0);

	/* With UMIP, SGDT and its like trap: the guest does not see the monitor's tables. */
	return CR4_PAE | (features && features->ecx & CPUID_7_ECX_UMIP ? CR4_UMIP : 0) |
	       (d->cpu.cr4 & shared);
}

/* What the real MSRs are to hold under the monitor. */
static struct virtual_cpu monitor_msrs(const struct deprivileged *d)
{
	struct virtual_cpu real = d->cpu;

	real.star = (uint64_t)MONITOR_CS << 32;
	real.lstar = area_syscall_entry();
	real.sfmask = RFLAGS_TF | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT;
	return real;
}

/* An exit leaves port I/O or MMIO half done; KVM does the rest at the next KVM_RUN. */
static int finish_exit(struct deprivileged *d, struct pn_error *err)
{
	int code;

	d->vcpu->run->immediate_exit = 1;
	code = ioctl(d->vcpu->fd, KVM_RUN, 0);
	d->vcpu->run->immediate_exit = 0;
	if (code == 0 || errno != EINTR)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_RUN to finish an exit");
	return PN_OK;
}

/* The shadow knows nothing of what the guest did to its tables in hw mode: it starts empty. */
static void start_shadow(struct deprivileged *d)
{
	shadow_memory_changed(d->shadow, &d->box);
	shadow_load_root(d->shadow, &d->ctx, true, &d->box);
	if (!d->root)
		d->root = shadow_root(d->shadow, &d->ctx, deprivileged_view(d), &d->box);
	deprivileged_settle(d);
}

int deprivileged_enter(struct deprivileged *d, struct pn_error *err)
{
	struct monitor_frame *frame = area_entry_frame(&d->area);
	struct virtual_cpu real;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_xcrs xcrs;
	int code = d->vcpu->started_ns ? finish_exit(d, err) : PN_OK;

	if (code)
		return code;
	d->cpu.xcr0 = ioctl(d->vcpu->fd, KVM_GET_XCRS, &xcrs) == 0 && xcrs.nr_xcrs
			      ? xcrs.xcrs[0].value
			      : 1;
	if (ioctl(d->vcpu->fd, KVM_GET_SREGS, &sregs) || ioctl(d->vcpu->fd, KVM_GET_REGS, &regs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_SREGS");
	take_sregs(d, &sregs);
	code = get_msrs(d, err);
	if (code)
		return code;
	*frame = (struct monitor_frame){.rip = regs.rip,
					.cs = MONITOR_USER_CS,
					.rflags = virtual_load_rflags(&d->cpu, regs.rflags),
					.rsp = regs.rsp,
					.ss = MONITOR_USER_DS};
	d->regs = regs;
	d->cr4 = deprivileged_cr4(d);
	deprivileged_update(d);
	pthread_rwlock_rdlock(&d->vcpu->mem->lock);
	start_shadow(d);
	pthread_rwlock_unlock(&d->vcpu->mem->lock);

	area_sregs(&sregs);
	sregs.cr3 = d->root;
	sregs.cr4 = d->cr4;
	area_regs(&regs);
	real = monitor_msrs(d);
	if (ioctl(d->vcpu->fd, KVM_SET_SREGS, &sregs) || ioctl(d->vcpu->fd, KVM_SET_REGS, &regs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_SREGS");
	d->active = true;
	return set_msrs(d, &real, err);
}

/* Puts the virtual CPU's registers into *s. */
static void give_sregs(struct deprivileged *d, struct kvm_sregs *s)
{
	const struct virtual_cpu *cpu = &d->cpu;

	s->cr0 = cpu->cr0;
	s->cr2 = cpu->cr2;
	s->cr3 = cpu->cr3;
	s->cr4 = cpu->cr4;
	s->cr8 = cpu->cr8;
	s->efer = cpu->efer;
	s->gdt = (struct kvm_dtable){.base = cpu->gdtr.base, .limit = cpu->gdtr.limit};
	s->idt = (struct kvm_dtable){.base = cpu->idtr.base, .limit = cpu->idtr.limit};
	for (unsigned i = 0; i < VIRTUAL_SEGMENTS; i++)
		*segment_of(s, i) = give_segment(&cpu->segment[i]);
}

/* Has the monitor do all mail that is left, and come back with the same trap. */
static int drain_mail(struct deprivileged *d, struct pn_error *err)
{
	struct monitor_mail *mail = area_mail(&d->area);
	struct kvm_run *run = d->vcpu->run;

	while (mail->count || mail->again) {
		mail->again = 1;
		if (ioctl(d->vcpu->fd, KVM_RUN, 0)) {
			if (errno == EINTR)
				continue;
			return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_RUN of the monitor");
		}
		if (run->exit_reason != KVM_EXIT_IO || run->io.port != MONITOR_PORT)
			return pn_fail(err, PN_ERR_SYSTEM, "the monitor did not come back");
		mail->again = 0;
		if (shadow_pending(d->shadow)) {
			pthread_rwlock_rdlock(&d->vcpu->mem->lock);
			shadow_continue(d->shadow, &d->box);
			deprivileged_settle(d);
			pthread_rwlock_unlock(&d->vcpu->mem->lock);
		}
	}
	return PN_OK;
}

int deprivileged_leave(struct deprivileged *d, struct pn_error *err)
{
	struct kvm_regs regs = d->regs;
	struct kvm_sregs sregs;
	int code = drain_mail(d, err);

	if (!code)
		code = finish_exit(d, err);
	if (code)
		return code;
	if (ioctl(d->vcpu->fd, KVM_GET_SREGS, &sregs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_SREGS");
	give_sregs(d, &sregs);
	regs.rflags = virtual_rflags(&d->cpu, regs.rflags);
	if (ioctl(d->vcpu->fd, KVM_SET_SREGS, &sregs) || ioctl(d->vcpu->fd, KVM_SET_REGS, &regs))
		return pn_fail_errno(
			err, PN_ERR_HOST_LACKS,
			"hw mode: this host refuses the guest's registers (CR4 0x%llx)",
			(unsigned long long)d->cpu.cr4);
	d->active = false;
	return set_msrs(d, &d->cpu, err);
}

struct vcpu_registers deprivileged_registers(struct deprivileged *d)
{
	struct vcpu_registers r = {.regs = d->regs};

	r.regs.rflags = virtual_rflags(&d->cpu, d->regs.rflags);
	give_sregs(d, &r.sregs);
	return r;
}

int deprivileged_create(struct deprivileged *d, struct vcpu *v, int vm, gpa_t limit,
			uint64_t pool_size, enum shadow_strategy strategy,
			union kvm_cpuid_list *cpuid, struct pn_error *err)
{
	struct shadow_config config = {
		.mem = v->mem,
		.strategy = strategy,
		.monitor_slot = MONITOR_SLOT,
		.nx = true,
		.has_1g = v->facts.has_1g,
		.levels = 4,
	};
	int code;

	memset(d, 0, sizeof(*d));
	d->vcpu = v;
	d->cpuid = cpuid;
	code = area_create(&d->area, vm, limit, pool_size, err);
	if (code)
		return code;
	config.pool_gpa = area_pool_gpa(&d->area);
	config.pool = area_pool(&d->area);
	config.pool_frames = area_pool_frames(&d->area);
	config.monitor_entry = area_root_entry(&d->area);
	d->shadow = shadow_create(&config);
	if (!d->shadow) {
		area_destroy(&d->area);
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	}
	return PN_OK;
}

void deprivileged_destroy(struct deprivileged *d)
{
	if (d->shadow)
		shadow_destroy(d->shadow);
	area_destroy(&d->area);
}
