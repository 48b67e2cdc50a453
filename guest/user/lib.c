/* SPDX-License-Identifier: MIT */
/* The C half of what user programs have. No libc: nothing here may need memset() and the like. */
#include "user.h"

struct caught caught;

/* Where a failed probe goes on; set by start.S. */
gva_t recover;

/* See catch_and_protect(). */
static gva_t protect_area;
static unsigned protect_prot;

void page_fill(gva_t page, uint64_t seed, uint64_t number)
{
	for (uint64_t i = 0; i < PAGE_WORDS; i++)
		word_at(page)[i] = pattern(seed, number, i);
}

void page_expect(const char *what, gva_t page, uint64_t seed, uint64_t number)
{
	for (uint64_t i = 0; i < PAGE_WORDS; i++)
		expect(what, pattern(seed, number, i), word_at(page)[i]);
}

void catch_faults(void)
{
	syscall3(SYS_CATCH, (uintptr_t)fault_entry, 0, 0);
}

void catch_and_protect(gva_t area, unsigned prot)
{
	protect_area = area;
	protect_prot = prot;
}

uint64_t fault_caught(gva_t gva, uint64_t error, gva_t rip)
{
	caught.gva = gva;
	caught.error = error;
	caught.rip = rip;
	caught.count++;
	if (protect_area) {
		expect("SYS_PROTECT in a fault handler", 0,
		       sys_protect(protect_area, protect_prot));
		protect_area = 0;
		return 0;
	}
	return recover;
}
