/* SPDX-License-Identifier: MIT */
/*
 * The processor's own tables. The host's GDT lies in memory we want to be independent of, there is
 * no IDT at all at the start, and without a TSS no trap from ring 3 finds a stack.
 */
#include "cpu.h"

#include "log.h"
#include "regs.h"
#include "syscall.h"
#include "x86.h"

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

#define GATE_TRAP	 0x8f /* present, DPL 0, 64-bit trap gate: IF stays as it is */
#define GATE_DPL3	 0x60
#define IST_DOUBLE_FAULT 1

static uint64_t gdt[USER_CS / 8 + 1] = {
	[KERNEL_CS / 8] = 0x00af9b000000ffff,
	[KERNEL_DS / 8] = 0x00cf93000000ffff,
	[USER_DS / 8] = 0x00cff3000000ffff,
	[USER_CS / 8] = 0x00affb000000ffff,
};

static struct tss tss = {.io_map = sizeof(struct tss)};
static struct gate idt[VECTOR_COUNT];
static uint8_t double_fault_stack[4096] __attribute__((aligned(16)));
static struct cpu_features features;
static bool guarded; /* cpu_enable_guards() has been here */

/* Read by usercopy.S and entry.S: STAC and CLAC are undefined instructions elsewhere. */
uint8_t cpu_smap;

/* entry.S: one stub of 16 bytes for each vector. */
extern const uint8_t vector_stubs[VECTOR_COUNT][16];

static void cpuid(uint32_t leaf, uint32_t out[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
			 : "0"(leaf), "2"(0));
}

static void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static uint64_t read_msr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static void load_gdt(void)
{
	const struct table_register reg = {sizeof(gdt) - 1, (uintptr_t)gdt};
	uintptr_t base = (uintptr_t)&tss;

	gdt[TSS_SEL / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
			   (base >> 24 & 0xff) << 56;
	gdt[TSS_SEL / 8 + 1] = base >> 32;
	tss.ist[IST_DOUBLE_FAULT - 1] =
		(uintptr_t)(double_fault_stack + sizeof(double_fault_stack));

	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "lea 1f(%%rip), %%rax\n\t"
			 "push %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "mov %w2, %%ss\n\t"
			 "xor %%eax, %%eax\n\t"
			 "mov %%eax, %%ds\n\t"
			 "mov %%eax, %%es\n\t"
			 "mov %%eax, %%fs\n\t"
			 "mov %%eax, %%gs\n\t"
			 "ltr %w3"
			 :
			 : "m"(reg), "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(TSS_SEL)
			 : "rax", "memory");
}

static void load_idt(void)
{
	const struct table_register reg = {sizeof(idt) - 1, (uintptr_t)idt};

	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		uintptr_t stub = (uintptr_t)vector_stubs[v];

		idt[v] = (struct gate){
			.offset_low = (uint16_t)stub,
			.offset_middle = (uint16_t)(stub >> 16),
			.offset_high = (uint32_t)(stub >> 32),
			.selector = KERNEL_CS,
			.type = GATE_TRAP,
		};
	}
	idt[VECTOR_BREAKPOINT].type |= GATE_DPL3;
	idt[VECTOR_DOUBLE_FAULT].ist = IST_DOUBLE_FAULT;
	__asm__ volatile("lidt %0" : : "m"(reg));
}

static void load_syscall(void)
{
	/* SYSRET takes SS from STAR[63:48] + 8 and CS from STAR[63:48] + 16. */
	write_msr(MSR_STAR, (uint64_t)(USER_DS - 8) << 48 | (uint64_t)KERNEL_CS << 32);
	write_msr(MSR_LSTAR, (uintptr_t)syscall_entry);
	/* IF stays as it is: entry.S tells why. */
	write_msr(MSR_FMASK, RFLAGS_TF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC);
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SCE | EFER_NXE);
	log_flush(PN_FLUSH_ALL, PN_CAUSE_EFER, 0);
}

static void enable_features(void)
{
	uint32_t extended[4];
	uint64_t cr0;

	cpuid(0x80000001, extended);
	features.gib_pages = extended[3] & CPUID_EXT1_EDX_PAGE1GB;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_WP) : "memory");
	log_flush(PN_FLUSH_ALL, PN_CAUSE_CR0, 0);
	write_cr4(read_cr4() | CR4_PGE);
	log_flush(PN_FLUSH_ALL, PN_CAUSE_CR4, 0);
}

void cpu_enable_guards(void)
{
	uint32_t basic[4], leaf7[4] = {0};

	if (guarded)
		return;
	guarded = true;
	cpuid(0, basic);
	if (basic[0] >= 7)
		cpuid(7, leaf7);
	features.smep = leaf7[1] & CPUID_7_EBX_SMEP;
	features.smap = leaf7[1] & CPUID_7_EBX_SMAP;
	cpu_smap = features.smap;
	write_cr4(read_cr4() | (features.smep ? CR4_SMEP : 0) | (features.smap ? CR4_SMAP : 0));
	log_flush(PN_FLUSH_ALL, PN_CAUSE_CR4, 0);
}

const struct cpu_features *cpu_features(void)
{
	return &features;
}

void cpu_init(void)
{
	load_gdt();
	load_idt();
	load_syscall();
	enable_features();
	__asm__ volatile("sti");
}

void cpu_set_trap_frame(void *end)
{
	tss.rsp[0] = (uintptr_t)end;
}

void cpu_forget_idt(void)
{
	const struct table_register none = {0, 0};

	__asm__ volatile("lidt %0" : : "m"(none));
}
