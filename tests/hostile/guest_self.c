/* SPDX-License-Identifier: MIT */
/* Cases of the hostile guest: it takes away what its own exceptions need. */
#include "world.h"

/* Pages of the window that stand for what is taken away. */
enum { IDT_PAGE = 30, GDT_PAGE, TSS_PAGE, HOLE_PAGE, STACK_PAGE };

static uint64_t rsp;

static void ud(void)
{
	__asm__ volatile("ud2");
}

static void load(const char *what, uint64_t base, uint16_t limit)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) t = {limit, base};

	if (*what == 'i')
		__asm__ volatile("lidt %0" : : "m"(t) : "memory");
	else
		__asm__ volatile("lgdt %0" : : "m"(t) : "memory");
}

static void no_idt(void)
{
	window(IDT_PAGE, gpa_of(idt) | RW);
	load("idt", HOSTILE_PAGE(IDT_PAGE), VECTORS * 16 - 1);
	window(IDT_PAGE, 0);
	ud();
}

static void no_gdt(void)
{
	window(GDT_PAGE, gpa_of(gdt) | RW);
	load("gdt", HOSTILE_PAGE(GDT_PAGE), sizeof(gdt) - 1);
	window(GDT_PAGE, 0);
	ud();
}

/* TR's base in the window. From the kernel no TSS is needed, from the user it is. */
static void no_tss(void)
{
	uint64_t base = HOSTILE_PAGE(TSS_PAGE);

	window(TSS_PAGE, gpa_of(&tss) | RW);
	gdt[HOSTILE_TR / 8] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 |
			      UINT64_C(0x89) << 40 | (base >> 24 & 0xff) << 56;
	gdt[HOSTILE_TR / 8 + 1] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(HOSTILE_TR));
	window(TSS_PAGE, 0);
	try(ud);
	if (argument[0])
		as_user(user_ud, 0, 0);
}

/* A handler that is not mapped: its own fetch faults, and that has one. */
static void no_handler(void)
{
	window(HOLE_PAGE, 0);
	set_gate(VECTOR_UD, HOSTILE_PAGE(HOLE_PAGE), 0);
	try(ud);
}

static void on_rsp(void)
{
	__asm__ volatile("movq %0, %%rsp; ud2" : : "r"(rsp) : "memory");
}

/* Every fetch of the page fault's handler is a page fault, until the stack is used up; then a
 * double fault if that has a stack (0), else nothing is left (1). */
static void no_page_fault_handler(void)
{
	if (argument[0])
		set_gate(VECTOR_DF, gpa_of(stubs) + VECTOR_DF * 16, 0);
	window(HOLE_PAGE, 0);
	window(STACK_PAGE, gpa_of(data[6]) | RW);
	set_gate(VECTOR_PF, HOSTILE_PAGE(HOLE_PAGE), 0);
	set_gate(VECTOR_UD, HOSTILE_PAGE(HOLE_PAGE), 0);
	rsp = HOSTILE_PAGE(STACK_PAGE + 1);
	try(on_rsp);
}

/* A stack that is not there: 0 with an IST for the double fault, 1 without, 2 with one that is not
 * there either. `rsp` is the second argument, or a page of the window, whose entry is the third. */
static void no_stack(void)
{
	window(HOLE_PAGE, argument[2]);
	if (argument[0] == 1)
		set_gate(VECTOR_DF, gpa_of(stubs) + VECTOR_DF * 16, 0);
	if (argument[0] == 2)
		tss.tss.ist[0] = HOSTILE_PAGE(HOLE_PAGE) + 0x100;
	rsp = argument[1] ? argument[1] : HOSTILE_PAGE(HOLE_PAGE) + 0x800;
	try(on_rsp);
}

/* From the user: the stack that the TSS names is not there. */
static void no_rsp0(void)
{
	window(HOLE_PAGE, 0);
	tss.tss.rsp[0] = argument[0] ? argument[0] : HOSTILE_PAGE(HOLE_PAGE) + 0x800;
	as_user(user_ud, 0, 0);
}

/* An IST that is refilled at each fault, and a handler that is not there: for ever. */
static void fault_for_ever(void)
{
	window(HOLE_PAGE, 0);
	set_gate(VECTOR_PF, HOSTILE_PAGE(HOLE_PAGE), 1);
	peek(HOSTILE_PAGE(HOLE_PAGE));
}

/* A handler that comes back without having mended anything. */
static void mend_for_ever(void)
{
	window(HOLE_PAGE, 0);
	set_gate(VECTOR_PF, (uint64_t)mend_nothing, 0);
	peek(HOSTILE_PAGE(HOLE_PAGE));
}

/* The kernel's text, patched through its own mapping and through an alias. */
static void patch_text(void)
{
	uint64_t text = (uint64_t)patched, offset = text % PAGE + 3;
	uint64_t right = 0;

	window(40, (text & ADDRESS) | RW);
	for (unsigned i = 0; i < 32; i++) {
		*(volatile uint8_t *)((i % 2 ? HOSTILE_PAGE(40) + offset : text + 3)) = (uint8_t)i;
		right += patched() == i;
	}
	keep(right);
}

static void fill(uint64_t from, uint64_t to)
{
	__asm__ volatile("cld; rep stosq"
			 :
			 : "a"(UINT64_C(0xdeadbeefdeadbeef)), "c"((to - from) / 8), "D"(from)
			 : "memory");
}

/* Everything but the image is scribbled over, the boot area and its tables included. RAM is one
 * piece. */
static void scribble(void)
{
	static table top, pdpt, pd;
	const volatile struct pn_boot_info *boot = (const void *)PN_BOOT_INFO_GPA;
	const uint64_t end = boot->ram[0].size, image_end = boot->image_end;

	for (unsigned i = 0; i < COUNT(pd); i++)
		pd[i] = (uint64_t)i << 21 | RW | PS;
	pdpt[0] = gpa_of(pd) | RW;
	top[0] = gpa_of(pdpt) | RW;
	load_root(gpa_of(top));
	fill(0, boot->image_start);
	fill(image_end, end);
	keep(end);
	out32(PN_PORT_EXIT, 7);
}

/* Nothing is left out: tables, code and stack too. */
static void scribble_all(void)
{
	const volatile struct pn_boot_info *boot = (const void *)PN_BOOT_INFO_GPA;

	fill(0, boot->ram[0].size);
}

const struct hostile_case self_cases[] = {
	{"no-idt", no_idt},
	{"no-gdt", no_gdt},
	{"no-tss", no_tss},
	{"no-handler", no_handler},
	{"no-page-fault-handler", no_page_fault_handler},
	{"no-stack", no_stack},
	{"no-rsp0", no_rsp0},
	{"fault-for-ever", fault_for_ever},
	{"mend-for-ever", mend_for_ever},
	{"patch-text", patch_text},
	{"scribble", scribble},
	{"scribble-all", scribble_all},
	{NULL, NULL},
};
