/* SPDX-License-Identifier: MIT */
/* The emulator's way to the guest's memory, ports and CPUID: through walk(), as the guest itself. */
#include "vcpu/deprivileged/deprivileged.h"
#include "vcpu/state.h"
#include "x86.h"

#include <penumbra/guest.h>
#include <string.h>

static enum walk_privilege privilege_of(unsigned access)
{
	if (access & EMULATE_IMPLICIT)
		return WALK_IMPLICIT;
	return access & EMULATE_USER ? WALK_USER : WALK_SUPERVISOR;
}

/* The GPA of a byte that the guest may reach in that way; else what it gets for trying. */
static bool reach(struct deprivileged *d, gva_t gva, enum walk_access how, unsigned access,
		  gpa_t *gpa, struct exception *e)
{
	const struct walk_query query = {
		.gva = gva, .access = how, .privilege = privilege_of(access), .set_ad = true};
	struct walk_result r;

	switch (walk(d->vcpu->mem, &d->ctx, &query, &r, NULL)) {
	case WALK_OK: *gpa = r.gpa; return true;
	case WALK_FAULT:
		*e = (struct exception){
			.vector = VECTOR_PF, .has_error = true, .error = r.error_code, .cr2 = gva};
		return false;
	default: *e = (struct exception){.vector = VECTOR_GP, .has_error = true}; return false;
	}
}

/* The one or two pieces of [gva, gva + len), a page each; both are reached before any is used. */
struct pieces {
	gpa_t gpa[2];
	unsigned len[2];
};

static bool reach_all(struct deprivileged *d, gva_t gva, unsigned len, enum walk_access how,
		      unsigned access, struct pieces *p, struct exception *e)
{
	unsigned room = (unsigned)(PAGE_SIZE - (gva & (PAGE_SIZE - 1)));

	p->len[0] = len < room ? len : room;
	p->len[1] = len - p->len[0];
	return reach(d, gva, how, access, &p->gpa[0], e) &&
	       (p->len[1] == 0 || reach(d, gva + room, how, access, &p->gpa[1], e));
}

/* The first is what is told. */
static void miss(struct deprivileged *d, gpa_t gpa, bool write)
{
	if (!d->missed.happened)
		d->missed = (struct missed_access){.happened = true, .write = write, .gpa = gpa};
}

static bool guest_read(void *arg, gva_t gva, void *to, unsigned len, unsigned access,
		       struct exception *e)
{
	enum walk_access how = access & EMULATE_FETCH	 ? WALK_FETCH
			       : access & EMULATE_MODIFY ? WALK_WRITE
							 : WALK_READ;
	struct deprivileged *d = arg;
	struct pieces p;
	uint8_t *out = to;

	if (!reach_all(d, gva, len, how, access, &p, e))
		return false;
	for (unsigned i = 0; i < 2; out += p.len[i], i++)
		if (p.len[i] && gmem_read(d->vcpu->mem, p.gpa[i], out, p.len[i])) {
			/* Nobody answers there: a bus gives all ones. The run will end. */
			memset(out, 0xff, p.len[i]);
			miss(d, p.gpa[i], false);
		}
	return true;
}

static bool guest_write(void *arg, gva_t gva, const void *from, unsigned len, unsigned access,
			struct exception *e)
{
	struct deprivileged *d = arg;
	const uint8_t *in = from;
	struct pieces p;

	if (!reach_all(d, gva, len, WALK_WRITE, access, &p, e))
		return false;
	for (unsigned i = 0; i < 2; in += p.len[i], i++)
		if (p.len[i] && gmem_write(d->vcpu->mem, p.gpa[i], in, p.len[i]))
			miss(d, p.gpa[i], true);
		else if (p.len[i])
			shadow_guest_pt_write(d->shadow, p.gpa[i], p.len[i], &d->box);
	return true;
}

static bool guest_port(void *arg, uint16_t port, unsigned size, bool in, uint32_t *value)
{
	struct deprivileged *d = arg;
	const struct port_access access = {.port = port,
					   .size = (uint8_t)size,
					   .in = in,
					   .count = 1,
					   .data = (uint8_t *)value};

	if (port == PN_PORT_CALL && in && size == sizeof(*value)) {
		*value = vcpu_call(d->vcpu, &d->regs, deprivileged_context(d));
		return true;
	}
	return bus_access(d->vcpu->bus, &access) != BUS_END;
}

static void guest_cpuid(void *arg, uint32_t leaf, uint32_t index, uint32_t out[4])
{
	struct deprivileged *d = arg;
	const struct kvm_cpuid_entry2 *e = kvm_cpuid_find(d->vcpu->plan.cpuid, leaf, index);

	memset(out, 0, 4 * sizeof(out[0]));
	if (e) {
		out[0] = e->eax;
		out[1] = e->ebx;
		out[2] = e->ecx;
		out[3] = e->edx;
	}
	/* Views make these work on every host; and kvm_pvm shows ring 3 the host's own CPUID. */
	if (leaf == 7 && index == 0)
		out[1] |= CPUID_7_EBX_SMEP | CPUID_7_EBX_SMAP;
}

static uint64_t guest_tsc(void *arg)
{
	const struct deprivileged *d = arg;
	uint64_t value;

	return state_get_msr(d->vcpu, MSR_TSC, &value) ? value : __builtin_ia32_rdtsc();
}

static void guest_bases(void *arg)
{
	frame_take_bases(arg);
}

const struct emulate_ops reach_ops = {
	.read = guest_read,
	.write = guest_write,
	.port = guest_port,
	.cpuid = guest_cpuid,
	.tsc = guest_tsc,
	.bases = guest_bases,
};
