/* SPDX-License-Identifier: MIT */
/* The processor's tables: segments for two rings, #PF, SYSCALL, and a stack for traps. */
#include "paging.h"

/* Intel SDM vol. 3, 8.7. Packed: rsp[] starts at offset 4. */
struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
} __attribute__((packed));

/* Intel SDM vol. 3, 6.14.1. */
struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

#define GATE_TRAP 0x8f /* present, DPL 0, 64-bit trap gate: IF stays as it is */

static uint64_t gdt[USER_CS / 8 + 1] = {
	[KERNEL_CS / 8] = 0x00af9b000000ffff,
	[KERNEL_DS / 8] = 0x00cf93000000ffff,
	[USER_DS / 8] = 0x00cff3000000ffff,
	[USER_CS / 8] = 0x00affb000000ffff,
};

static struct tss tss = {.io_map = sizeof(struct tss)};
static struct gate idt[VECTOR_COUNT];

extern uint8_t trap_stack_top[];
void syscall_entry(void);
void page_fault_entry(void);
void unexpected_entry(void);

void (*fault_handler)(struct fault_frame *frame);

static void load_gdt(void)
{
	const struct table_register reg = {sizeof(gdt) - 1, (uintptr_t)gdt};
	uintptr_t base = (uintptr_t)&tss;

	gdt[TSS_SEL / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
			   (base >> 24 & 0xff) << 56;
	gdt[TSS_SEL / 8 + 1] = base >> 32;
	tss.rsp[0] = (uintptr_t)trap_stack_top;
	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "lea 1f(%%rip), %%rax\n\t"
			 "push %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "mov %w2, %%ss\n\t"
			 "ltr %w3"
			 :
			 : "m"(reg), "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(TSS_SEL)
			 : "rax", "memory");
}

static void load_idt(void)
{
	const struct table_register reg = {sizeof(idt) - 1, (uintptr_t)idt};

	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		uintptr_t entry = v == VECTOR_PAGE_FAULT ? (uintptr_t)page_fault_entry
							 : (uintptr_t)unexpected_entry;

		idt[v] = (struct gate){
			.offset_low = (uint16_t)entry,
			.offset_middle = (uint16_t)(entry >> 16),
			.offset_high = (uint32_t)(entry >> 32),
			.selector = KERNEL_CS,
			.type = GATE_TRAP,
		};
	}
	__asm__ volatile("lidt %0" : : "m"(reg));
}

static void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

void cpu_init(void)
{
	load_gdt();
	load_idt();
	/* SYSRET takes SS from STAR[63:48] + 8 and CS from STAR[63:48] + 16. */
	write_msr(MSR_STAR, (uint64_t)(USER_DS - 8) << 48 | (uint64_t)KERNEL_CS << 32);
	write_msr(MSR_LSTAR, (uintptr_t)syscall_entry);
	write_msr(MSR_FMASK, RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC);
	__asm__ volatile("sti");
}
