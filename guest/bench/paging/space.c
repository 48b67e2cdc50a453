/* SPDX-License-Identifier: MIT */
/* Pages, and address spaces built from them through the identity map. */
#include "paging.h"

/* Pages that have been given back, the last one on top: as an allocator would, they are used again
 * while the caches, and the shadow, still know them. */
static gpa_t fresh, given[GIVEN_MAX];
static unsigned given_count;

static pte_t kernel_half;

static pte_t *table(gpa_t page)
{
	return kernel_pointer(page);
}

static gpa_t gpa_of(const pte_t *t)
{
	return (uintptr_t)t;
}

void memory_init(uint64_t free_gpa)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	kernel_half = *table(cr3 & PTE_ADDRESS);
	fresh = page_up(free_gpa);
}

gpa_t page_take(void)
{
	gpa_t page = fresh;

	if (given_count)
		return given[--given_count];
	fresh += PAGE_SIZE;
	return page;
}

gpa_t region_take(uint64_t bytes, uint64_t align)
{
	gpa_t region = (fresh + align - 1) & ~(align - 1);

	fresh = region + bytes;
	return region;
}

void page_give(gpa_t page)
{
	expect(given_count < GIVEN_MAX);
	given[given_count++] = page;
}

void page_zero(gpa_t page)
{
	void *to = kernel_pointer(page);
	uint64_t words = PAGE_WORDS;

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(0) : "memory");
}

/* Tables that were given back are zero again: space_free() has seen to it. */
static pte_t *table_make(void)
{
	return table(page_take());
}

gva_t user_gva(const uint8_t *place)
{
	return USER_BASE + ((uintptr_t)place - (uintptr_t)user_start);
}

void space_make(struct space *s, unsigned leaves)
{
	pte_t *code = table_make();

	expect(leaves <= LEAVES_MAX);
	s->root = table_make();
	s->pdpt = table_make();
	s->pd = table_make();
	s->leaves = leaves;
	store(&code[0], (uintptr_t)user_start | PTE_PRESENT | PTE_USER);
	store(&s->root[0], kernel_half);
	store(&s->root[USER_BASE >> 39], gpa_of(s->pdpt) | TABLE_ENTRY);
	store(&s->pdpt[0], gpa_of(s->pd) | TABLE_ENTRY);
	store(&s->pd[0], gpa_of(code) | TABLE_ENTRY);
	for (unsigned i = 0; i < leaves; i++) {
		s->leaf[i] = table_make();
		store(&s->pd[1 + i], gpa_of(s->leaf[i]) | TABLE_ENTRY);
	}
}

static void table_free(pte_t *t)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (t[i])
			store(&t[i], 0);
	page_give(gpa_of(t));
}

void space_free(struct space *s)
{
	for (unsigned i = 0; i < s->leaves; i++)
		table_free(s->leaf[i]);
	table_free(table(s->pd[0] & PTE_ADDRESS));
	table_free(s->pd);
	table_free(s->pdpt);
	table_free(s->root);
}

void space_unmap(const struct space *s, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		pte_t *entry = space_entry(s, i);

		if (*entry)
			page_give(*entry & PTE_ADDRESS);
		store(entry, 0);
	}
}

void space_load(const struct space *s)
{
	load_cr3(gpa_of(s->root));
}

pte_t *space_entry(const struct space *s, uint64_t page)
{
	return &s->leaf[page / ENTRIES][page % ENTRIES];
}

void space_fill(struct space *s, uint64_t from, uint64_t to, gpa_t one, pte_t flags)
{
	for (uint64_t i = from; i < to; i++)
		store(space_entry(s, i), (one ? one : page_take()) | flags);
}
