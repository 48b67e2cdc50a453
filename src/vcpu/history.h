/* SPDX-License-Identifier: MIT */
/* What a vCPU has exited for: a count by reason, and the last few in full for the death report. */
#ifndef VCPU_HISTORY_H
#define VCPU_HISTORY_H

#include "kvm/exits.h"

#include <penumbra/penumbra.h>

#define HISTORY_LAST 16

struct exit_record {
	uint32_t reason; /* KVM_EXIT_... */
	bool in;	 /* IO: IN; MMIO: read */
	uint8_t size;	 /* bytes of an access */
	gva_t rip;
	uint64_t where; /* IO: port; MMIO: GPA */
	uint64_t value; /* IO, MMIO: what was written, as far as it fits */
};

struct history {
	uint64_t total;
	uint64_t by_reason[KVM_EXIT_REASONS];  /* a newer reason counts as UNKNOWN */
	struct exit_record last[HISTORY_LAST]; /* a ring: exit n is at n % HISTORY_LAST */
};

/* Adds the exit that is in *run; RIP is in the synchronised registers. */
void history_add(struct history *h, const struct kvm_run *run);

/* Writes one record in words, without a newline, into text of `size` bytes; returns text. */
char *history_format(const struct exit_record *r, char *text, size_t size);

#endif
