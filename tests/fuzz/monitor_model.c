/* SPDX-License-Identifier: MIT */
#include "monitor_model.h"

#include "check.h"
#include "x86.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define TRIPS_MAX 10000 /* of the monitor for one trap: more is for ever */

static struct model *model; /* whose ioctls these are */

/* KVM_GET_... answers what KVM_SET_... was told, or zeroes; all is well. */
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct kvm_sync_regs *s = &model->run.s.regs;
	struct kvm_msrs *msrs;
	va_list list;
	void *arg;

	(void)fd;
	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	switch (request) {
	case KVM_GET_REGS: memcpy(arg, &s->regs, sizeof(s->regs)); return 0;
	case KVM_SET_REGS: memcpy(&s->regs, arg, sizeof(s->regs)); return 0;
	case KVM_GET_SREGS: memcpy(arg, &s->sregs, sizeof(s->sregs)); return 0;
	case KVM_SET_SREGS: memcpy(&s->sregs, arg, sizeof(s->sregs)); return 0;
	case KVM_GET_MSRS:
	case KVM_SET_MSRS:
		msrs = arg;
		for (unsigned i = 0; request == KVM_GET_MSRS && i < msrs->nmsrs; i++)
			msrs->entries[i].data = 0;
		return (int)msrs->nmsrs;
	case KVM_GET_DEBUGREGS: memset(arg, 0, sizeof(struct kvm_debugregs)); return 0;
	case KVM_GET_VCPU_EVENTS: memset(arg, 0, sizeof(struct kvm_vcpu_events)); return 0;
	case KVM_GET_XCRS: memset(arg, 0, sizeof(struct kvm_xcrs)); return 0;
	case KVM_RUN: errno = EINTR; return -1; /* what was half done is done */
	default: return 0;
	}
}

void model_init(struct model *m, enum shadow_strategy strategy)
{
	struct pn_error err;

	memset(m, 0, sizeof(*m));
	model = m;
	m->ram = aligned_alloc(PAGE_SIZE, MODEL_PAGES * PAGE_SIZE);
	assert_non_null(m->ram);
	memset(m->ram, 0, MODEL_PAGES * PAGE_SIZE);
	m->cpuid = calloc(1, sizeof(*m->cpuid));
	assert_non_null(m->cpuid);
	gmem_init(&m->mem, GMEM_SLOTS_MAX, 40);
	assert_int_equal(gmem_add(&m->mem, 0, m->ram, MODEL_PAGES * PAGE_SIZE, false, NULL), 0);
	m->cpuid->list.nent = 1;
	m->cpuid->list.entries[0] = (struct kvm_cpuid_entry2){
		.function = 7, .ebx = CPUID_7_EBX_SMEP | CPUID_7_EBX_SMAP, .ecx = CPUID_7_ECX_UMIP};
	m->v.fd = -1;
	m->v.run = &m->run;
	m->v.mem = &m->mem;
	m->v.bus = &m->bus;
	m->v.console = &m->console;
	m->v.symbols = &m->symbols;
	m->v.facts = (struct cpuid_facts){.maxphyaddr = 40};
	m->v.plan = (struct shadow_plan){.vm = -1,
					 .pool_size = UINT64_C(2) << 20,
					 .strategy = strategy,
					 .levels = 4,
					 .cpuid = m->cpuid};
	m->v.host_regs = m->v.wanted_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	m->run.kvm_valid_regs = m->v.host_regs;
	assert_int_equal(deprivileged_prepare(&m->v, &err), 0);
}

void model_fini(struct model *m)
{
	deprivileged_destroy(m->v.deprivileged);
	gmem_fini(&m->mem);
	free(m->ram);
	free(m->cpuid);
}

static bool is_in_pool(const struct area *a, gva_t gva, uint64_t bytes)
{
	uint64_t offset = gva - a->base;

	return offset >= MONITOR_POOL && gva % 8 == 0 && offset <= a->size &&
	       bytes <= a->size - offset;
}

static void check_msr(const struct virtual_cpu *cpu, const struct monitor_entry *e)
{
	switch (e->where) {
	case MSR_FS_BASE:
	case MSR_GS_BASE: CHECK_TRUE("WRMSR of a base", virtual_is_canonical(cpu, e->value)); break;
	case MSR_TSC_AUX: CHECK_NUMBER("WRMSR of TSC_AUX", "upper half", e->value >> 32, 0); break;
	default: fail_msg("WRMSR of %#llx", (unsigned long long)e->where);
	}
}

static void do_entry(struct model *m, const struct monitor_entry *e)
{
	struct deprivileged *d = m->v.deprivileged;
	struct kvm_sregs *real = &m->run.s.regs.sregs;
	const struct area *a = &d->area;

	switch (e->kind) {
	case MONITOR_STORE:
		CHECK_TRUE("a store", is_in_pool(a, e->where, 8));
		memcpy(a->hva + (e->where - a->base), &e->value, 8);
		break;
	case MONITOR_ZERO:
		CHECK_TRUE("zeroes", e->value <= 512 && is_in_pool(a, e->where, e->value * 8));
		memset(a->hva + (e->where - a->base), 0, e->value * 8);
		break;
	case MONITOR_INVLPG: break;
	case MONITOR_CR3:
		CHECK_TRUE("CR3", e->value % PAGE_SIZE == 0 && e->value >= area_pool_gpa(a) &&
					  e->value < a->gpa + a->size);
		/* Whatever the root is, the monitor is still there. */
		CHECK_NUMBER("CR3", "the monitor's entry",
			     area_pool(a)[(e->value - area_pool_gpa(a)) / 8 + MONITOR_SLOT] &
				     ~PTE_ACCESSED,
			     area_root_entry(a) & ~PTE_ACCESSED);
		real->cr3 = e->value;
		break;
	case MONITOR_WRMSR:
		check_msr(&d->cpu, e);
		if (e->where == MSR_FS_BASE)
			real->fs.base = e->value;
		if (e->where == MSR_GS_BASE)
			real->gs.base = e->value;
		break;
	case MONITOR_CR4:
		CHECK_NUMBER("CR4", "fixed bits",
			     e->value & (CR4_PAE | CR4_LA57 | CR4_PCIDE | CR4_SMAP), CR4_PAE);
		real->cr4 = e->value;
		break;
	case MONITOR_CR0:
		CHECK_NUMBER("CR0", "fixed bits", e->value & (CR0_PG | CR0_PE | CR0_WP | CR0_AM),
			     CR0_PG | CR0_PE | CR0_WP);
		real->cr0 = e->value;
		break;
	default: fail_msg("mail of kind %llu", (unsigned long long)e->kind);
	}
}

/* Does the mail; whether the host wants to be told. */
static bool do_mail(struct model *m)
{
	struct monitor_mail *mail = area_mail(&m->v.deprivileged->area);
	bool again = mail->again;

	CHECK_TRUE("mail", mail->count <= MONITOR_MAIL_MAX);
	for (uint32_t i = 0; i < mail->count; i++)
		do_entry(m, &mail->list[i]);
	mail->count = 0;
	return again;
}

/* The guest can go on from here: IRETQ takes the frame, and the tables are right. */
static void check_entry(struct model *m, const struct monitor_frame *frame)
{
	struct deprivileged *d = m->v.deprivileged;
	const struct monitor_mail *mail = area_mail(&d->area);
	const uint64_t never = RFLAGS_VM | UINT64_C(0xffffffff00000000);
	char why[200] = "";

	CHECK_NUMBER("frame", "CS", frame->cs, MONITOR_USER_CS);
	CHECK_NUMBER("frame", "SS", frame->ss, MONITOR_USER_DS);
	CHECK_TRUE("frame: RIP", virtual_is_canonical(&d->cpu, frame->rip));
	CHECK_NUMBER("frame", "RFLAGS", frame->rflags & never, 0);
	CHECK_TRUE("frame: IOPL",
		   !(frame->rflags & RFLAGS_IOPL) || d->cpu.cpl < 3 || d->cpu.iopl == 3);
	CHECK_NUMBER("real", "CR3", m->run.s.regs.sregs.cr3, d->real.root);
	CHECK_NUMBER("real", "CR4", m->run.s.regs.sregs.cr4, d->real.cr4);
	CHECK_NUMBER("real", "CR0", m->run.s.regs.sregs.cr0, d->real.cr0);
	/* The monitor reads CR2 for the kernel alone. */
	CHECK_NUMBER("mail", "CR2", mail->cr2, d->cpu.cr2);
	CHECK_TRUE("mail: where CR2 is read",
		   mail->cr2_site == MONITOR_NO_SITE ||
			   (d->cpu.cpl == 0 && mail->cr2_site == d->cr2_site));
	if (!mmu_shadow.audit(&m->v, why, sizeof(why)))
		fail_msg("audit: %s", why);
}

static bool ended(struct model *m)
{
	CHECK_TRUE("end", m->end.end == PN_END_DIED || m->end.end == PN_END_STATUS);
	CHECK_ONE_LINE("end", m->end.reason);
	return false;
}

/* The exit that the monitor makes by an OUT to `port`, with its stack at the frame. */
static enum vcpu_verdict make_exit(struct model *m, uint16_t port)
{
	struct deprivileged *d = m->v.deprivileged;

	m->run.exit_reason = KVM_EXIT_IO;
	m->run.io.port = port;
	m->run.s.regs.regs.rip = d->area.base + MONITOR_STUB_SIZE;
	m->run.s.regs.regs.rsp = d->area.base + MONITOR_STACK - sizeof(struct monitor_frame);
	m->run.s.regs.regs.rflags = RFLAGS_FIXED;
	m->run.kvm_valid_regs = m->v.host_regs;
	CHECK_TRUE("exit", deprivileged_by_monitor(&m->v));
	return deprivileged_exit(d, &m->end);
}

static bool finish(struct model *m, struct monitor_frame *frame)
{
	for (unsigned trips = 0; do_mail(m); trips++) {
		CHECK_TRUE("mail without end", trips < TRIPS_MAX);
		if (make_exit(m, MONITOR_PORT_MAIL) == VCPU_END)
			return ended(m);
	}
	check_entry(m, frame);
	return true;
}

bool model_enter(struct model *m, const struct vcpu_state *state)
{
	struct pn_error err = {0};

	if (mmu_shadow.enter(&m->v, state, &err)) {
		CHECK_ONE_LINE("enter", err.text);
		return false;
	}
	return finish(m, area_entry_frame(&m->v.deprivileged->area));
}

bool model_change_mode(struct model *m)
{
	struct vcpu_state state, again;
	struct pn_error err = {0};

	if (!mmu_shadow.ready(&m->v, true))
		return false;
	memset(&state, 0, sizeof(state));
	assert_int_equal(mmu_shadow.leave(&m->v, true, &state, &err), 0);
	if (!model_enter(m, &state))
		return false;
	/* At once out again, it is what went in, but for an exception that was delivered. */
	if (state.has_pending || !mmu_shadow.ready(&m->v, true))
		return true;
	memset(&again, 0, sizeof(again));
	assert_int_equal(mmu_shadow.leave(&m->v, true, &again, &err), 0);
	assert_memory_equal(&again.cpu, &state.cpu, sizeof(state.cpu));
	assert_memory_equal(&again.regs, &state.regs, sizeof(state.regs));
	return model_enter(m, &again);
}

bool model_trap(struct model *m, const struct monitor_frame *frame, uint16_t port, gva_t cr2)
{
	struct monitor_frame *at = area_entry_frame(&m->v.deprivileged->area);
	struct kvm_sync_regs *s = &m->run.s.regs;

	*at = *frame;
	s->sregs.cr2 = cr2;
	if (port == MONITOR_PORT_FAULT || port == MONITOR_PORT_FAULT_CR2)
		at->vector = s->regs.rax;
	if (port == MONITOR_PORT_FAULT)
		s->regs.rax = cr2;
	if (make_exit(m, port) == VCPU_END)
		return ended(m);
	return finish(m, at);
}
