/* SPDX-License-Identifier: MIT */
/* The second dimension of one address. */
#include "memory/backing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What smaps says of one mapping, in KiB. */
struct mapping {
	uint64_t page; /* KernelPageSize; 0: not read */
	uint64_t huge; /* transparent huge pages, of any kind */
};

static bool is_head(const char *line, uint64_t *start, uint64_t *end)
{
	return sscanf(line, "%" SCNx64 "-%" SCNx64 " ", start, end) == 2;
}

static void take_line(struct mapping *m, const char *line)
{
	static const char *const huge[] = {"AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:"};
	uint64_t n;

	if (sscanf(line, "KernelPageSize: %" SCNu64, &n) == 1)
		m->page = n;
	for (unsigned i = 0; i < sizeof(huge) / sizeof(huge[0]); i++)
		if (strncmp(line, huge[i], strlen(huge[i])) == 0 &&
		    sscanf(line + strlen(huge[i]), "%" SCNu64, &n) == 1)
			m->huge += n;
}

static struct mapping read_mapping(FILE *smaps, uint64_t hva)
{
	struct mapping m = {0};
	uint64_t start, end;
	char line[512];
	bool here = false;

	while (fgets(line, sizeof(line), smaps)) {
		if (is_head(line, &start, &end)) {
			if (here)
				break;
			here = hva >= start && hva < end;
		} else if (here) {
			take_line(&m, line);
		}
	}
	return m;
}

uint8_t backing_host_shift(const void *hva)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	struct mapping m;

	if (!smaps)
		return 0;
	m = read_mapping(smaps, (uint64_t)hva);
	fclose(smaps);
	if (!m.page || m.page & (m.page - 1) || m.page > UINT64_C(1) << 30 || m.huge)
		return 0;
	return (uint8_t)(__builtin_ctzll(m.page) + 10);
}

/* A host page maps a GPA range only if it lies in the slot whole, and both are equally aligned. */
static bool can_map(const struct backing *b, gpa_t gpa, unsigned shift)
{
	uint64_t size = UINT64_C(1) << shift, start = gpa & -size;

	return ((uint64_t)b->hva & (size - 1)) == (gpa & (size - 1)) && start >= b->slot_gpa &&
	       start + size <= b->slot_gpa + b->slot_size;
}

void backing_find(struct backing *b, const struct gmem *mem, gpa_t gpa)
{
	const struct gmem_slot *slot = gmem_find(mem, gpa);

	*b = (struct backing){.in_slot = slot != NULL, .map_shift = PAGE_SHIFT};
	if (!slot)
		return;
	b->slot_gpa = slot->gpa;
	b->slot_size = slot->size;
	b->readonly = slot->readonly;
	b->hva = slot->hva + (gpa - slot->gpa);
	b->host_shift = backing_host_shift(b->hva);
	for (unsigned shift = PAGE_SHIFT + 9; shift <= b->host_shift && shift <= 30; shift += 9)
		if (can_map(b, gpa, shift))
			b->map_shift = (uint8_t)shift;
}
