/* SPDX-License-Identifier: MIT */
/* What a kernel does for processes, as short as can be: pages on demand, copy-on-write, fork. */
#include "paging.h"

struct space spaces[SPACES_MAX], child;
gpa_t frames[2];
struct space *fault_space;
uint64_t faults;

bool spaces_begin(unsigned leaves)
{
	if (spaces[0].root)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		frames[i] = page_take();
		*(volatile uint64_t *)kernel_pointer(frames[i]) = frames[i];
	}
	space_make(&spaces[0], leaves);
	space_load(&spaces[0]);
	fault_space = &spaces[0];
	return true;
}

static pte_t *faulting(gva_t gva)
{
	faults++;
	return space_entry(fault_space, (gva - AREA) / PAGE_SIZE);
}

void demand_zero_at(gva_t gva)
{
	gpa_t page = page_take();

	page_zero(page);
	store(faulting(gva), page | USER_PAGE);
}

/* User code says in RDI which page it is at; a handler that knows where need not ask CR2. */
void demand_zero(struct fault_frame *frame)
{
	demand_zero_at(frame->rdi);
}

/* The child's write: a copy of its own. */
static void copy_on_write(struct fault_frame *frame)
{
	pte_t *entry = faulting(frame->rdi);
	gpa_t page = page_take();
	const void *from = kernel_pointer(*entry & PTE_ADDRESS);
	void *to = kernel_pointer(page);
	uint64_t words = PAGE_WORDS;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	store(entry, page | USER_PAGE);
	invlpg(frame->rdi);
}

void reopen(struct fault_frame *frame)
{
	pte_t *entry = faulting(frame->rdi);

	store(entry, *entry | PTE_WRITE);
	invlpg(frame->rdi);
}

void fork_pages(uint64_t n)
{
	space_make(&child, 1);
	for (uint64_t i = 0; i < n; i++) {
		pte_t *entry = space_entry(&spaces[0], i);

		store(entry, *entry & ~PTE_WRITE);
		store(space_entry(&child, i), *entry);
	}
	space_load(&spaces[0]);

	space_load(&child);
	fault_space = &child;
	fault_handler = copy_on_write;
	user_run(user_gva(user_write), AREA, n);
	space_load(&spaces[0]);
	space_unmap(&child, 0, n);
	space_free(&child);

	fault_space = &spaces[0];
	fault_handler = reopen;
	user_run(user_gva(user_write), AREA, n);
}
