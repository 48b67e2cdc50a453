/* SPDX-License-Identifier: MIT */
/*
 * Memory slots. KVM_SET_USER_MEMORY_REGION returns only when no vCPU can reach a removed slot any
 * more, so a running guest needs no kick; the lock keeps host-side walkers out the same way.
 */
#include "memory/slots.h"

#include "error.h"
#include "kvm/kvm.h"

#include <string.h>

void slots_init(struct slots *s, struct gmem *mem, int vm)
{
	memset(s, 0, sizeof(*s));
	s->mem = mem;
	s->vm = vm;
}

static const char *why(int code)
{
	switch (code) {
	case PN_ERR_ZERO_SIZE: return "a range of no bytes";
	case PN_ERR_MISALIGNED: return "GPA, HVA and size must be multiples of 4096";
	case PN_ERR_OVERFLOW: return "the range ends past what the guest can address";
	case PN_ERR_OVERLAP: return "the range meets a memory slot; unmap that first";
	case PN_ERR_SLOT_LIMIT: return "no memory slot is left; unmap one first";
	case PN_ERR_NOT_MAPPED: return "part of the range is in no memory slot";
	case PN_ERR_PARTIAL: return "the range cuts a memory slot; slots are unmapped whole";
	default: return "failed";
	}
}

static int refuse(struct pn_error *err, int code, gpa_t gpa, uint64_t size)
{
	return pn_fail(err, code, "GPA 0x%llx, %llu bytes: %s", (unsigned long long)gpa,
		       (unsigned long long)size, why(code));
}

static unsigned free_id(const struct slots *s)
{
	unsigned id = 0;

	while (s->used[id])
		id++;
	return id;
}

int slots_map(struct slots *s, gpa_t gpa, void *hva, uint64_t size, bool readonly,
	      struct pn_error *err)
{
	unsigned at, id;
	int code;

	pthread_rwlock_wrlock(&s->mem->lock);
	code = gmem_add(s->mem, gpa, hva, size, readonly, &at);
	if (code) {
		refuse(err, code, gpa, size);
		goto out;
	}
	id = free_id(s);
	code = kvm_vm_set_slot(s->vm, id, gpa, size, hva, readonly ? KVM_MEM_READONLY : 0, err);
	if (code) {
		gmem_remove(s->mem, at);
		goto out;
	}
	s->used[id] = true;
	s->mem->slot[at].id = id;
out:
	pthread_rwlock_unlock(&s->mem->lock);
	return code;
}

int slots_unmap(struct slots *s, gpa_t gpa, uint64_t size, struct pn_error *err)
{
	unsigned first, count;
	int code;

	pthread_rwlock_wrlock(&s->mem->lock);
	code = gmem_cover(s->mem, gpa, size, &first, &count);
	if (code)
		refuse(err, code, gpa, size);
	while (!code && count--) {
		struct gmem_slot slot = s->mem->slot[first];

		code = kvm_vm_set_slot(s->vm, slot.id, slot.gpa, 0, slot.hva, 0, err);
		if (code)
			break;
		s->used[slot.id] = false;
		gmem_remove(s->mem, first);
	}
	pthread_rwlock_unlock(&s->mem->lock);
	return code;
}
