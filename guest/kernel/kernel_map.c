/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own part of every address space. The host's boot tables let everything be written
 * and executed; here each page gets the rights it needs and no page gets both. Global, because no
 * change of CR3 changes it.
 */
#include "kernel_map.h"

#include "cpu.h"
#include "flush.h"
#include "frames.h"
#include "image.h"
#include "layout.h"
#include "log.h"
#include "panic.h"
#include "syscall.h"
#include "tables.h"
#include "x86.h"

#define DIRECT_MAP_END USER_BASE

/* The largest page this processor has, as a level. */
static unsigned top_page_level(void)
{
	return cpu_features()->gib_pages ? 3 : 2;
}

static pte_t kernel_flags(uint64_t prot)
{
	return PTE_PRESENT | PTE_GLOBAL | (prot & PROT_WRITE ? PTE_WRITE : 0) |
	       (prot & PROT_EXEC ? 0 : PTE_NO_EXECUTE);
}

static void map(gva_t gva, gpa_t gpa, uint64_t size, uint64_t prot)
{
	if (size != 0 && prot != 0 &&
	    !tables_map(tables_kernel_root(), gva, gpa, size, top_page_level(), kernel_flags(prot)))
		panic("no frame for the kernel's page tables");
}

/* RAM from *from to `to` that is nothing special: data. */
static void map_data(gpa_t *from, gpa_t to)
{
	if (*from < to)
		map(*from, *from, to - *from, PROT_READ | PROT_WRITE);
	*from = to;
}

/*
 * The image in the direct map. Linked low, these are the addresses it runs at; linked high, they
 * are a second way to the same frames, which must not be one to write code.
 */
static void map_image(const struct segment *s, unsigned count, gpa_t *done, bool in_place)
{
	for (; count > 0; count--, s++) {
		gpa_t end = s->gpa + (s->end - s->start);

		if (s->gpa > *done)
			map_data(done, s->gpa);
		map(s->gpa, s->gpa, end - s->gpa, in_place ? s->prot : PROT_READ);
		*done = end;
	}
}

void kernel_map_init(const struct pn_boot_info *boot)
{
	gpa_t done = PAGE_SIZE;

	tables_init();
	for (unsigned i = 0; i < boot->ram_count; i++) {
		gpa_t start = page_up(boot->ram[i].start);
		gpa_t end = page_down(boot->ram[i].start + boot->ram[i].size);

		if (end > DIRECT_MAP_END)
			panic("RAM at 0x%lx is past the direct map", end);
		if (start > done)
			done = start;
		if (boot->image_start >= start && boot->image_start < end) {
			map_image(kernel_segments, KERNEL_SEGMENTS, &done, KERNEL_OFFSET == 0);
			map_image(user_segments, USER_SEGMENTS, &done, false);
		}
		map_data(&done, end);
	}
	for (unsigned i = 0; KERNEL_OFFSET != 0 && i < KERNEL_SEGMENTS; i++) {
		const struct segment *s = &kernel_segments[i];

		map(s->start, s->gpa, s->end - s->start, s->prot);
	}
	map(boot->log, boot->log, log_size(), PROT_READ | PROT_WRITE);
	flush_load_root(tables_kernel_root());
	/* What the boot tables said was not global, but nothing promises that. */
	flush_all();
}

void kernel_map_device(gpa_t gpa)
{
	map(page_down(gpa), page_down(gpa), PAGE_SIZE, PROT_READ | PROT_WRITE);
}
