/* SPDX-License-Identifier: MIT */
/*
 * Guest RAM: one memfd, mapped once and shared; its slots are views of it. RAM fills guest-physical
 * memory from 0 to 3 GiB; a hole up to 4 GiB is left for devices; the rest follows.
 */
#ifndef MEMORY_RAM_H
#define MEMORY_RAM_H

#include "memory/gmem.h"
#include "memory/slots.h"

#define RAM_HOLE_START (UINT64_C(3) << 30)
#define RAM_HOLE_END   (UINT64_C(4) << 30)
#define RAM_SIZE_MIN   (UINT64_C(2) << 20)
#define RAM_SIZE_MAX   (UINT64_C(1) << 40) /* the host's kernel takes seconds to register more */

struct ram {
	int fd; /* the memfd */
	uint8_t *hva;
	uint64_t size; /* bytes */
};

/*
 * Makes `size` bytes of RAM with host pages as asked for. Returns 0, PN_ERR_ARGUMENT (size out of
 * RAM_SIZE_MIN to RAM_SIZE_MAX, or not a multiple of the page), PN_ERR_HOST_LACKS (no huge pages to be had) or
 * PN_ERR_SYSTEM.
 */
int ram_create(struct ram *ram, uint64_t size, enum pn_backing backing, struct pn_error *err);
void ram_destroy(struct ram *ram);

/* One contiguous part of RAM in guest-physical memory. */
struct ram_part {
	gpa_t gpa;
	uint64_t size;	 /* bytes; 0: no such part */
	uint64_t offset; /* bytes into the memfd */
};

/* Part 0 (below the hole) or 1 (above it). */
struct ram_part ram_part(const struct ram *ram, unsigned part);

/* Registers both parts. Errors of slots_map. */
int ram_map(const struct ram *ram, struct slots *slots, struct pn_error *err);

#endif
