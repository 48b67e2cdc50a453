/* SPDX-License-Identifier: MIT */
/*
 * What the walker's tests share: a few pages of guest memory to build tables in, the registers
 * that select a format, and a comparison that fails in words.
 */
#ifndef TESTS_WALK_FIXTURE_H
#define TESTS_WALK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory/walk.h"
#include "x86.h"

#define VM_PAGES 64

/* Everything that any format's table entry may grant to its lower levels. */
#define VM_UPPER (PTE_PRESENT | PTE_WRITE | PTE_USER)

struct vm {
	struct gmem mem;
	struct walk_regs regs;
	const struct pt_format *format;
	uint8_t *ram; /* VM_PAGES pages behind GPA 0; the top table is the first */
	unsigned used;
};

/*
 * Starts a VM with an empty top table, and registers that select `format` with every optional
 * feature off, but CR0.WP, CR4.PSE, EFER.NXE and 1 GiB pages on; MAXPHYADDR is 46, PDPTEs are in
 * memory.
 */
void vm_init(struct vm *vm, const struct pt_format *format);
void vm_fini(struct vm *vm);

/* Puts `leaf` into the entry for `gva` at `level`, with tables above it as needed; their entries
 * get `upper` (a PAE PDPTE only the PTE_PRESENT of it). */
void vm_map(struct vm *vm, gva_t gva, unsigned level, uint64_t leaf, uint64_t upper);

/* The entry for `gva` at `level`; all entries above it must point to tables. */
gpa_t vm_entry_gpa(const struct vm *vm, gva_t gva, unsigned level);
uint64_t vm_get(const struct vm *vm, gva_t gva, unsigned level);
void vm_set(struct vm *vm, gva_t gva, unsigned level, uint64_t entry);

/* walk() with a context made of the VM's registers as they are now. */
enum walk_outcome vm_walk(const struct vm *vm, const struct walk_query *q, struct walk_result *r,
			  struct walk_path *path);

/* Fails the test, in words, unless the walk ended so. `level` 0 is not compared. */
void expect_end(const struct walk_query *q, const struct walk_result *r, enum walk_outcome outcome,
		enum walk_cause cause, uint32_t error_code, unsigned level);

/* A #PF error code in letters, "P W U"; in a static buffer of which there are several. */
const char *error_code_name(uint32_t error_code);

#endif
