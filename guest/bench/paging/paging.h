/* SPDX-License-Identifier: MIT */
/*
 * The guest of `penumbra bench shadow`: a kernel as small as can be that does one paging operation
 * at a time, a given number of times, between marks. It does nothing that a kernel would not do,
 * and nothing else, so that what the host counts between two marks is the operation.
 *
 *     paging.elf OPERATION COUNT
 *
 * The operation is done three times: a first time for COUNT, to warm up, then for COUNT and for
 * twice COUNT. Before and after each there is a mark, one byte written to the console port.
 *
 *     paging.elf lab WORKLOAD SIZE
 *
 * The workload (lab.c) is done as often as the host likes: the guest leaves a mark, takes lab.count,
 * which the host has stored by then, makes ready, leaves a mark, does the workload so many times,
 * stores the TSC's ticks that it took into lab.ticks, and begins anew. A count of 0 ends it.
 *
 * Exit status: 0 done and found right, 1 something was not as it should be, 2 no such operation,
 * 3 an exception that nobody expected.
 *
 * Address space, the same in each space but for the area:
 *
 *     0               the host's boot tables: GVA = GPA, for the kernel only
 *     USER_BASE       one page of user code
 *     AREA            whatever the operation maps
 */
#ifndef PAGING_H
#define PAGING_H

#define USER_BASE 0x8000000000
#define AREA	  0x8000200000

/* What user code asks of the kernel, in EAX. */
#define CALL_NULL   0 /* nothing */
#define CALL_DONE   1 /* back to the caller of user_run() */
#define CALL_SWITCH 2 /* the next of switch_roots */

#define SPACES	    8 /* in switch_roots; a power of two */

#ifndef __ASSEMBLER__

#include "address.h"
#include "x86.h"

#include <stdbool.h>
#include <stddef.h>

typedef uint64_t pte_t;

#define ENTRIES	    512
#define LEAVES_MAX  510
#define SPACES_MAX  64
#define GIVEN_MAX   32768 /* pages that may have been given back at a time */

#define TABLE_ENTRY (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
#define USER_PAGE   (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_NO_EXECUTE)
#define PAGE_USED   (PTE_ACCESSED | PTE_DIRTY)

/* An address space: its tables, through the identity map, and the leaf tables of its area. */
struct space {
	pte_t *root, *pdpt, *pd;
	unsigned leaves;
	pte_t *leaf[LEAVES_MAX];
};

/* What the processor and page_fault_entry have pushed. */
struct fault_frame {
	uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	uint64_t error, rip, cs, rflags, rsp, ss;
};

/* One operation. `n` is how often it is to be done. */
struct operation {
	const char *name;
	void (*prepare)(uint64_t n); /* before the opening mark; may be NULL */
	void (*run)(uint64_t n);     /* between the marks */
};

extern const struct operation operations[]; /* ends with a NULL name */

/* What host and guest tell each other in a lab; the host finds it by its symbol. */
struct lab {
	uint64_t count; /* the host's: how often; 0: that is all */
	uint64_t ticks; /* the guest's: of the TSC, in the last round */
	uint64_t size;	/* from the command line; what of, the workload says */
};

extern volatile struct lab lab;
extern const struct operation lab_workloads[]; /* ends with a NULL name */

/* Ends the guest. */
_Noreturn void finish(unsigned status);

/* Ends it with status 1 unless `holds`. */
void expect(bool holds);

/* space.c */
void memory_init(uint64_t free_gpa);
gpa_t page_take(void); /* not zeroed if it has been given back */
void page_give(gpa_t page);
void page_zero(gpa_t page);
gpa_t region_take(uint64_t bytes, uint64_t align); /* never given back */
/* A space with user code and so many empty leaf tables at AREA. */
void space_make(struct space *s, unsigned leaves);
/* Gives all tables back, zeroed entry by entry as far as they were used. */
void space_free(struct space *s);
void space_load(const struct space *s); /* MOV to CR3 */
pte_t *space_entry(const struct space *s, uint64_t page);
/* Fills leaf entries [from, to) with pages of their own, or all with the one given. */
void space_fill(struct space *s, uint64_t from, uint64_t to, gpa_t one, pte_t flags);

/* Gives the pages of entries [from, to) back, and clears the entries; flushes nothing. */
void space_unmap(const struct space *s, uint64_t from, uint64_t to);

/* process.c */
extern struct space spaces[SPACES_MAX], child; /* spaces[0] is the one that most work in */
extern gpa_t frames[2];			       /* pages to map; the first word is their own GPA */
extern struct space *fault_space;	       /* of the handlers */
extern uint64_t faults;			       /* that they have taken */
/* The first time: makes and loads spaces[0], with so many leaf tables, and the frames. */
bool spaces_begin(unsigned leaves);
void demand_zero_at(gva_t gva);
/* Handlers: a page where there is none; a page that is its owner's again. */
void demand_zero(struct fault_frame *frame);
void reopen(struct fault_frame *frame);
/* A fork of the first `n` pages of spaces[0], which has written them: the child writes each and ends,
 * then the parent does. */
void fork_pages(uint64_t n);

static inline gva_t page_gva(uint64_t page)
{
	return AREA + page * PAGE_SIZE;
}

/* map.c: the entry for `gva` in a table that maps pages of 1 << shift bytes; upper tables are made. */
pte_t *map_entry(const struct space *s, gva_t gva, unsigned shift);

/* cpu.c */
void cpu_init(void);
extern void (*fault_handler)(struct fault_frame *frame); /* for #PF at ring 3 */

/* entry.S. User code may be entered in any space. */
void user_run(gva_t entry, gva_t gva, uint64_t count);
void iretq_loop(uint64_t count);
extern gpa_t switch_roots[SPACES];

/* user.S: GVAs, to be given to user_run. */
extern const uint8_t user_start[], user_touch[], user_write[], user_calls[], user_switches[],
	user_chase[], user_endless[];
gva_t user_gva(const uint8_t *place);

static inline void invlpg(gva_t gva)
{
	__asm__ volatile("invlpg (%0)" : : "r"(gva) : "memory");
}

static inline void load_cr3(gpa_t root)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

static inline uint64_t read_cr2(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

static inline void store(pte_t *entry, pte_t value)
{
	*(volatile pte_t *)entry = value;
}

static inline uint64_t touch(gva_t gva)
{
	return *(volatile uint64_t *)kernel_pointer(gva);
}

#endif
#endif
