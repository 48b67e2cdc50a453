/* SPDX-License-Identifier: MIT */
/* What a vCPU has exited for: a count by reason, and the last few in full for the death report. */
#ifndef VCPU_HISTORY_H
#define VCPU_HISTORY_H

#include "kvm/exits.h"

#include <penumbra/penumbra.h>

#define HISTORY_LAST 16

/* What a trap of the deprivileged guest came to. */
enum trap_outcome {
	TRAP_FATAL,    /* the run ends */
	TRAP_HIDDEN,   /* a hidden fault: the shadow entry was missing */
	TRAP_GUEST,    /* the guest's own exception: delivered */
	TRAP_SYSCALL,  /* SYSCALL: to the guest's entry point */
	TRAP_EMULATED, /* an instruction that ring 3 may not do */
	TRAP_TABLE,    /* a store to a tracked guest table, emulated */
	TRAP_LET_GO,   /* a store to a former table, which nothing emulates: goes through */
	TRAP_FORESEEN, /* an emulated return to what faulted, its entry installed on the way */
	TRAP_STOPPED,  /* none: the run stops before the instruction (stop_at.h) */
	TRAP_MAIL,     /* no trap: the monitor has come back for more mail */
	TRAP_OUTCOMES
};

/* Shadow mode's exits: the trap behind the monitor's OUT. */
struct trap_record {
	enum trap_outcome outcome;
	uint16_t vector;   /* past 255: SYSCALL */
	uint16_t mnemonic; /* ZydisMnemonic of the instruction emulated */
	bool user;	   /* at the guest's CPL 3 */
	uint32_t error;
	gva_t cr2;
};

struct exit_record {
	uint32_t reason; /* KVM_EXIT_... */
	bool in;	 /* IO: IN; MMIO: read */
	uint8_t size;	 /* bytes of an access */
	gva_t rip;
	uint64_t where; /* IO: port; MMIO: GPA */
	uint64_t value; /* IO, MMIO: what was written, as far as it fits */
	bool is_trap;
	struct trap_record trap;
};

struct history {
	uint64_t total;
	uint64_t by_reason[KVM_EXIT_REASONS];  /* a newer reason counts as UNKNOWN */
	struct exit_record last[HISTORY_LAST]; /* a ring: exit n is at n % HISTORY_LAST */
};

/* Adds the exit that is in *run; RIP is in the synchronised registers. */
void history_add(struct history *h, const struct kvm_run *run);

/* Makes the exit added last a trap of the guest's at `rip`; the record, all zeroes, is for the caller
 * to complete. */
static inline struct trap_record *history_trap(struct history *h, gva_t rip)
{
	struct exit_record *r = &h->last[(h->total - 1) % HISTORY_LAST];

	r->is_trap = true;
	r->rip = rip;
	return &r->trap;
}

/* Writes one record in words, without a newline, into text of `size` bytes; returns text. */
char *history_format(const struct exit_record *r, char *text, size_t size);

#endif
