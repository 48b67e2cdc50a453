/* SPDX-License-Identifier: MIT */
/*
 * One page fault, from the inside.
 *
 * The guest writes to an address that nothing maps, looks at what the processor says about it, and
 * maps a page there; then the write is made again, by itself, and goes through. Every kernel does
 * this all the time; a VMM that builds shadow page tables does it once more, underneath.
 *
 *     penumbra run --stats build/examples/fault.elf
 *
 * Under two-dimensional paging the statistics show no exit for the fault: it is delivered inside
 * the guest. Where the host's KVM shadows, they count one in pf_guest.
 */
#include <penumbra/guest.h>
#include <stdint.h>

/* Just past what the boot tables map, which is the first 4 GiB. */
#define FAULT_GVA	  0x100001238

#define PAGE_FAULT_VECTOR 14

/* Page-table entries (Intel SDM vol. 3, 4.5). */
#define PTE_PRESENT 0x1
#define PTE_WRITE   0x2
#define PTE_ADDRESS 0x000ffffffffff000

/* An interrupt gate (Intel SDM vol. 3, 6.14.1). */
struct gate {
	uint16_t offset_low, selector, type, offset_middle;
	uint32_t offset_high, reserved;
};

static struct gate idt[PAGE_FAULT_VECTOR + 1];

/* Frames for the tables and the page that the handler puts in place; zeroes, like all of .bss. */
static uint64_t frames[4][512] __attribute__((aligned(4096)));
static unsigned frames_used;

void guest_main(const struct pn_boot_info *boot);
void page_fault(uint64_t error, uint64_t rip);
void page_fault_entry(void);

static void print(const char *text, uint64_t bytes)
{
	uint32_t result = PN_CALL_CONSOLE;

	__asm__ volatile("inl %%dx, %%eax"
			 : "+a"(result)
			 : "d"((uint16_t)PN_PORT_CALL), "D"(text), "S"(bytes)
			 : "memory");
}

/* Prints "name 0x...\n". */
static void print_hex(const char *name, uint64_t value)
{
	char line[64];
	unsigned n = 0;

	while (name[n]) {
		line[n] = name[n];
		n++;
	}
	for (int shift = 60; shift >= 0; shift -= 4)
		line[n++] = "0123456789abcdef"[value >> shift & 15];
	line[n++] = '\n';
	print(line, n);
}

/* The guest runs at GVA = GPA: a pointer to a frame is its guest-physical address, and back. */
static uint64_t *table_in(uint64_t entry)
{
	return (uint64_t *)(entry & PTE_ADDRESS); /* NOLINT(performance-no-int-to-ptr) */
}

static uint64_t take_frame(void)
{
	return (uintptr_t)frames[frames_used++];
}

/* Goes down from CR3 and adds what is missing, down to the page. */
static void map(uint64_t gva, unsigned levels)
{
	uint64_t cr3, *table;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	table = table_in(cr3);
	for (unsigned level = levels; level >= 1; level--) {
		uint64_t *entry = &table[gva >> (12 + 9 * (level - 1)) & 511];

		if (!(*entry & PTE_PRESENT))
			*entry = take_frame() | PTE_WRITE | PTE_PRESENT;
		table = table_in(*entry);
	}
	/* No INVLPG: the processor does not remember that an entry was not present. */
}

/*
 * The handler. CR2 holds the address that faulted. The error code says why: bit 0: the entry was
 * present (and so forbids the access), bit 1: a write, bit 2: from ring 3, bit 4: a fetch.
 */
void page_fault(uint64_t error, uint64_t rip)
{
	uint64_t cr2, cr4;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	print_hex("page fault at GVA 0x", cr2);
	print_hex("       error code 0x", error);
	print_hex("              RIP 0x", rip);
	map(cr2, (cr4 & 1 << 12) ? 5 : 4);
}

void guest_main(const struct pn_boot_info *boot)
{
	uintptr_t handler = (uintptr_t)page_fault_entry;
	const struct __attribute__((packed)) {
		uint16_t limit;
		const void *base;
	} idtr = {sizeof(idt) - 1, idt};
	volatile uint64_t *word = (volatile uint64_t *)FAULT_GVA;

	(void)boot;
	idt[PAGE_FAULT_VECTOR] = (struct gate){
		.offset_low = (uint16_t)handler,
		.offset_middle = (uint16_t)(handler >> 16),
		.offset_high = (uint32_t)(handler >> 32),
		.selector = PN_BOOT_CS,
		.type = 0x8e00,
	};
	__asm__ volatile("lidt %0" : : "m"(idtr));

	*word = 0x70656e756d627261;
	print_hex("the word there is 0x", *word);

	__asm__ volatile("outl %0, %1" : : "a"(0), "d"((uint16_t)PN_PORT_EXIT));
	__builtin_unreachable();
}
