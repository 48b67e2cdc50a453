/* SPDX-License-Identifier: MIT */
/* Guest RAM: a memfd, its host pages, and its place in guest-physical memory. */
#include "memory/ram.h"

#include "error.h"

#include <errno.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

struct backing {
	const char *name;
	uint64_t page; /* bytes */
	unsigned flags;
};

static const struct backing backings[] = {
	[PN_BACKING_4K] = {"4 KiB", UINT64_C(4) << 10, 0},
	[PN_BACKING_2M] = {"2 MiB", UINT64_C(2) << 20, MFD_HUGETLB | MFD_HUGE_2MB},
	[PN_BACKING_1G] = {"1 GiB", UINT64_C(1) << 30, MFD_HUGETLB | MFD_HUGE_1GB},
};

int ram_create(struct ram *ram, uint64_t size, enum pn_backing backing, struct pn_error *err)
{
	const struct backing *b = &backings[backing];
	int code;

	*ram = (struct ram){.fd = -1, .size = size};
	if (size < RAM_SIZE_MIN || size > RAM_SIZE_MAX || size % b->page)
		return pn_fail(err, PN_ERR_ARGUMENT,
			       "RAM of %llu bytes: give 2 MiB to 1 TiB, in multiples of %s",
			       (unsigned long long)size, b->name);
	ram->fd = memfd_create("penumbra-ram", MFD_CLOEXEC | b->flags);
	if (ram->fd < 0 || ftruncate(ram->fd, (off_t)size))
		goto failed;
	ram->hva = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ram->fd, 0);
	if (ram->hva != MAP_FAILED)
		return PN_OK;
	ram->hva = NULL;
failed:
	if (b->flags)
		code = pn_fail_errno(err, PN_ERR_HOST_LACKS,
				     "RAM of %llu MiB in %s pages: reserve them first "
				     "(/sys/kernel/mm/hugepages/*/nr_hugepages)",
				     (unsigned long long)size >> 20, b->name);
	else if (errno == ENOMEM)
		code = pn_fail_errno(err, PN_ERR_SYSTEM,
				     "RAM of %llu MiB: give the guest less (--mem), or the process "
				     "more (ulimit -v)",
				     (unsigned long long)size >> 20);
	else
		code = pn_fail_errno(err, PN_ERR_SYSTEM, "RAM of %llu MiB",
				     (unsigned long long)size >> 20);
	ram_destroy(ram);
	return code;
}

void ram_destroy(struct ram *ram)
{
	if (ram->hva)
		munmap(ram->hva, ram->size);
	if (ram->fd >= 0)
		close(ram->fd);
	*ram = (struct ram){.fd = -1};
}

struct ram_part ram_part(const struct ram *ram, unsigned part)
{
	uint64_t low = ram->size < RAM_HOLE_START ? ram->size : RAM_HOLE_START;

	if (part == 0)
		return (struct ram_part){.gpa = 0, .size = low, .offset = 0};
	if (part == 1 && ram->size > low)
		return (struct ram_part){
			.gpa = RAM_HOLE_END, .size = ram->size - low, .offset = low};
	return (struct ram_part){0};
}

int ram_map(const struct ram *ram, struct slots *slots, struct pn_error *err)
{
	for (unsigned i = 0; i < 2; i++) {
		struct ram_part p = ram_part(ram, i);
		int code;

		if (p.size == 0)
			continue;
		code = slots_map(slots, p.gpa, ram->hva + p.offset, p.size, false, err);
		if (code)
			return code;
	}
	return PN_OK;
}
