/* SPDX-License-Identifier: MIT */
/*
 * Cases of the hostile guest: transfers to where it may not go, attempts on the monitor, and more
 * address spaces than shadow tables can be had for.
 */
#include "world.h"

#define MSR_SYSENTER_CS	 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_STAR	 0xc0000081

static void write_msr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* IRETQ to RIP, CS, SS: the arguments. */
static void iret(void)
{
	__asm__ volatile("movq %%rsp, %%rax; pushq %2; pushq %%rax; pushq $0x202; pushq %1;"
			 "pushq %0; iretq"
			 :
			 : "r"(argument[0]), "r"(argument[1]), "r"(argument[2])
			 : "rax", "memory");
}

static void jump_far(void)
{
	const struct {
		uint32_t rip;
		uint16_t cs;
	} __attribute__((packed)) to = {(uint32_t)argument[0], (uint16_t)argument[1]};

	__asm__ volatile("ljmpl *%0" : : "m"(to) : "memory");
}

static void call_far(void)
{
	const struct {
		uint32_t rip;
		uint16_t cs;
	} __attribute__((packed)) to = {(uint32_t)argument[0], (uint16_t)argument[1]};

	__asm__ volatile("lcalll *%0" : : "m"(to) : "memory");
}

static void sysret(void)
{
	write_msr(MSR_STAR, (uint64_t)0x33 << 48 | (uint64_t)HOSTILE_CS << 32);
	__asm__ volatile("sysretq" : : "c"(argument[0]), "a"(0) : "r11", "memory");
}

static void sysenter(void)
{
	write_msr(MSR_SYSENTER_CS, HOSTILE_CS);
	write_msr(MSR_SYSENTER_ESP, gpa_of(ist_top));
	write_msr(MSR_SYSENTER_EIP, gpa_of(user_ud));
	__asm__ volatile("sysenter" : : : "memory");
}

/* INT3 of the user, so many times: each is one exception, behind the instruction. */
static void breakpoints(void)
{
	const uint64_t next = HOSTILE_PAGE(HOSTILE_USER_PAGE) + (uint64_t)(user_bp - user) + 1;
	const struct hostile_frame *f = &hostile_record.frame[0];
	uint64_t wrong = 0;

	set_gate(VECTOR_BP, gpa_of(stubs) + VECTOR_BP * 16, 0);
	idt[VECTOR_BP].type |= 0x60; /* the user may */
	for (uint64_t i = 0; i < argument[0]; i++) {
		hostile_record.traps = 0;
		as_user(user_bp, 0, 0);
		wrong += hostile_record.traps != 1 || f->vector != VECTOR_BP || f->rip != next;
	}
	keep(wrong);
	if (wrong)
		out32(PN_PORT_EXIT, 1);
}

static void load_tr(void)
{
	__asm__ volatile("ltr %w0" : : "r"(argument[0]));
}

static void load_ldt(void)
{
	__asm__ volatile("lldt %w0" : : "r"(argument[0]));
}

static void read_it(void)
{
	peek(argument[0]);
}

static void write_it(void)
{
	poke(argument[0], UINT64_MAX);
}

static void jump_to_it(void)
{
	((void (*)(void))argument[0])();
}

/* The six ways to reach a GVA: read, write, execute, as kernel and as user. */
static void reach(void)
{
	try(read_it);
	try(write_it);
	try(jump_to_it);
	as_user(user_read, argument[0], 0);
	as_user(user_write, argument[0], 0);
	as_user(user_jump, argument[0], argument[1]);
}

/* OUT and IN of the user, whose I/O bitmap lets it do none: ports of the arguments. */
static void user_ports(void)
{
	as_user(user_out, argument[0], argument[2]);
	as_user(user_in, argument[1], argument[2]);
}

/* OUT to the monitor's two ports with the registers of one of its stubs. */
static void forged_trap(void)
{
	static uint64_t rsp;

	__asm__ volatile("movq %%rsp, %0; movq %1, %%rsp; outb %%al, $0xf0; outb %%al, $0xf1;"
			 "movq %0, %%rsp"
			 : "+m"(rsp)
			 : "r"(argument[0]), "a"(argument[1])
			 : "memory");
	keep(0x600d);
}

static void host_call(void)
{
	uint64_t value = argument[0];

	__asm__ volatile("inl %w1, %k0"
			 : "+a"(value)
			 : "d"(PN_PORT_CALL), "D"(argument[1]), "S"(argument[2])
			 : "memory");
	keep((uint32_t)value);
}

/* The address spaces' pages: free RAM from 16 MiB on. */
#define FREE UINT64_C(0x1000000)

static uint64_t *fresh(void)
{
	static uint64_t next = FREE;
	uint64_t *page = (uint64_t *)next;

	next += PAGE;
	return page;
}

/* So many address spaces, each with a page of its own at one GVA, all visited twice. */
static void spaces(void)
{
	uint64_t home = gpa_of(root()), first = FREE, wrong = 0, count = argument[0];

	for (uint64_t i = 0; i < count; i++) {
		uint64_t *top = fresh(), *pdpt = fresh(), *pd = fresh(), *pt = fresh();

		for (unsigned k = 0; k < 512; k++)
			top[k] = ((uint64_t *)home)[k];
		top[2] = gpa_of(pdpt) | USER;
		pdpt[0] = gpa_of(pd) | USER;
		pd[0] = gpa_of(pt) | USER;
		pt[i % 512] = gpa_of(fresh()) | USER;
		load_root(gpa_of(top));
		poke((UINT64_C(2) << 39) + i % 512 * PAGE, i);
	}
	for (uint64_t i = count; i-- > 0;) {
		load_root(first + i * 5 * PAGE);
		wrong += peek((UINT64_C(2) << 39) + i % 512 * PAGE) != i;
	}
	load_root(home);
	keep(count);
	keep(wrong);
}

/* One address space with so many pages, each 2 MiB from the last and under a table of its own. */
static void sparse(void)
{
	uint64_t count = argument[0], wrong = 0, at = UINT64_C(2) << 39;
	uint64_t *pdpt = fresh(), *pd = NULL;

	root()[2] = gpa_of(pdpt) | USER;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t *pt = fresh();

		if (i % 512 == 0) {
			pd = fresh();
			pdpt[i / 512] = gpa_of(pd) | USER;
		}
		pd[i % 512] = gpa_of(pt) | USER;
		pt[i % 512] = gpa_of(data[i % COUNT(data)]) | USER;
	}
	for (unsigned round = 0; round < 2; round++)
		for (uint64_t i = 0; i < count; i++)
			wrong +=
				peek(at + i * 0x200000 + i % 512 * PAGE) != 0x100 + i % COUNT(data);
	keep(count);
	keep(wrong);
}

#define TRY(name)                    \
	static void try_##name(void) \
	{                            \
		try(name);           \
	}

TRY(iret)
TRY(jump_far)
TRY(call_far)
TRY(sysret)
TRY(sysenter)
TRY(load_tr)
TRY(load_ldt)

const struct hostile_case transfer_cases[] = {
	{"breakpoints", breakpoints}, {"iret", try_iret},	    {"jump-far", try_jump_far},
	{"call-far", try_call_far},   {"sysret", try_sysret},	    {"sysenter", try_sysenter},
	{"ltr", try_load_tr},	      {"lldt", try_load_ldt},	    {"reach", reach},
	{"user-ports", user_ports},   {"forged-trap", forged_trap}, {"host-call", host_call},
	{"spaces", spaces},	      {"sparse", sparse},	    {NULL, NULL},
};
