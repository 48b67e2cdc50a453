/* SPDX-License-Identifier: MIT */
/* The conformance guest's descriptor tables. Intel SDM vol. 3, 3.4.5, 6.14.1, 8.7. */
#include "guest.h"

#define VECTORS	    32
#define GATE_KERNEL 0x8f /* present, a trap gate: interrupts stay on */
#define GATE_USER   0xef
#define TYPE_TSS    UINT64_C(0x89)
#define TYPE_LDT    UINT64_C(0x82)
#define LDT_LIMIT   0xf

static struct gate {
	uint16_t low, selector;
	uint8_t ist, type;
	uint16_t middle;
	uint32_t high, zero;
} idt[VECTORS];

static struct tss {
	uint32_t unused;
	uint64_t rsp[3];
	uint64_t unused_2, ist[7], unused_3;
	uint16_t unused_4, bitmap;
} __attribute__((packed)) tss;

static volatile uint64_t gdt[CONF_USER_CS / 8 + 1] = {
	[CONF_CS / 8] = UINT64_C(0x00af9b000000ffff),
	[CONF_DS / 8] = UINT64_C(0x00cf93000000ffff),
	[CONF_USER_DS / 8] = UINT64_C(0x00cff3000000ffff),
	[CONF_USER_CS / 8] = UINT64_C(0x00affb000000ffff),
};

static void set_system_segment(unsigned selector, uint64_t base, uint64_t limit, uint64_t type)
{
	gdt[selector / 8] =
		limit | (base & 0xffffff) << 16 | type << 40 | (base >> 24 & 0xff) << 56;
	gdt[selector / 8 + 1] = base >> 32;
}

void conf_load_tables(void)
{
	const struct {
		uint16_t limit;
		const volatile void *base;
	} __attribute__((packed)) g = {sizeof(gdt) - 1, gdt}, i = {sizeof(idt) - 1, idt};

	for (unsigned v = 0; v < VECTORS; v++) {
		uint64_t stub = conf_gpa(conf_stubs) + v * 16;

		idt[v] = (struct gate){
			.low = (uint16_t)stub,
			.selector = CONF_CS,
			.type = v == CONF_VECTOR_BP ? GATE_USER : GATE_KERNEL,
			.middle = (uint16_t)(stub >> 16),
			.high = (uint32_t)(stub >> 32),
		};
	}
	tss.rsp[0] = conf_gpa(conf_trap_stack);
	tss.bitmap = sizeof(struct tss);
	set_system_segment(CONF_TR, conf_gpa(&tss), sizeof(struct tss) - 1, TYPE_TSS);
	__asm__ volatile("lgdt %0; lidt %1; ltr %w2; sti"
			 :
			 : "m"(g), "m"(i), "r"(CONF_TR)
			 : "memory");
}

void conf_load_ldt(uint64_t gva)
{
	set_system_segment(CONF_LDTR, gva, LDT_LIMIT, TYPE_LDT);
	__asm__ volatile("lldt %w0" : : "r"(CONF_LDTR) : "memory");
}
