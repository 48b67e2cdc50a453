/* SPDX-License-Identifier: MIT */
/* What user programs have: system calls, pages with patterns in them, and faults they survive. */
#ifndef USER_H
#define USER_H

#include "address.h"
#include "pattern.h"
#include "syscall.h"

#include <stdbool.h>

/* All of it is in one image: found relative to RIP, not through a table of addresses. */
#pragma GCC visibility push(hidden)

static inline uint64_t syscall3(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t result = number;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static inline uint64_t sys_block(uint64_t value)
{
	return syscall3(SYS_BLOCK, value, 0, 0);
}

static inline void sys_yield(void)
{
	syscall3(SYS_YIELD, 0, 0, 0);
}

static inline uint64_t sys_fork(void)
{
	return syscall3(SYS_FORK, 0, 0, 0);
}

static inline uint64_t sys_wait(void)
{
	return syscall3(SYS_WAIT, 0, 0, 0);
}

static inline uint64_t sys_protect(gva_t gva, unsigned prot)
{
	return syscall3(SYS_PROTECT, gva, prot, 0);
}

/* Ends the process unless the two are equal. */
static inline void expect(const char *what, uint64_t expected, uint64_t got)
{
	if (expected != got)
		syscall3(SYS_FAIL, (uintptr_t)what, expected, got);
}

static inline volatile uint64_t *word_at(gva_t gva)
{
	return (volatile uint64_t *)gva;
}

static inline volatile uint8_t *byte_at(gva_t gva)
{
	return (volatile uint8_t *)gva;
}

/* Fills a page with pattern(seed, number); ends the process unless a page is filled so. */
void page_fill(gva_t page, uint64_t seed, uint64_t number);
void page_expect(const char *what, gva_t page, uint64_t seed, uint64_t number);

/*
 * One access that may fault. Returns whether it went through; if not, `caught` tells. call jumps
 * to the address and expects code that returns. probe.S.
 */
bool probe_read(gva_t gva);
bool probe_write(gva_t gva);
bool probe_call(gva_t gva);

/* The last fault that came back to this process, and how many did. */
struct caught {
	gva_t gva;
	uint64_t error;
	gva_t rip;
	uint64_t count;
};
extern struct caught caught;
extern gva_t recover;

/* Where faults come back to (start.S), and what it calls: where to go on; 0: access again. */
void fault_entry(void);
uint64_t fault_caught(gva_t gva, uint64_t error, gva_t rip);

/* Has faults come back from now on. The probes need it. */
void catch_faults(void);

/* The next fault is answered by sys_protect(area, prot), and the access is made again. */
void catch_and_protect(gva_t area, unsigned prot);

/* The programs (programs.h). What a program returns is its exit status. */
uint64_t user_touch(gva_t base, uint64_t pages, uint64_t seed);
uint64_t user_warm(gva_t base, uint64_t pages, uint64_t rounds, uint64_t seed);
uint64_t user_file(gva_t base, uint64_t pages, uint64_t file, uint64_t written);
uint64_t user_remap(gva_t base, uint64_t pages, uint64_t rounds, uint64_t seed);
uint64_t user_protect(gva_t base, uint64_t pages, uint64_t rounds, uint64_t seed);
uint64_t user_fork(gva_t base, uint64_t pages, uint64_t procs, uint64_t seed);
uint64_t user_switch(gva_t base, uint64_t pages, uint64_t rounds, uint64_t seed);
uint64_t user_spawn(gva_t base, uint64_t pages, uint64_t seed);
uint64_t user_huge(gva_t base, uint64_t size, uint64_t seed);
uint64_t user_faults(gva_t base, gva_t kernel_data, gva_t kernel_text, uint64_t pid);
uint64_t user_die(uint64_t how);
uint64_t user_spin(void);

#pragma GCC visibility pop

#endif
