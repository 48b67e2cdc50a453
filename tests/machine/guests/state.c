/* SPDX-License-Identifier: MIT */
/* The state guest: see state.h. */
#include "state.h"

#include <penumbra/guest.h>

#define UMIP (1u << 2)

uint64_t hold(const uint64_t value[STATE_GENERAL], uint64_t turns, uint64_t found[STATE_GENERAL]);
void state(const struct pn_boot_info *boot);

static const char *const general_names[STATE_GENERAL] = {
	"rax", "rbx", "rdx", "rsi", "rdi", "rbp", "r8",
	"r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

enum special {
	CR0,
	CR2,
	CR3,
	CR4,
	DR0,
	DR1,
	DR2,
	DR3,
	DR7,
	STAR,
	LSTAR,
	CSTAR,
	SFMASK,
	KERNEL_GS_BASE,
	FS_BASE,
	GS_BASE,
	PAT,
	EFER,
	SYSENTER_CS,
	SYSENTER_ESP,
	SYSENTER_EIP,
	GDT_BASE,
	GDT_LIMIT,
	IDT_BASE,
	TASK,
	SPECIALS
};

static const char *const special_names[SPECIALS] = {
	"CR0",	   "CR2",	"CR3",	"CR4",	 "DR0",		"DR1",		"DR2",
	"DR3",	   "DR7",	"STAR", "LSTAR", "CSTAR",	"SFMASK",	"KERNEL_GS_BASE",
	"FS_BASE", "GS_BASE",	"PAT",	"EFER",	 "SYSENTER_CS", "SYSENTER_ESP", "SYSENTER_EIP",
	"GDT",	   "GDT limit", "IDT",	"TR",
};

/* MSRs, and what is written into them first; 0: left as it is. */
static const struct {
	enum special name;
	uint32_t index;
	uint64_t value;
} msrs[] = {
	{STAR, 0xc0000081, 0x0023001000000000},
	{LSTAR, 0xc0000082, 0xffffffff80123456},
	{CSTAR, 0xc0000083, 0xffffffff80234567},
	{SFMASK, 0xc0000084, 0x47700},
	{KERNEL_GS_BASE, 0xc0000102, 0x0000123456789000},
	{FS_BASE, 0xc0000100, 0x0000700000001230},
	{GS_BASE, 0xc0000101, 0xffffffff81234560},
	{PAT, 0x277, 0x0007040600070406},
	{EFER, 0xc0000080, 0},
	{SYSENTER_CS, 0x174, 0x10},
	{SYSENTER_ESP, 0x175, 0xffffffff80345678},
	{SYSENTER_EIP, 0x176, 0xffffffff80456789},
};

static uint64_t rdmsr(uint32_t index)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return (uint64_t)high << 32 | low;
}

static void wrmsr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"(value >> 32));
}

#define READ(register, to)  __asm__ volatile("mov %%" #register ", %0" : "=r"(to))
#define WRITE(register, of) __asm__ volatile("mov %0, %%" #register : : "r"((uint64_t)(of)))

/* Without UMIP a deprivileged kernel is shown the monitor's tables (docs/guest-rules.md). */
static int has_umip(void)
{
	uint32_t a = 7, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (c & UMIP) != 0;
}

/* AMD has 32 bits of SYSENTER's registers: what becomes of the rest depends on who stores it. */
static int is_amd(void)
{
	uint32_t a = 0, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c == 0x444d4163; /* "cAMD" */
}

static void write_all(void)
{
	int narrow = is_amd();

	for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		uint64_t value = msrs[i].value;

		if (narrow && (msrs[i].name == SYSENTER_ESP || msrs[i].name == SYSENTER_EIP))
			value = (uint32_t)value;
		if (value)
			wrmsr(msrs[i].index, value);
	}
	WRITE(cr2, 0x123456789abc);
	WRITE(dr0, 0x111111111110);
	WRITE(dr1, 0x222222222220);
	WRITE(dr2, 0x333333333330);
	WRITE(dr3, 0x444444444440);
}

static void read_all(uint64_t value[SPECIALS], int tables)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} gdt = {0, 0}, idt = {0, 0};
	uint16_t task = 0;

	READ(cr0, value[CR0]);
	READ(cr2, value[CR2]);
	READ(cr3, value[CR3]);
	READ(cr4, value[CR4]);
	READ(dr0, value[DR0]);
	READ(dr1, value[DR1]);
	READ(dr2, value[DR2]);
	READ(dr3, value[DR3]);
	READ(dr7, value[DR7]);
	for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
		value[msrs[i].name] = rdmsr(msrs[i].index);
	if (tables)
		__asm__ volatile("sgdt %0\n\tsidt %1\n\tstr %2" : "=m"(gdt), "=m"(idt), "=m"(task));
	value[GDT_BASE] = gdt.base;
	value[GDT_LIMIT] = gdt.limit;
	value[IDT_BASE] = idt.base;
	value[TASK] = task;
}

static void print(const char *text)
{
	for (; *text; text++)
		__asm__ volatile("outb %b0, %w1" : : "a"(*text), "d"(PN_PORT_CONSOLE));
}

static void print_number(uint64_t n)
{
	print(" 0x");
	for (int shift = 60; shift >= 0; shift -= 4) {
		char digit[2] = {"0123456789abcdef"[n >> shift & 15], 0};

		print(digit);
	}
}

static int compare(const char *name, uint64_t expected, uint64_t found)
{
	if (expected == found)
		return 0;
	print(name);
	print(" changed:");
	print_number(expected);
	print_number(found);
	print("\n");
	return 1;
}

/* The number behind "name=" on the command line. */
static uint64_t option(const char *line, const char *name, uint64_t value)
{
	for (; *line; line++) {
		const char *a = line, *b = name;

		while (*b && *a == *b)
			a++, b++;
		if (*b || *a++ != '=')
			continue;
		for (value = 0; *a >= '0' && *a <= '9'; a++)
			value = value * 10 + (uint64_t)(*a - '0');
		return value;
	}
	return value;
}

void state(const struct pn_boot_info *boot)
{
	uint64_t rounds = option(boot->cmdline, "rounds", 20);
	uint64_t spins = option(boot->cmdline, "spins", 2000);
	uint64_t first[SPECIALS], now[SPECIALS], value[STATE_GENERAL], found[STATE_GENERAL];
	int tables = has_umip(), changed = 0;

	write_all();
	read_all(first, tables);
	for (uint64_t round = 1; round <= rounds && !changed; round++) {
		uint64_t flags;

		for (unsigned i = 0; i < STATE_GENERAL; i++)
			value[i] = (round << 32 | i) * 0x9e3779b97f4a7c15;
		flags = hold(value, spins, found);
		for (unsigned i = 0; i < STATE_GENERAL; i++)
			changed |= compare(general_names[i], value[i], found[i]);
		changed |= compare("rflags", STATE_FLAGS, flags & STATE_FLAGS);
		read_all(now, tables);
		for (unsigned i = 0; i < SPECIALS; i++)
			changed |= compare(special_names[i], first[i], now[i]);
	}
	if (!changed)
		print("nothing changed\n");
	__asm__ volatile("outl %0, %w1" : : "a"(changed), "d"(PN_PORT_EXIT));
}
