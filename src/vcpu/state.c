/* SPDX-License-Identifier: MIT */
/* The state of a guest's CPU, out of a vCPU and into it. */
#include "vcpu/state.h"

#include "error.h"
#include "x86.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* MSRs, and where the virtual CPU keeps them. */
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
	{MSR_SYSENTER_CS, offsetof(struct virtual_cpu, sysenter_cs)},
	{MSR_SYSENTER_ESP, offsetof(struct virtual_cpu, sysenter_esp)},
	{MSR_SYSENTER_EIP, offsetof(struct virtual_cpu, sysenter_eip)},
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

bool state_get_msr(const struct vcpu *v, uint32_t index, uint64_t *value)
{
	union msrs m = {.list.nmsrs = 1};

	m.list.entries[0].index = index;
	if (ioctl(v->fd, KVM_GET_MSRS, &m.list) != 1)
		return false;
	*value = m.list.entries[0].data;
	return true;
}

bool state_set_msr(const struct vcpu *v, uint32_t index, uint64_t value)
{
	union msrs m = {.list.nmsrs = 1};

	m.list.entries[0] = (struct kvm_msr_entry){.index = index, .data = value};
	return ioctl(v->fd, KVM_SET_MSRS, &m.list) == 1;
}

/* Of a list KVM does all up to the first that it does not have, and gives their number. */
static int check_msrs(const char *call, const struct kvm_msrs *list, int count,
		      struct pn_error *err)
{
	if (count < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "%s", call);
	if ((uint32_t)count < list->nmsrs)
		return pn_fail(err, PN_ERR_SYSTEM,
			       "%s: this host has no MSR 0x%x, or not 0x%llx in it", call,
			       list->entries[count].index,
			       (unsigned long long)list->entries[count].data);
	return PN_OK;
}

static int get_msrs(struct vcpu *v, struct virtual_cpu *cpu, struct pn_error *err)
{
	union msrs m = {.list.nmsrs = KEPT};
	int code, count;

	for (unsigned i = 0; i < KEPT; i++)
		m.list.entries[i].index = kept[i].index;
	code = check_msrs("KVM_GET_MSRS", &m.list, ioctl(v->fd, KVM_GET_MSRS, &m.list), err);
	if (code)
		return code;
	for (unsigned i = 0; i < KEPT; i++)
		*place(cpu, i) = m.list.entries[i].data;
	m.list.nmsrs = 1;
	m.list.entries[0].index = MSR_TSC_AUX;
	count = ioctl(v->fd, KVM_GET_MSRS, &m.list);
	if (count < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_MSRS of TSC_AUX");
	/* Not every processor has it. */
	cpu->tsc_aux = count ? m.list.entries[0].data : 0;
	return PN_OK;
}

int state_set_msrs(struct vcpu *v, const struct virtual_cpu *cpu, struct pn_error *err)
{
	struct virtual_cpu copy = *cpu;
	union msrs m = {.list.nmsrs = KEPT};
	int code;

	for (unsigned i = 0; i < KEPT; i++)
		m.list.entries[i] =
			(struct kvm_msr_entry){.index = kept[i].index, .data = *place(&copy, i)};
	code = check_msrs("KVM_SET_MSRS", &m.list, ioctl(v->fd, KVM_SET_MSRS, &m.list), err);
	if (code || !cpu->tsc_aux)
		return code;
	m.list.nmsrs = 1;
	m.list.entries[0] = (struct kvm_msr_entry){.index = MSR_TSC_AUX, .data = cpu->tsc_aux};
	return check_msrs("KVM_SET_MSRS", &m.list, ioctl(v->fd, KVM_SET_MSRS, &m.list), err);
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

static void take_sregs(struct virtual_cpu *cpu, struct kvm_sregs *s)
{
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
}

void state_to_sregs(const struct virtual_cpu *cpu, struct kvm_sregs *s)
{
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

static int get_debug(struct vcpu *v, uint64_t dr[8], struct pn_error *err)
{
	struct kvm_debugregs d;

	if (ioctl(v->fd, KVM_GET_DEBUGREGS, &d))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_DEBUGREGS");
	memcpy(dr, d.db, sizeof(d.db));
	dr[6] = d.dr6;
	dr[7] = d.dr7;
	return PN_OK;
}

int state_set_debug(struct vcpu *v, const uint64_t dr[8], struct pn_error *err)
{
	struct kvm_debugregs d = {.dr6 = dr[6], .dr7 = dr[7]};

	memcpy(d.db, dr, sizeof(d.db));
	if (ioctl(v->fd, KVM_SET_DEBUGREGS, &d))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_DEBUGREGS");
	return PN_OK;
}

static int get_xcr0(const struct vcpu *v, uint64_t *xcr0, struct pn_error *err)
{
	struct kvm_xcrs x;

	if (ioctl(v->fd, KVM_GET_XCRS, &x))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_XCRS");
	/* A processor without XSAVE has none. */
	*xcr0 = x.nr_xcrs ? x.xcrs[0].value : 1;
	return PN_OK;
}

bool state_has_pending(const struct vcpu *v)
{
	struct kvm_vcpu_events e;

	return ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e) == 0 && e.exception.injected;
}

#define INT3 0xcc

bool state_may_hide_breakpoint(const struct vcpu *v, const struct walk_context *ctx)
{
	const struct walk_query query = {
		.gva = v->run->s.regs.regs.rip - 1,
		.access = WALK_FETCH,
		.privilege = vcpu_sregs(v)->ss.dpl == 3 ? WALK_USER : WALK_SUPERVISOR,
	};
	struct kvm_vcpu_events e;
	struct walk_result r;
	uint8_t byte = 0;

	/* The number of the last one is told all the same. */
	if (ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e) || e.exception.injected ||
	    e.exception.nr != VECTOR_BP)
		return false;
	pthread_rwlock_rdlock(&v->mem->lock);
	if (walk(v->mem, ctx, &query, &r, NULL) == WALK_OK)
		gmem_read(v->mem, r.gpa, &byte, sizeof(byte));
	pthread_rwlock_unlock(&v->mem->lock);
	return byte == INT3;
}

/* Takes the exception in *e, if there is one, away from KVM. */
static int drop_pending(struct vcpu *v, struct kvm_vcpu_events *e, struct pn_error *err)
{
	e->exception.injected = 0;
	e->flags = 0;
	return ioctl(v->fd, KVM_SET_VCPU_EVENTS, e)
		       ? pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_VCPU_EVENTS")
		       : PN_OK;
}

int state_drop_soft(struct vcpu *v, struct pn_error *err)
{
	struct kvm_vcpu_events e;

	if (ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_VCPU_EVENTS");
	return drop_pending(v, &e, err);
}

/*
 * An exception that KVM has taken from the guest's last instruction but not delivered yet. One of
 * INT3 or INTO it keeps to itself (state_drop_soft): it goes, and the instruction runs again.
 */
static int take_pending(struct vcpu *v, struct vcpu_state *state, struct pn_error *err)
{
	struct kvm_vcpu_events e;

	state->has_pending = false;
	if (ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_VCPU_EVENTS");
	if (e.exception.injected) {
		state->has_pending = true;
		state->pending = (struct exception){.vector = e.exception.nr,
						    .has_error = e.exception.has_error_code,
						    .error = e.exception.error_code};
	}
	return drop_pending(v, &e, err);
}

int state_finish_exit(struct vcpu *v, struct pn_error *err)
{
	int code;

	v->run->immediate_exit = 1;
	code = ioctl(v->fd, KVM_RUN, 0);
	v->run->immediate_exit = 0;
	if (code == 0 || errno != EINTR)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_RUN to finish an exit");
	return PN_OK;
}

int state_take(struct vcpu *v, struct vcpu_state *state, struct pn_error *err)
{
	struct kvm_sregs sregs;
	int code;

	memset(state, 0, sizeof(*state));
	/* First: only this makes a #PF that is pending put its address into CR2. */
	code = take_pending(v, state, err);
	if (code)
		return code;
	if (ioctl(v->fd, KVM_GET_SREGS, &sregs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_SREGS");
	if (ioctl(v->fd, KVM_GET_REGS, &state->regs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_REGS");
	take_sregs(&state->cpu, &sregs);
	state->pending.cr2 = state->cpu.cr2;
	state->cpu.interrupts = state->regs.rflags & RFLAGS_IF;
	state->cpu.iopl = (uint8_t)((state->regs.rflags & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT);
	state->cpu.ac = state->cpu.cpl < 3 && state->regs.rflags & RFLAGS_AC;
	code = get_xcr0(v, &state->cpu.xcr0, err);
	if (!code)
		code = state_get_pkru(v, &state->cpu.pkru, err);
	if (!code)
		code = get_msrs(v, &state->cpu, err);
	if (!code)
		code = get_debug(v, state->cpu.dr, err);
	return code;
}

static int refused(const struct virtual_cpu *cpu, struct pn_error *err)
{
	return pn_fail_errno(
		err, PN_ERR_HOST_LACKS,
		"this host refuses the guest's registers (CR0 0x%llx, CR4 0x%llx, EFER "
		"0x%llx)",
		(unsigned long long)cpu->cr0, (unsigned long long)cpu->cr4,
		(unsigned long long)cpu->efer);
}

int state_give(struct vcpu *v, const struct vcpu_state *state, struct pn_error *err)
{
	struct kvm_sregs sregs;
	int code;

	if (ioctl(v->fd, KVM_GET_SREGS, &sregs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_SREGS");
	state_to_sregs(&state->cpu, &sregs);
	if (ioctl(v->fd, KVM_SET_SREGS, &sregs))
		return errno == EINVAL ? refused(&state->cpu, err)
				       : pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_SREGS");
	if (ioctl(v->fd, KVM_SET_REGS, &state->regs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_REGS");
	code = state_set_pkru(v, state->cpu.pkru, err);
	if (!code)
		code = state_set_msrs(v, &state->cpu, err);
	if (!code)
		code = state_set_debug(v, state->cpu.dr, err);
	return code;
}
