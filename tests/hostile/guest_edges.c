/* SPDX-License-Identifier: MIT */
/*
 * Cases of the hostile guest: where nothing is (ports, GPAs), and where pages end (instructions and
 * stacks that reach over the edge of one).
 */
#include "world.h"

enum { FIRST_PAGE = 50, SECOND_PAGE, BUFFER_PAGE, HOLE_PAGE };

#define FIRST	 HOSTILE_PAGE((uint64_t)FIRST_PAGE)
#define SECOND	 HOSTILE_PAGE((uint64_t)SECOND_PAGE)
#define BUFFER	 HOSTILE_PAGE((uint64_t)BUFFER_PAGE)
#define HOLE	 HOSTILE_PAGE((uint64_t)HOLE_PAGE)
#define HOLE_GPA UINT64_C(0xd0000000)

/* Ports, each width both ways, one by one and as strings: each IN reads ones, each OUT is lost. */
static void wild_ports(void)
{
	volatile uint32_t *buffer = (volatile uint32_t *)data[0];
	uint64_t right = 0;

	for (uint32_t port = 0; port < 0x10000; port += (uint32_t)argument[0]) {
		uint32_t eax = 0;
		const volatile void *from = buffer;
		volatile void *to = buffer;
		uint64_t count = 3;

		if (port == PN_PORT_CONSOLE || port == PN_PORT_EXIT || port == PN_PORT_CALL)
			continue;
		buffer[0] = buffer[1] = buffer[2] = buffer[3] = 0;
		__asm__ volatile("inb %w1, %b0; outb %b0, %w1" : "+a"(eax) : "d"(port));
		right += eax == 0xff;
		__asm__ volatile("inw %w1, %w0; outw %w0, %w1" : "+a"(eax) : "d"(port));
		right += eax == 0xffff;
		__asm__ volatile("inl %w1, %0; outl %0, %w1" : "+a"(eax) : "d"(port));
		right += eax == 0xffffffff;
		__asm__ volatile("cld; rep insl" : "+D"(to), "+c"(count) : "d"(port) : "memory");
		right += !count && !~(buffer[0] & buffer[1] & buffer[2]) && !buffer[3];
		count = 3;
		__asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory");
		right += !count;
	}
	keep(right);
}

/* A string that is read from a port over the end of a page: the fault is the second page's. */
static void port_to_no_page(void)
{
	uint64_t to = SECOND - 8, count = 4;

	window(FIRST_PAGE, gpa_of(data[0]) | RW);
	window(SECOND_PAGE, 0);
	__asm__ volatile("cld; rep insl" : "+D"(to), "+c"(count) : "d"(0x9000) : "memory");
}

static void ports_over_the_edge(void)
{
	try(port_to_no_page);
	keep(data[0][511]);
}

/* Where no memory is, by every kind of instruction: the first ends the run. */
static void wild_gpa(void)
{
	uint64_t rax = 5, rdi = BUFFER, rsi = HOLE, rcx = 2;

	window(BUFFER_PAGE, gpa_of(data[0]) | RW);
	window(HOLE_PAGE, HOLE_GPA | RW);
	switch (argument[0]) {
	case 0: __asm__ volatile("movb (%1), %b0" : "+a"(rax) : "r"(rsi) : "memory"); break;
	case 1: __asm__ volatile("movw %w0, 2(%1)" : "+a"(rax) : "r"(rsi) : "memory"); break;
	case 2: __asm__ volatile("movq %0, 0xff8(%1)" : "+a"(rax) : "r"(rsi) : "memory"); break;
	case 3: __asm__ volatile("xchgq %0, (%1)" : "+a"(rax) : "r"(rsi) : "memory"); break;
	case 4: __asm__ volatile("lock addl %k0, 4(%1)" : "+a"(rax) : "r"(rsi) : "memory"); break;
	case 5:
		__asm__ volatile("cld; rep movsq" : "+D"(rdi), "+S"(rsi), "+c"(rcx) : : "memory");
		break;
	case 6:
		rdi = rsi;
		__asm__ volatile("cld; rep stosl" : "+D"(rdi), "+c"(rcx) : "a"(rax) : "memory");
		break;
	case 7: __asm__ volatile("movzbl 7(%1), %k0" : "+a"(rax) : "r"(rsi) : "memory"); break;
	case 8: /* the last bytes of memory, and the first of none */
		__asm__ volatile("movq -4(%1), %0" : "+a"(rax) : "r"(rsi) : "memory");
		break;
	case 9: __asm__ volatile("movq %0, -4(%1)" : "+a"(rax) : "r"(rsi) : "memory"); break;
	case 10:
		__asm__ volatile("movq %%rsp, %%rbx; movq %0, %%rsp; popq %%rcx; movq %%rbx, %%rsp"
				 :
				 : "r"(rsi)
				 : "rbx", "rcx", "memory");
		break;
	default: __asm__ volatile("testb $1, (%0)" : : "r"(rsi) : "cc", "memory");
	}
}

/* A descriptor table where no memory is: 0 the GDT, 1 the IDT, 2 the TSS. */
static void wild_table(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) t = {0xfff, HOLE};

	window(HOLE_PAGE, HOLE_GPA | RW);
	switch (argument[0]) {
	case 0:
		__asm__ volatile("lgdt %0; movw %w1, %%ds" : : "m"(t), "r"(HOSTILE_DS) : "memory");
		break;
	case 1: __asm__ volatile("lidt %0; ud2" : : "m"(t) : "memory"); break;
	default:
		gdt[HOSTILE_TR / 8] = (sizeof(struct tss) - 1) | (HOLE & 0xffffff) << 16 |
				      UINT64_C(0x89) << 40 | (HOLE >> 24 & 0xff) << 56;
		gdt[HOSTILE_TR / 8 + 1] = HOLE >> 32;
		__asm__ volatile("ltr %w0" : : "r"(HOSTILE_TR));
		as_user(user_ud, 0, 0);
	}
}

static uint64_t rsp;

static void ud_there(void)
{
	__asm__ volatile("movq %0, %%rsp; ud2" : : "r"(rsp) : "memory");
}

static void pop_there(void)
{
	__asm__ volatile("movq %0, %%rsp; popq %%rax" : : "r"(rsp) : "rax", "memory");
}

static void call_there(void)
{
	__asm__ volatile("movq %0, %%rsp; call *%1" : : "r"(rsp), "r"(ud_there) : "memory");
}

/*
 * A stack at the last byte of memory: 0 an exception fits below it, 1 a POP reaches over into no
 * slot, 2 the same where the next page is not present.
 */
static void last_byte(void)
{
	window(FIRST_PAGE,
	       (((const volatile struct pn_boot_info *)PN_BOOT_INFO_GPA)->ram[0].size - PAGE) | RW);
	window(SECOND_PAGE, argument[0] == 1 ? HOLE_GPA | RW : 0);
	rsp = SECOND - 1;
	try(argument[0] ? pop_there : ud_there);
}

/* A stack that begins at the end of the address space: what is pushed first is at its top. */
static void stack_at_zero(void)
{
	rsp = 0;
	try(argument[0] ? call_there : ud_there);
}

/* MOV $i, %eax over the edge of a page, its opcode the last byte; then what `tail` says. */
static void put_code(uint32_t i, uint32_t tail)
{
	volatile uint8_t *first = (volatile uint8_t *)data[0];
	volatile uint8_t *second = (volatile uint8_t *)data[1 + i % 2];

	first[PAGE - 1] = 0xb8;
	*(volatile uint32_t *)second = i;
	*(volatile uint32_t *)(second + 4) = tail;
	second[8] = 0x0b;
}

/* The text of one instruction in two pages: patched in the second (0), or that page exchanged (1). */
static void code_over_the_edge(void)
{
	uint64_t right = 0;

	window(FIRST_PAGE, gpa_of(data[0]) | RW);
	for (uint32_t i = 0; i < 32; i++) {
		uint32_t which = argument[0] ? i : 2 * i;
		uint64_t rax;

		put_code(which, 0xc3); /* RET */
		if (argument[0] || !i)
			window(SECOND_PAGE, gpa_of(data[1 + which % 2]) | RW);
		__asm__ volatile("call *%1" : "=a"(rax) : "r"(SECOND - 1) : "memory");
		right += rax == which;
	}
	keep(right);
}

static void enter_over_the_edge(void)
{
	enter_user(SECOND - 1, BUFFER, 0);
}

/* The same as the user, who stores what he has got: MOV %rax, (%rdi); UD2. */
static void user_code_over_the_edge(void)
{
	uint64_t right = 0;

	window(FIRST_PAGE, gpa_of(data[0]) | USER);
	window(BUFFER_PAGE, gpa_of(data[3]) | USER);
	for (uint32_t i = 1; i < 5; i++) {
		put_code(i, 0x0f078948);
		window(SECOND_PAGE, gpa_of(data[1 + i % 2]) | USER);
		try(enter_over_the_edge);
		right += data[3][0] == i;
	}
	keep(right);
}

static void run_over_the_edge(void)
{
	((void (*)(void))(SECOND - 1))();
}

/* The instruction's second page is not there: the fault is there, and not where it begins. */
static void half_an_instruction(void)
{
	window(FIRST_PAGE, gpa_of(data[0]) | USER);
	window(SECOND_PAGE, 0);
	put_code(0, 0xc3);
	try(run_over_the_edge);
	try(enter_over_the_edge);
}

const struct hostile_case edges_cases[] = {
	{"wild-ports", wild_ports},
	{"ports-over-the-edge", ports_over_the_edge},
	{"wild-gpa", wild_gpa},
	{"wild-table", wild_table},
	{"last-byte", last_byte},
	{"stack-at-zero", stack_at_zero},
	{"code-over-the-edge", code_over_the_edge},
	{"user-code-over-the-edge", user_code_over_the_edge},
	{"half-an-instruction", half_an_instruction},
	{NULL, NULL},
};
