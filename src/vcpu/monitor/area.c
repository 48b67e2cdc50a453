/* SPDX-License-Identifier: MIT */
/* The VMM area: made, filled with the monitor, described to the rest. */
#include "vcpu/monitor/area.h"

#include "error.h"
#include "kvm/kvm.h"
#include "memory/format.h"
#include "x86.h"

#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TSS_SIZE  104
#define TSS_RSP0  4
#define TSS_IST1  36
#define TSS_MAP	  102
#define VECTOR_PF 14
#define LARGE	  (UINT64_C(2) << 20)
#define PRESET	  (PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY)
#define READ_ONLY (PRESET | PTE_NX)
#define DATA	  (PRESET | PTE_WRITE | PTE_NX)

/* Vectors that may come while the monitor itself runs, and need a stack of their own. */
static const uint8_t ist_vectors[] = {2, 8, 18};

/* The 4 KiB pages the monitor is made of. */
struct part {
	uint32_t from, to; /* offsets */
	uint64_t flags;
};

static const struct part parts[] = {
	{MONITOR_CODE, MONITOR_MAIL, PRESET},
	{MONITOR_MAIL, MONITOR_GDT, DATA},
	{MONITOR_GDT, MONITOR_IDT, DATA},
	{MONITOR_IDT, MONITOR_TSS + PAGE_SIZE, READ_ONLY},
	{MONITOR_STACK - PAGE_SIZE, MONITOR_STACK, DATA},
	{MONITOR_IST - PAGE_SIZE, MONITOR_IST, DATA},
};

/* Tables, a page each from MONITOR_TABLES on. */
enum { PML4, PDPT, PD, PT };

static uint64_t *table(const struct area *a, unsigned which)
{
	return (uint64_t *)(void *)(a->hva + MONITOR_TABLES + which * PAGE_SIZE);
}

static gpa_t table_gpa(const struct area *a, unsigned which)
{
	return a->gpa + MONITOR_TABLES + which * PAGE_SIZE;
}

/* Where a place in the monitor's code will be. */
static gva_t monitor_gva(const struct area *a, const uint8_t *place)
{
	return a->base + ((uintptr_t)place - (uintptr_t)monitor_start);
}

static void write_tables(struct area *a)
{
	table(a, PML4)[0] = table_gpa(a, PDPT) | PRESET | PTE_WRITE;
	table(a, PDPT)[0] = table_gpa(a, PD) | PRESET | PTE_WRITE;
	table(a, PD)[0] = table_gpa(a, PT) | PRESET | PTE_WRITE;
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (uint32_t at = parts[i].from; at < parts[i].to; at += PAGE_SIZE)
			table(a, PT)[at / PAGE_SIZE] = (a->gpa + at) | parts[i].flags;
	for (uint64_t at = MONITOR_POOL; at < a->size; at += LARGE)
		table(a, PD)[at / LARGE] = (a->gpa + at) | DATA | PTE_PS;
}

static void write_gdt(struct area *a)
{
	uint64_t *gdt = (uint64_t *)(void *)(a->hva + MONITOR_GDT);
	const gva_t tss = a->base + MONITOR_TSS;
	const uint64_t rsp0 = a->base + MONITOR_STACK, ist1 = a->base + MONITOR_IST;
	/* No I/O bitmap: ring 3 may use no port. At 0, the TSS itself would be one, of zeros. */
	const uint16_t map = TSS_SIZE;

	gdt[MONITOR_CS / 8] = UINT64_C(0x00af9b000000ffff);
	gdt[MONITOR_DS / 8] = UINT64_C(0x00cf93000000ffff);
	gdt[MONITOR_USER_DS / 8] = UINT64_C(0x00cff3000000ffff);
	gdt[MONITOR_USER_CS / 8] = UINT64_C(0x00affb000000ffff);
	gdt[MONITOR_TR / 8] = (TSS_SIZE - 1) | (tss & 0xffffff) << 16 | UINT64_C(0x8b) << 40 |
			      (tss >> 24 & 0xff) << 56;
	gdt[MONITOR_TR / 8 + 1] = tss >> 32;
	memcpy(a->hva + MONITOR_TSS + TSS_RSP0, &rsp0, sizeof(rsp0));
	memcpy(a->hva + MONITOR_TSS + TSS_IST1, &ist1, sizeof(ist1));
	memcpy(a->hva + MONITOR_TSS + TSS_MAP, &map, sizeof(map));
}

/* An interrupt gate for ring 0: INT n of the guest is a #GP, and emulated. */
static void write_gate(uint64_t gate[2], gva_t at)
{
	gate[0] =
		(at & 0xffff) | MONITOR_CS << 16 | UINT64_C(0x8e) << 40 | (at >> 16 & 0xffff) << 48;
	gate[1] = at >> 32;
}

static void write_idt(struct area *a)
{
	const gva_t stubs = monitor_gva(a, monitor_stubs);
	uint64_t(*gate)[2] = (void *)(a->hva + MONITOR_IDT);

	for (unsigned v = 0; v < MONITOR_VECTORS; v++)
		write_gate(gate[v], stubs + (gva_t)v * MONITOR_STUB_SIZE);
	if (a->cr2_comes)
		write_gate(gate[VECTOR_PF], monitor_gva(a, monitor_fault));
	for (unsigned i = 0; i < sizeof(ist_vectors); i++)
		gate[ist_vectors[i]][0] |= UINT64_C(1) << 32;
}

gpa_t area_floor_for(gpa_t limit, uint64_t pool_size)
{
	return limit - (MONITOR_POOL + pool_size);
}

int area_create(struct area *a, int vm, gpa_t limit, uint64_t pool_size, unsigned levels,
		bool cr2_comes, struct pn_error *err)
{
	void *map;
	int code;

	*a = (struct area){.size = MONITOR_POOL + pool_size,
			   .levels = levels,
			   .cr2_comes = cr2_comes,
			   .vm = vm};
	a->base = levels == 5 ? MONITOR_BASE_5 : MONITOR_BASE_4;
	a->gpa = limit - a->size;
	a->fd = memfd_create("penumbra-vmm", MFD_CLOEXEC);
	if (a->fd < 0 || ftruncate(a->fd, (off_t)a->size))
		goto failed;
	map = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
	if (map == MAP_FAILED)
		goto failed;
	a->hva = map;
	memcpy(a->hva + MONITOR_CODE, monitor_start, monitor_gva(a, monitor_end) - a->base);
	write_tables(a);
	write_gdt(a);
	write_idt(a);
	return PN_OK;
failed:
	code = pn_fail_errno(err, PN_ERR_SYSTEM, "VMM area of %llu MiB",
			     (unsigned long long)a->size >> 20);
	area_destroy(a);
	return code;
}

void area_destroy(struct area *a)
{
	if (a->hva)
		munmap(a->hva, a->size);
	if (a->fd >= 0)
		close(a->fd);
	*a = (struct area){.fd = -1};
}

int area_show(struct area *a, struct pn_error *err)
{
	return kvm_vm_set_slot(a->vm, AREA_SLOT, a->gpa, a->size, a->hva, 0, err);
}

int area_hide(struct area *a, struct pn_error *err)
{
	return kvm_vm_set_slot(a->vm, AREA_SLOT, a->gpa, 0, a->hva, 0, err);
}

uint64_t area_root_entry(const struct area *a)
{
	return table_gpa(a, a->levels == 5 ? PML4 : PDPT) | PTE_PRESENT | PTE_ACCESSED | PTE_WRITE;
}

gpa_t area_pool_gpa(const struct area *a)
{
	return a->gpa + MONITOR_POOL;
}

uint64_t *area_pool(const struct area *a)
{
	return (uint64_t *)(void *)(a->hva + MONITOR_POOL);
}

unsigned area_pool_frames(const struct area *a)
{
	return (unsigned)((a->size - MONITOR_POOL) >> PAGE_SHIFT);
}

gva_t area_gva(const struct area *a, gpa_t gpa)
{
	return a->base + (gpa - a->gpa);
}

struct monitor_mail *area_mail(const struct area *a)
{
	return (struct monitor_mail *)(void *)(a->hva + MONITOR_MAIL);
}

struct monitor_frame *area_frame(const struct area *a, gva_t rsp)
{
	uint64_t offset = rsp - a->base;

	if (offset != MONITOR_STACK - sizeof(struct monitor_frame) &&
	    offset != MONITOR_IST - sizeof(struct monitor_frame))
		return NULL;
	return (struct monitor_frame *)(void *)(a->hva + offset);
}

gva_t area_syscall_entry(const struct area *a)
{
	return monitor_gva(a, monitor_syscall);
}

struct monitor_frame *area_entry_frame(const struct area *a)
{
	return area_frame(a, a->base + MONITOR_STACK - sizeof(struct monitor_frame));
}

const struct monitor_frame *area_inner_frame(const struct area *a, gva_t rsp)
{
	uint64_t offset = rsp - a->base;

	if (offset < MONITOR_STACK - PAGE_SIZE || offset % 8 ||
	    offset > MONITOR_STACK - 2 * sizeof(struct monitor_frame))
		return NULL;
	return (const struct monitor_frame *)(const void *)(a->hva + offset);
}

gva_t area_peek(const struct area *a)
{
	return monitor_gva(a, monitor_peek);
}

gva_t area_cr2_code(const struct area *a, unsigned reg)
{
	return monitor_gva(a, monitor_cr2) + (gva_t)reg * MONITOR_CR2_SIZE;
}

void area_regs(const struct area *a, struct kvm_regs *regs)
{
	regs->rip = monitor_gva(a, monitor_enter);
	regs->rsp = a->base + MONITOR_STACK - sizeof(struct monitor_frame);
	regs->rflags = RFLAGS_FIXED;
}

void area_sregs(const struct area *a, struct kvm_sregs *s)
{
	const struct kvm_segment none = {.unusable = 1};

	s->cs = (struct kvm_segment){.limit = 0xffffffff,
				     .selector = MONITOR_CS,
				     .type = 11,
				     .present = 1,
				     .s = 1,
				     .l = 1,
				     .g = 1};
	s->ss = (struct kvm_segment){.limit = 0xffffffff,
				     .selector = MONITOR_DS,
				     .type = 3,
				     .present = 1,
				     .s = 1,
				     .db = 1,
				     .g = 1};
	s->ds = s->es = s->fs = s->gs = none;
	s->ldt = none;
	s->tr = (struct kvm_segment){.base = a->base + MONITOR_TSS,
				     .limit = TSS_SIZE - 1,
				     .selector = MONITOR_TR,
				     .type = 11,
				     .present = 1};
	s->gdt = (struct kvm_dtable){.base = a->base + MONITOR_GDT, .limit = PAGE_SIZE - 1};
	s->idt = (struct kvm_dtable){.base = a->base + MONITOR_IDT,
				     .limit = MONITOR_VECTORS * 16 - 1};
	s->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
}
