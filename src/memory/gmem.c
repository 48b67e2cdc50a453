/* SPDX-License-Identifier: MIT */
/* Guest-physical memory: the sorted list of slots, its checks, and copies across slots. */
#include "memory/gmem.h"

#include <string.h>

void gmem_init(struct gmem *mem, unsigned limit, unsigned maxphyaddr)
{
	memset(mem, 0, sizeof(*mem));
	mem->limit = limit < GMEM_SLOTS_MAX ? limit : GMEM_SLOTS_MAX;
	mem->gpa_limit = UINT64_C(1) << (maxphyaddr < 52 ? maxphyaddr : 52);
	pthread_rwlock_init(&mem->lock, NULL);
}

void gmem_fini(struct gmem *mem)
{
	pthread_rwlock_destroy(&mem->lock);
}

/* What is wrong with a range, whatever is mapped. */
static int check_range(const struct gmem *mem, gpa_t gpa, uint64_t size)
{
	if (size == 0)
		return PN_ERR_ZERO_SIZE;
	if ((gpa | size) & (PAGE_SIZE - 1))
		return PN_ERR_MISALIGNED;
	if (gpa >= mem->gpa_limit || size > mem->gpa_limit - gpa)
		return PN_ERR_OVERFLOW;
	return PN_OK;
}

/* Index of the first slot that ends after `gpa`: it holds `gpa` or lies above it. */
static unsigned first_ending_after(const struct gmem *mem, gpa_t gpa)
{
	unsigned low = 0, high = mem->count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (mem->slot[mid].gpa + mem->slot[mid].size > gpa)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

int gmem_add(struct gmem *mem, gpa_t gpa, void *hva, uint64_t size, bool readonly, unsigned *where)
{
	int code = check_range(mem, gpa, size);
	unsigned at;

	if (code)
		return code;
	if ((uintptr_t)hva & (PAGE_SIZE - 1))
		return PN_ERR_MISALIGNED;
	if ((uintptr_t)hva + size < (uintptr_t)hva)
		return PN_ERR_OVERFLOW;
	at = first_ending_after(mem, gpa);
	if (at < mem->count && mem->slot[at].gpa < gpa + size)
		return PN_ERR_OVERLAP;
	if (mem->count >= mem->limit)
		return PN_ERR_SLOT_LIMIT;

	memmove(&mem->slot[at + 1], &mem->slot[at], (mem->count - at) * sizeof(mem->slot[0]));
	mem->slot[at] =
		(struct gmem_slot){.gpa = gpa, .size = size, .hva = hva, .readonly = readonly};
	mem->count++;
	mem->changes++;
	if (where)
		*where = at;
	return PN_OK;
}

int gmem_cover(const struct gmem *mem, gpa_t gpa, uint64_t size, unsigned *first, unsigned *count)
{
	int code = check_range(mem, gpa, size);
	gpa_t end = gpa + size, next = gpa;
	unsigned at;

	if (code)
		return code;
	at = first_ending_after(mem, gpa);
	*first = at;
	if (at >= mem->count || mem->slot[at].gpa > gpa)
		return PN_ERR_NOT_MAPPED;
	if (mem->slot[at].gpa < gpa)
		return PN_ERR_PARTIAL;
	while (next < end) {
		if (at >= mem->count || mem->slot[at].gpa != next)
			return PN_ERR_NOT_MAPPED;
		next += mem->slot[at].size;
		at++;
	}
	if (next > end)
		return PN_ERR_PARTIAL;
	*count = at - *first;
	return PN_OK;
}

void gmem_remove(struct gmem *mem, unsigned where)
{
	mem->count--;
	mem->changes++;
	memmove(&mem->slot[where], &mem->slot[where + 1],
		(mem->count - where) * sizeof(mem->slot[0]));
	/* An emptied first slot must not answer gmem_find's short cut. */
	memset(&mem->slot[mem->count], 0, sizeof(mem->slot[0]));
}

const struct gmem_slot *gmem_search(const struct gmem *mem, gpa_t gpa)
{
	unsigned at = first_ending_after(mem, gpa);

	return at < mem->count && mem->slot[at].gpa <= gpa ? &mem->slot[at] : NULL;
}

/* Whether every byte of a range is in some slot, a writable one if `write`. */
static bool reachable(const struct gmem *mem, gpa_t gpa, uint64_t len, bool write)
{
	while (len) {
		const struct gmem_slot *s = gmem_find(mem, gpa);
		uint64_t room;

		if (!s || (write && s->readonly))
			return false;
		room = s->size - (gpa - s->gpa);
		if (len <= room)
			return true;
		gpa += room;
		len -= room;
	}
	return true;
}

int gmem_read(const struct gmem *mem, gpa_t gpa, void *to, uint64_t len)
{
	uint8_t *out = to;

	if (!reachable(mem, gpa, len, false))
		return PN_ERR_NOT_MAPPED;
	while (len) {
		const struct gmem_slot *s = gmem_find(mem, gpa);
		uint64_t off = gpa - s->gpa;
		uint64_t n = len < s->size - off ? len : s->size - off;

		memcpy(out, s->hva + off, n);
		out += n;
		gpa += n;
		len -= n;
	}
	return PN_OK;
}

int gmem_write(const struct gmem *mem, gpa_t gpa, const void *from, uint64_t len)
{
	const uint8_t *in = from;

	if (!reachable(mem, gpa, len, true))
		return PN_ERR_NOT_MAPPED;
	while (len) {
		const struct gmem_slot *s = gmem_find(mem, gpa);
		uint64_t off = gpa - s->gpa;
		uint64_t n = len < s->size - off ? len : s->size - off;

		memcpy(s->hva + off, in, n);
		in += n;
		gpa += n;
		len -= n;
	}
	return PN_OK;
}
