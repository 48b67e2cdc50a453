/* SPDX-License-Identifier: MIT */
/*
 * Guest-physical memory as the host sees it: the sorted list of memory slots, each a GPA range
 * backed by host memory. Pure data: it knows nothing of KVM, so the walker, unit tests and
 * fuzzers use it as it is; slots.c keeps KVM's own slots in step with it.
 */
#ifndef MEMORY_GMEM_H
#define MEMORY_GMEM_H

#include <penumbra/penumbra.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  (UINT64_C(1) << PAGE_SHIFT)

/* Slots a machine can hold at a time; the host may allow fewer (KVM_CAP_NR_MEMSLOTS). */
#define GMEM_SLOTS_MAX 512

struct gmem_slot {
	gpa_t gpa;     /* first byte, page aligned */
	uint64_t size; /* bytes, a multiple of PAGE_SIZE */
	uint8_t *hva;  /* host memory behind the first byte */
	bool readonly; /* the guest may not write: a write leaves the guest as MMIO */
	unsigned id;   /* KVM's number for the slot */
};

/*
 * Readers (a vCPU thread handling an exit) hold the lock shared; map and unmap hold it
 * exclusively, so that no HVA taken from a slot outlives the slot.
 */
struct gmem {
	unsigned count;
	unsigned limit;	    /* slots allowed, at most GMEM_SLOTS_MAX */
	uint64_t gpa_limit; /* first GPA past what the guest's MAXPHYADDR can address */
	uint64_t
		changes; /* slots that have come and gone: as long as it is the same, so are HVAs */
	struct gmem_slot slot[GMEM_SLOTS_MAX]; /* sorted by gpa, disjoint */
	pthread_rwlock_t lock;
};

/* Starts an empty memory. `limit` in slots, `maxphyaddr` in bits (CPUID 0x80000008 EAX[7:0]). */
void gmem_init(struct gmem *mem, unsigned limit, unsigned maxphyaddr);
void gmem_fini(struct gmem *mem);

/*
 * Adds a slot of `size` bytes at `gpa`, backed from `hva` on; stores the new slot's place in
 * `*where` if it is not NULL. Returns 0, or PN_ERR_ZERO_SIZE, PN_ERR_MISALIGNED (any of the three
 * is not page aligned), PN_ERR_OVERFLOW (the end wraps or is past gpa_limit), PN_ERR_OVERLAP,
 * PN_ERR_SLOT_LIMIT; the memory is then unchanged.
 */
int gmem_add(struct gmem *mem, gpa_t gpa, void *hva, uint64_t size, bool readonly, unsigned *where);

/*
 * Finds the run of whole slots that cover [gpa, gpa + size) without a gap. Stores its first index
 * and its length. Returns 0, or PN_ERR_ZERO_SIZE, PN_ERR_MISALIGNED, PN_ERR_OVERFLOW,
 * PN_ERR_NOT_MAPPED (some byte of the range is in no slot), PN_ERR_PARTIAL (the range cuts a slot).
 */
int gmem_cover(const struct gmem *mem, gpa_t gpa, uint64_t size, unsigned *first, unsigned *count);

/* Removes the slot at index `where`; later ones move down. */
void gmem_remove(struct gmem *mem, unsigned where);

/* gmem_find() past slot 0. */
const struct gmem_slot *gmem_search(const struct gmem *mem, gpa_t gpa);

/* The slot that holds `gpa`, or NULL. */
static inline const struct gmem_slot *gmem_find(const struct gmem *mem, gpa_t gpa)
{
	/* Slot 0 is low RAM, where nearly every access of nearly every guest falls; without any
	 * slot it has no size. */
	const struct gmem_slot *s = &mem->slot[0];

	return __builtin_expect(gpa - s->gpa < s->size, 1) ? s : gmem_search(mem, gpa);
}

/*
 * HVA of `len` bytes at `gpa`, or NULL if they are not all inside one slot. The caller holds the
 * lock, or knows that no other thread maps or unmaps.
 */
static inline uint8_t *gmem_ptr(const struct gmem *mem, gpa_t gpa, uint64_t len)
{
	const struct gmem_slot *s = gmem_find(mem, gpa);
	uint64_t off;

	if (!s)
		return NULL;
	off = gpa - s->gpa;
	return len <= s->size - off ? s->hva + off : NULL;
}

/*
 * Copies `len` bytes from or to guest-physical memory, across slots if need be. Returns 0, or
 * PN_ERR_NOT_MAPPED if a byte is in no slot or, for a write, in a read-only one; nothing is copied
 * then.
 */
int gmem_read(const struct gmem *mem, gpa_t gpa, void *to, uint64_t len);
int gmem_write(const struct gmem *mem, gpa_t gpa, const void *from, uint64_t len);

#endif
