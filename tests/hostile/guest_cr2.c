/* SPDX-License-Identifier: MIT */
/* Cases of the hostile guest: MOV from CR2 at places that are not what they were a moment ago. */
#include "world.h"

#define TF    UINT64_C(0x100)
#define FLAGS UINT64_C(0x202)

/* Pages of the window that hold code of a few bytes. */
enum { CODE_PAGE = 50, NEXT_PAGE };

/* hostile_cr2_code.S: what the registers, in the order of ModRM, held before and after. */
extern uint64_t cr2_before[16], cr2_after[16], cr2_turns;
extern void (*const cr2_into[16])(void);
void cr2_with_flags(uint64_t flags);
extern const uint8_t cr2_stepped[];

static void set_cr2(uint64_t value)
{
	__asm__ volatile("movq %0, %%cr2" : : "r"(value));
}

/* Each register in turn, so often that all but the first time is the monitor's. Keeps how many
 * registers were wrong, or turns done again. */
static void registers(void)
{
	uint64_t wrong = 0, turns = 0;

	for (uint64_t round = 0; round < argument[0]; round++)
		for (unsigned r = 0; r < COUNT(cr2_into); r++)
			for (unsigned turn = 0; turn < 4; turn++) {
				uint64_t value = 0x123456000 + (round << 20 | r << 8 | turn);

				set_cr2(value);
				cr2_into[r]();
				wrong += ++turns != cr2_turns;
				for (unsigned i = 0; i < 16; i++)
					wrong += cr2_after[i] != (i == r ? value : cr2_before[i]);
			}
	keep(wrong);
	if (wrong)
		out32(PN_PORT_EXIT, 1);
}

/* Writes a function of at most eight bytes to `at` and calls it; returns what it leaves in RAX. */
static uint64_t call_code(uint64_t code, uint64_t at)
{
	uint64_t result;

	for (unsigned i = 0; i < 8; i++, code >>= 8)
		*(volatile uint8_t *)(at + i) = (uint8_t)code;
	__asm__ volatile("call *%1" : "=a"(result) : "r"(at) : "rcx", "memory");
	return result;
}

/* Another register, another control register, another instruction, where it was. */
static void patched_site(void)
{
	const uint64_t at = HOSTILE_PAGE(CODE_PAGE);

	window(CODE_PAGE, gpa_of(data[0]) | RW);
	set_cr2(0x5000);
	for (unsigned turn = 0; turn < 2; turn++) {
		for (unsigned i = 0; i < 3; i++)
			keep(call_code(0xc3d0200f, at)); /* mov %cr2, %rax; ret */
		keep(call_code(0xc3e0200f, at) & 0x20);	 /* mov %cr4, %rax: PAE */
	}
}

/* The user's code, as the kernel. */
static uint64_t at_user_cr2(void)
{
	const uint64_t at = HOSTILE_PAGE(HOSTILE_USER_PAGE) + (uint64_t)(user_cr2 - user);
	uint64_t result;

	__asm__ volatile("leaq 1f(%%rip), %%rdi; jmp *%1; 1:"
			 : "=&a"(result)
			 : "r"(at)
			 : "rdi", "memory");
	return result;
}

/* Both ways into the same place: as the kernel, and as the user, who may not. */
static void as_both(void)
{
	set_cr2(0x7000);
	for (unsigned turn = 0; turn < 2; turn++) {
		keep(at_user_cr2());
		keep(at_user_cr2());
		as_user(user_cr2, 0, 0);
	}
}

static void step_over(void)
{
	cr2_with_flags(FLAGS | TF);
}

static void stepped(void)
{
	for (unsigned i = 0; i < 3; i++)
		cr2_with_flags(FLAGS);
	try(step_over);
	keep(hostile_record.frame[0].rip - (uint64_t)cr2_stepped);
}

static void at_the_end(void)
{
	__asm__ volatile("call *%0" : : "r"(HOSTILE_PAGE(NEXT_PAGE) - 3) : "rax", "memory");
}

/* The instruction is the last of its page, and what follows it is not there any more. */
static void page_end(void)
{
	uint8_t *code = (uint8_t *)data[0] + PAGE - 3;

	code[0] = 0x0f;
	code[1] = 0x20;
	code[2] = 0xd0;
	*(uint8_t *)data[1] = 0xc3;
	window(CODE_PAGE, gpa_of(data[0]) | RW);
	for (unsigned turn = 0; turn < 2; turn++) {
		window(NEXT_PAGE, gpa_of(data[1]) | RW);
		for (unsigned i = 0; i < 3; i++)
			at_the_end();
		window(NEXT_PAGE, 0);
		try(at_the_end);
	}
}

const struct hostile_case cr2_cases[] = {
	{"cr2-registers", registers}, {"cr2-patched", patched_site}, {"cr2-both", as_both},
	{"cr2-stepped", stepped},     {"cr2-page-end", page_end},    {NULL, NULL},
};
