/* SPDX-License-Identifier: MIT */
/*
 * A trap of the deprivileged guest: is it a hidden fault, an instruction to emulate, or something
 * that the guest must see?
 */
#include "vcpu/deprivileged/deprivileged.h"
#include "vcpu/deprivileged/events.h"
#include "vcpu/state.h"
#include "x86.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* What an instruction has changed reaches the shadow. */
static void apply_effects(struct deprivileged *d, const struct emulate *e)
{
	const unsigned paging = EFFECT_CR0 | EFFECT_CR3 | EFFECT_CR4 | EFFECT_EFER | EFFECT_XSTATE;
	/* WRPKRU flushes nothing: another PKRU is another way of looking at the same entries. */
	bool flush = !(e->effects & EFFECT_XSTATE || (e->effects & EFFECT_CR3 && e->no_flush));
	/* Only a trace asks. */
	uint64_t dropped = d->vcpu->tracer ? shadow_stats(d->shadow).dropped : 0;
	uint64_t root = d->ctx.root;

	if (e->effects & (paging | EFFECT_PRIVILEGE))
		deprivileged_update(d);
	if (e->effects & paging)
		shadow_load_root(d->shadow, &d->ctx, flush, &d->box);
	/* Toggling PGE and its like drops global entries too. */
	if (e->effects & (EFFECT_CR0 | EFFECT_CR4 | EFFECT_EFER))
		shadow_invalidate(d->shadow, &d->ctx, SHADOW_FLUSH_ALL, 0, &d->box);
	if (e->effects & EFFECT_INVLPG)
		shadow_invalidate(d->shadow, &d->ctx, SHADOW_FLUSH_PAGE, e->gva, &d->box);
	if (e->effects & EFFECT_INVPCID)
		shadow_invalidate(d->shadow, &d->ctx, SHADOW_FLUSH_ALL, 0, &d->box);
	event_effects(d, e, root, dropped);
	if (e->effects & EFFECT_CR2_READ)
		cr2_learn(d, d->trap_rip, e->reg);
	if (e->effects & EFFECT_TSC)
		state_set_msr(d->vcpu, MSR_TSC, e->tsc);
	if (e->effects & EFFECT_TSC_AUX)
		d->set_tsc_aux = true;
	if (e->effects & EFFECT_XSTATE) {
		struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0].value = d->cpu.xcr0};

		/* The emulator has let through only what CPUID offers. */
		ioctl(d->vcpu->fd, KVM_SET_XCRS, &xcrs);
	}
}

/* Ends the run at the guest's RIP. */
static enum vcpu_verdict die(const struct deprivileged *d, struct vcpu_end *end, const char *what)
{
	char where[160];

	return vcpu_end(end, PN_END_DIED, "%s at %s", what,
			vcpu_place(d->vcpu, d->regs.rip, where, sizeof(where)));
}

static enum vcpu_verdict give(struct deprivileged *d, struct emulate *e, const struct exception *x,
			      bool software, struct vcpu_end *end)
{
	if (stop_see_exception(d->vcpu, x)) {
		d->record->outcome = TRAP_STOPPED;
		apply_effects(d, e);
		return VCPU_CONTINUE;
	}
	event_exception(d, x);
	if (x->vector == VECTOR_PF)
		shadow_page_fault(d->shadow, &d->ctx, x->cr2, &d->box);
	if (!deliver_exception(e, x, software))
		return die(d, end, "triple fault");
	/* Another one has come of it on the way: a double fault, or a #PF of the guest's stack. */
	if (e->exception.vector != x->vector)
		event_exception(d, &e->exception);
	d->record->outcome = TRAP_GUEST;
	apply_effects(d, e);
	return VCPU_CONTINUE;
}

/*
 * The guest's handler has returned to the instruction that faulted. With the registers it had, it
 * will do the same access again: its entry is installed on the way, and no second trap is needed.
 */
static bool resume_faulted(struct deprivileged *d)
{
	struct handled_fault *f = &d->fault;

	if (!f->open || d->regs.rip != f->regs.rip)
		return false;
	f->open = false;
	f->regs.rflags = d->regs.rflags;
	if (memcmp(&f->regs, &d->regs, sizeof(d->regs)) != 0)
		return false;
	f->query.privilege = d->cpu.cpl == 3 ? WALK_USER : WALK_SUPERVISOR;
	return shadow_foresee(d->shadow, &d->ctx, &f->query, &d->box);
}

/*
 * A store to a table by an instruction that is not emulated, as a program's SSE is when its page was
 * a table once: no longer tracked, the page takes it when the guest tries again. One instruction may
 * store to several pages, each of which the other may need as a table: so the tries are counted.
 */
static bool let_through(struct deprivileged *d, gpa_t gpa)
{
	struct retried *r = &d->retried;

	if (r->count == 0)
		r->regs = d->regs;
	if (r->count++ == RETRIES_MAX || !shadow_untrack(d->shadow, gpa, &d->box))
		return false;
	d->record->outcome = TRAP_LET_GO;
	return true;
}

/*
 * A trap that says "this instruction is not for CPL 3": do what it would have done at CPL 0. `store`
 * is where it was to write if it came to a table, else NULL.
 */
static enum vcpu_verdict instruction(struct deprivileged *d, struct emulate *e,
				     const struct exception *came, const gpa_t *store,
				     struct vcpu_end *end)
{
	struct exception x;
	uint64_t before = 0;
	char what[160];

	if (store)
		gmem_read(d->vcpu->mem, *store & ~UINT64_C(7), &before, sizeof(before));
	/* Only instructions look at the bases, and change what they are in real. Where they cost a
	 * system call, they are taken when they can have changed by more than a null selector. */
	if (d->cpu.cr4 & CR4_FSGSBASE || d->vcpu->run->kvm_valid_regs & KVM_SYNC_X86_SREGS)
		frame_take_bases(d);
	switch (emulate(e)) {
	case EMULATE_DONE:
		apply_effects(d, e);
		d->record->mnemonic = e->mnemonic;
		d->record->outcome = store ? TRAP_TABLE : TRAP_EMULATED;
		if (store)
			event_table_write(d, *store, before);
		if (e->effects & EFFECT_STEP) {
			x = (struct exception){.vector = VECTOR_DB};
			return give(d, e, &x, false, end);
		}
		if (resume_faulted(d)) {
			d->record->outcome = TRAP_FORESEEN;
			event_foreseen(d);
		}
		if (!(e->effects & EFFECT_HALT))
			return VCPU_CONTINUE;
		event_halt(d);
		return die(d, end, "guest halted for good (nothing can wake it)");
	case EMULATE_EXCEPTION:
		x = e->exception;
		/* The processor knew it, or it would not have come to storing. */
		if (store && x.vector == VECTOR_UD)
			break;
		return give(d, e, &x, false, end);
	case EMULATE_UNPRIVILEGED:
		/* A #GP or #UD is the guest's own then; a store to a table is not. */
		if (store)
			break;
		return give(d, e, came, false, end);
	case EMULATE_STOP: return vcpu_exit_status(d->vcpu, end);
	case EMULATE_UNKNOWN: break;
	}
	if (store && let_through(d, *store))
		return VCPU_CONTINUE;
	snprintf(what, sizeof(what), "instruction not emulated (%s)", e->text);
	return die(d, end, what);
}

/*
 * kvm_pvm brings a SYSCALL as a page fault at its target, at CPL 3 still. So does a jump there on
 * every host; but that has no SYSCALL before where RCX says to go back.
 */
static bool is_syscall_at_cpl3(struct deprivileged *d, gva_t cr2)
{
	unsigned access = EMULATE_FETCH | (d->cpu.cpl == 3 ? EMULATE_USER : 0);
	uint8_t bytes[2] = {0};
	struct exception x;
	bool is;

	if (cr2 != area_syscall_entry(&d->area) || d->regs.rip != cr2)
		return false;
	is = reach_ops.read(d, d->regs.rcx - 2, bytes, sizeof(bytes), access, &x) &&
	     bytes[0] == 0x0f && bytes[1] == 0x05;
	/* This was our look, and not the guest's. */
	d->missed.happened = false;
	return is;
}

static struct emulate emulator(struct deprivileged *d)
{
	return (struct emulate){.cpu = &d->cpu, .regs = &d->regs, .ops = &reach_ops, .arg = d};
}

static enum vcpu_verdict die_reaching(const struct deprivileged *d, struct vcpu_end *end, gpa_t gpa,
				      bool write)
{
	char what[160];

	snprintf(what, sizeof(what), "guest %s GPA 0x%llx, in no memory slot it may %s,",
		 write ? "wrote" : "read", (unsigned long long)gpa, write ? "write" : "read");
	return die(d, end, what);
}

static enum vcpu_verdict syscall_trap(struct deprivileged *d, struct vcpu_end *end)
{
	struct emulate e = emulator(d);
	struct exception x;

	if (emulate_syscall(&e)) {
		d->record->outcome = TRAP_SYSCALL;
		d->record->vector = MONITOR_VECTOR_SYSCALL;
		apply_effects(d, &e);
		return VCPU_CONTINUE;
	}
	x = e.exception;
	return give(d, &e, &x, false, end);
}

/* A page fault for which the shadow has no entry to give. */
static enum vcpu_verdict not_hidden(struct deprivileged *d, const struct walk_query *query,
				    enum shadow_outcome outcome, const struct walk_result *r,
				    struct vcpu_end *end)
{
	struct exception x = {.vector = VECTOR_PF, .has_error = true, .cr2 = query->gva};
	struct emulate e = emulator(d);
	char what[160];

	switch (outcome) {
	case SHADOW_GUEST_FAULT:
		d->fault = (struct handled_fault){.open = true, .query = *query, .regs = d->regs};
		x.error = r->error_code;
		return give(d, &e, &x, false, end);
	case SHADOW_NONCANONICAL:
		x = (struct exception){.vector = VECTOR_GP, .has_error = true};
		return give(d, &e, &x, false, end);
	case SHADOW_TABLE_WRITE: return instruction(d, &e, &x, &r->gpa, end);
	case SHADOW_BAD_TABLE:
		snprintf(what, sizeof(what),
			 "a page-table entry at GPA 0x%llx, outside every memory slot,",
			 (unsigned long long)r->entry);
		return die(d, end, what);
	case SHADOW_CANNOT:
		snprintf(what, sizeof(what), "GVA 0x%llx, which shadow mode cannot give,",
			 (unsigned long long)query->gva);
		return die(d, end, what);
	case SHADOW_FIXED:
	case SHADOW_MMIO: break;
	}
	return die_reaching(d, end, r->gpa, query->access == WALK_WRITE);
}

static enum vcpu_verdict page_fault(struct deprivileged *d, uint32_t error, gva_t cr2,
				    struct vcpu_end *end)
{
	const struct walk_query query = {
		.gva = cr2,
		.access = error & PF_ERR_FETCH	 ? WALK_FETCH
			  : error & PF_ERR_WRITE ? WALK_WRITE
						 : WALK_READ,
		.privilege = d->cpu.cpl == 3 ? WALK_USER : WALK_SUPERVISOR,
		.set_ad = true,
	};
	/* For a trace: how many entries come in beside. */
	uint64_t filled = d->vcpu->tracer ? shadow_stats(d->shadow).filled : 0;
	enum shadow_outcome outcome;
	struct walk_result r;

	if (is_syscall_at_cpl3(d, cr2)) {
		d->regs.rip = d->regs.rcx;
		d->regs.rflags = d->regs.r11;
		return syscall_trap(d, end);
	}
	outcome = shadow_fault(d->shadow, &d->ctx, &query, &d->box, &r);
	if (outcome != SHADOW_FIXED)
		return not_hidden(d, &query, outcome, &r, end);
	d->record->outcome = TRAP_HIDDEN;
	event_hidden_fault(d, error, &query, &r, filled);
	return VCPU_CONTINUE;
}

/* What is single-stepped over, KVM's host does not see: the flag says why the #DB came. */
static enum vcpu_verdict debug_trap(struct deprivileged *d, struct emulate *e, struct vcpu_end *end)
{
	const struct exception x = {.vector = VECTOR_DB};

	if (d->regs.rflags & RFLAGS_TF)
		d->cpu.dr[6] |= DR6_BS;
	return give(d, e, &x, false, end);
}

/* An exception but a page fault. */
static enum vcpu_verdict exception_trap(struct deprivileged *d, const struct monitor_frame *frame,
					struct vcpu_end *end)
{
	struct emulate e = emulator(d);
	struct exception x = {.vector = (uint8_t)frame->vector, .error = (uint32_t)frame->error};

	switch (frame->vector) {
	case VECTOR_NP:
	case VECTOR_SS:
	case VECTOR_GP:
		if (stop_see_halt(d->vcpu, d->regs.rip, &d->ctx)) {
			d->record->outcome = TRAP_STOPPED;
			return VCPU_CONTINUE;
		}
		/* A selector of the guest's means nothing, or something else, in the real GDT. */
		x.has_error = true;
		return instruction(d, &e, &x, NULL, end);
	case VECTOR_UD: return instruction(d, &e, &x, NULL, end);
	case VECTOR_BP:
		/* Back onto the INT3: the guest's gate may refuse it. */
		d->regs.rip--;
		return instruction(d, &e, &x, NULL, end);
	case VECTOR_DB: return debug_trap(d, &e, end);
	default: x.has_error = frame->vector == VECTOR_AC; return give(d, &e, &x, false, end);
	}
}

static enum vcpu_verdict by_vector(struct deprivileged *d, const struct monitor_frame *frame,
				   struct vcpu_end *end)
{
	switch (frame->vector) {
	case VECTOR_PF: return page_fault(d, (uint32_t)frame->error, d->record->cr2, end);
	case MONITOR_VECTOR_SYSCALL: return syscall_trap(d, end);
	default: return exception_trap(d, frame, end);
	}
}

enum vcpu_verdict deprivileged_trap(struct deprivileged *d, const struct monitor_frame *frame,
				    struct vcpu_end *end)
{
	enum vcpu_verdict verdict;

	if (d->retried.count && memcmp(&d->retried.regs, &d->regs, sizeof(d->regs)) != 0)
		d->retried.count = 0;
	d->missed.happened = false;
	verdict = by_vector(d, frame, end);
	if (verdict == VCPU_CONTINUE && d->missed.happened)
		return die_reaching(d, end, d->missed.gpa, d->missed.write);
	if (verdict == VCPU_CONTINUE && !virtual_is_64bit(&d->cpu))
		return die(d, end, "guest left 64-bit mode, which shadow mode needs,");
	return verdict;
}
