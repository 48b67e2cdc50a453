/* SPDX-License-Identifier: MIT */
/*
 * What stands where the guest was stopped: the instruction, what a trace says of it, and where the
 * guest goes from there.
 */
#ifndef SOURCES_BREAK_EVENTS_H
#define SOURCES_BREAK_EVENTS_H

#include "memory/walk.h"
#include "sources/break_sites.h"
#include "vcpu/vcpu.h"

#include <Zydis/Zydis.h>

/* The guest as it stands in ring 0. */
struct break_scene {
	struct vcpu *vcpu;
	const struct kvm_regs *regs; /* RIP is at the instruction */
	const struct kvm_sregs *sregs;
	struct walk_context ctx; /* the kernel's view, for reading on its behalf */
	ZydisDecodedInstruction in;
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
};

/* Takes the vCPU's registers, the special ones from *sregs, to read guest memory with them. */
void break_scene_init(struct break_scene *s, struct vcpu *v, const struct kvm_sregs *sregs);

/* Decodes the instruction at `rip`, where no HLT is planted. False: it cannot be read or decoded.
 * The caller holds the memory's lock here and below. */
bool break_decode(struct break_scene *s, gva_t rip);

/* Copies bytes at a GVA of the guest's, which does not notice: no accessed flag is set. False if not
 * all of them can be read. */
bool break_peek(const struct break_scene *s, gva_t gva, void *to, size_t len);

/* GPA of an instruction; false if it is not mapped. */
bool break_translate(const struct break_scene *s, gva_t gva, gpa_t *gpa);

/* The gate of #PF in the guest's IDT: its handler's GVA. False if there is none. */
bool break_fault_handler(const struct break_scene *s, gva_t *handler);

/* The guest stands at the handler's first instruction: the #PF that brought it there. False if its
 * frame cannot be read. */
bool break_fault_event(const struct break_scene *s, struct pn_trace_record *r);

/* What the instruction decoded will have done: at most BREAK_EVENTS records; returns how many. */
#define BREAK_EVENTS 2
unsigned break_events(const struct break_scene *s, enum break_kind kind,
		      struct pn_trace_record r[BREAK_EVENTS]);

/*
 * Where the guest may be after the instruction decoded, if that raises no exception: at most
 * BREAK_NEXT addresses; returns how many, 0 if there is no telling (an indirect branch).
 */
#define BREAK_NEXT 2
unsigned break_next(const struct break_scene *s, gva_t next[BREAK_NEXT]);

#endif
