/* SPDX-License-Identifier: MIT */
/* The memory calls of the embedding API: map, unmap, read, write. */
#include "machine.h"

static bool meets_ram(const struct pn_machine *m, gpa_t gpa, uint64_t size)
{
	for (unsigned i = 0; i < 2; i++) {
		struct ram_part p = ram_part(&m->ram, i);

		if (p.size && gpa < p.gpa + p.size && p.gpa < gpa + size)
			return true;
	}
	return false;
}

/*
 * The guest's tables may have changed under the shadow, with the slots or with what is in them. The
 * guest cannot count on it before it flushes, and to flush is to trap: the flag is seen in time.
 */
static int changed(struct pn_machine *m, int code)
{
	atomic_store(&m->vcpu.memory_changed, true);
	return code;
}

int pn_mmu_map(struct pn_machine *m, gpa_t gpa, void *hva, uint64_t size, enum pn_prot prot)
{
	if (!hva || (prot != PN_PROT_READ && prot != PN_PROT_READ_WRITE))
		return PN_ERR_ARGUMENT;
	return changed(m, slots_map(&m->slots, gpa, hva, size, prot == PN_PROT_READ, NULL));
}

int pn_mmu_unmap(struct pn_machine *m, gpa_t gpa, uint64_t size)
{
	if (size && meets_ram(m, gpa, size))
		return PN_ERR_ARGUMENT;
	return changed(m, slots_unmap(&m->slots, gpa, size, NULL));
}

int pn_read(struct pn_machine *m, gpa_t gpa, void *to, size_t len)
{
	int code;

	pthread_rwlock_rdlock(&m->mem.lock);
	code = gmem_read(&m->mem, gpa, to, len);
	pthread_rwlock_unlock(&m->mem.lock);
	return code;
}

int pn_write(struct pn_machine *m, gpa_t gpa, const void *from, size_t len)
{
	int code;

	pthread_rwlock_rdlock(&m->mem.lock);
	code = gmem_write(&m->mem, gpa, from, len);
	pthread_rwlock_unlock(&m->mem.lock);
	return changed(m, code);
}
