/* SPDX-License-Identifier: MIT */
/* The second dimension of one address. */
#include "memory/backing.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

int backing_open(void)
{
	return open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
}

/* All of it as it is now, to be freed; NULL if there is no memory, or nothing to read. */
static char *read_whole(int smaps, size_t *len)
{
	size_t room = 65536;
	char *text = malloc(room), *more;
	ssize_t n = 0;

	*len = 0;
	if (lseek(smaps, 0, SEEK_SET) == 0)
		while (text && (n = read(smaps, text + *len, room - *len)) > 0) {
			*len += (size_t)n;
			if (room - *len >= 4096)
				continue;
			more = realloc(text, room *= 2);
			if (!more)
				break;
			text = more;
		}
	if (n == 0 && *len)
		return text;
	free(text);
	return NULL;
}

uint8_t backing_host_shift(int smaps, const void *hva)
{
	struct mapping m = {0};
	size_t len;
	char *text = read_whole(smaps, &len);
	FILE *lines = text ? fmemopen(text, len, "r") : NULL;

	if (lines) {
		m = read_mapping(lines, (uint64_t)hva);
		fclose(lines);
	}
	free(text);
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

void backing_find(struct backing *b, const struct gmem *mem, gpa_t gpa, int smaps)
{
	const struct gmem_slot *slot = gmem_find(mem, gpa);

	*b = (struct backing){.in_slot = slot != NULL, .map_shift = PAGE_SHIFT};
	if (!slot)
		return;
	b->slot_gpa = slot->gpa;
	b->slot_size = slot->size;
	b->readonly = slot->readonly;
	b->hva = slot->hva + (gpa - slot->gpa);
	b->host_shift = backing_host_shift(smaps, b->hva);
	for (unsigned shift = PAGE_SHIFT + 9; shift <= b->host_shift && shift <= 30; shift += 9)
		if (can_map(b, gpa, shift))
			b->map_shift = (uint8_t)shift;
}
