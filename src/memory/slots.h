/* SPDX-License-Identifier: MIT */
/*
 * Memory slots: guest-physical memory (gmem) and KVM's slots changed together, so that what the
 * walker sees and what the vCPU sees are always the same.
 */
#ifndef MEMORY_SLOTS_H
#define MEMORY_SLOTS_H

#include "memory/gmem.h"

struct slots {
	struct gmem *mem;
	int vm;			   /* KVM's descriptor of the VM */
	bool used[GMEM_SLOTS_MAX]; /* KVM slot numbers taken */
};

void slots_init(struct slots *s, struct gmem *mem, int vm);

/*
 * Registers a slot: the checks and errors of gmem_add, or PN_ERR_SYSTEM from KVM; nothing has
 * changed then. Takes the memory's lock.
 */
int slots_map(struct slots *s, gpa_t gpa, void *hva, uint64_t size, bool readonly,
	      struct pn_error *err);

/*
 * Removes the whole slots that make up a range: the errors of gmem_cover, or PN_ERR_SYSTEM. When it
 * returns, neither a vCPU nor a walker uses them any more. Takes the memory's lock.
 */
int slots_unmap(struct slots *s, gpa_t gpa, uint64_t size, struct pn_error *err);

#endif
