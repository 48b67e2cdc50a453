/* SPDX-License-Identifier: MIT */
/* Ring 3 of `protect`: an area becomes read-only and a page of code not executable, and back. */
#include "protect.h"

#include "user.h"
#include "x86.h"

#define USER_WRITE_FAULT (PF_ERR_PRESENT | PF_ERR_WRITE | PF_ERR_USER)
#define USER_FETCH_FAULT (PF_ERR_PRESENT | PF_ERR_USER | PF_ERR_FETCH)
#define INSTRUCTION_RET	 0xc3

static void read_only(gva_t base, uint64_t pages, uint64_t seed)
{
	uint64_t count = caught.count;

	expect("SYS_PROTECT to read-only", 0, sys_protect(base, PROT_READ));
	for (uint64_t i = 0; i < pages; i++) {
		gva_t gva = base + i * PAGE_SIZE + protect_offset(i);

		expect("a write to a read-only page went through", 0, probe_write(gva));
		expect("error code of a write to a read-only page", USER_WRITE_FAULT, caught.error);
		expect("CR2 of a write to a read-only page", gva, caught.gva);
		page_expect("a word of a read-only page", base + i * PAGE_SIZE, seed, i);
	}
	expect("writes that came back", pages, caught.count - count);

	/* One more, whose handler gives the right back: the access is made again and works. */
	catch_and_protect(base, PROT_READ | PROT_WRITE);
	*word_at(base) = 0;
	expect("writes that came back", pages + 1, caught.count - count);
	expect("the word that was written after all", 0, *word_at(base));
	*word_at(base) = pattern(seed, 0, 0);
	for (uint64_t i = 0; i < pages; i++) {
		page_expect("a word of a page made writable", base + i * PAGE_SIZE, seed, i);
		page_fill(base + i * PAGE_SIZE, seed, i);
	}
	expect("writes that came back", pages + 1, caught.count - count);
}

static void no_execute(gva_t code)
{
	expect("a call of a page that is not executable went through", 0, probe_call(code));
	expect("error code of the call", USER_FETCH_FAULT, caught.error);
	expect("CR2 of the call", code, caught.gva);
	expect("RIP of the call", code, caught.rip);
}

uint64_t user_protect(gva_t base, uint64_t pages, uint64_t rounds, uint64_t seed)
{
	const gva_t code = base + pages * PAGE_SIZE;

	catch_faults();
	for (uint64_t i = 0; i < pages; i++)
		page_fill(base + i * PAGE_SIZE, seed, i);
	*word_at(code) = INSTRUCTION_RET;
	sys_block(1);
	for (uint64_t r = 0; r < rounds; r++) {
		read_only(base, pages, seed);

		no_execute(code);
		expect("SYS_PROTECT to executable", 0, sys_protect(code, PROT_READ | PROT_EXEC));
		expect("a call of executable code", 1, probe_call(code));
		expect("a write to executable code went through", 0, probe_write(code));
		expect("error code of the write", USER_WRITE_FAULT, caught.error);
		expect("SYS_PROTECT to writable", 0, sys_protect(code, PROT_READ | PROT_WRITE));
		no_execute(code);
		expect("the code", INSTRUCTION_RET, *word_at(code));
	}
	sys_block(2);
	return 0;
}
