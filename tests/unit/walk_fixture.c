/* SPDX-License-Identifier: MIT */
#include "walk_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vm_init(struct vm *vm, const struct pt_format *format)
{
	memset(vm, 0, sizeof(*vm));
	vm->format = format;
	vm->ram = aligned_alloc(PAGE_SIZE, VM_PAGES * PAGE_SIZE);
	assert_non_null(vm->ram);
	memset(vm->ram, 0, VM_PAGES * PAGE_SIZE);
	gmem_init(&vm->mem, GMEM_SLOTS_MAX, 52);
	assert_int_equal(gmem_add(&vm->mem, 0, vm->ram, VM_PAGES * PAGE_SIZE, false, NULL), 0);
	vm->used = 1;
	vm->regs = (struct walk_regs){
		.cr0 = CR0_PE | CR0_WP | CR0_PG,
		.cr4 = CR4_PSE,
		.efer = EFER_NXE,
		.maxphyaddr = 46,
		.has_1g = true,
	};
	if (format != &pt_format_2level)
		vm->regs.cr4 |= CR4_PAE;
	if (format->levels >= 4)
		vm->regs.efer |= EFER_LME | EFER_LMA;
	if (format->levels == 5)
		vm->regs.cr4 |= CR4_LA57;
}

void vm_fini(struct vm *vm)
{
	gmem_fini(&vm->mem);
	free(vm->ram);
}

static uint64_t load(const struct vm *vm, gpa_t gpa)
{
	uint64_t entry = 0;

	assert_int_equal(gmem_read(&vm->mem, gpa, &entry, 1u << vm->format->entry_shift), 0);
	return entry;
}

static void store(struct vm *vm, gpa_t gpa, uint64_t entry)
{
	assert_int_equal(gmem_write(&vm->mem, gpa, &entry, 1u << vm->format->entry_shift), 0);
}

static gpa_t entry_in(const struct vm *vm, gpa_t table, gva_t gva, unsigned level)
{
	const struct pt_level *l = &vm->format->level[level];
	uint64_t index = (gva >> l->shift) % (UINT64_C(1) << l->index_bits);

	return table + (index << vm->format->entry_shift);
}

gpa_t vm_entry_gpa(const struct vm *vm, gva_t gva, unsigned level)
{
	gpa_t table = vm->regs.cr3 & vm->format->root;

	for (unsigned n = vm->format->levels; n > level; n--)
		table = load(vm, entry_in(vm, table, gva, n)) & vm->format->address;
	return entry_in(vm, table, gva, level);
}

uint64_t vm_get(const struct vm *vm, gva_t gva, unsigned level)
{
	return load(vm, vm_entry_gpa(vm, gva, level));
}

void vm_set(struct vm *vm, gva_t gva, unsigned level, uint64_t entry)
{
	store(vm, vm_entry_gpa(vm, gva, level), entry);
}

void vm_map(struct vm *vm, gva_t gva, unsigned level, uint64_t leaf, uint64_t upper)
{
	for (unsigned n = vm->format->levels; n > level; n--) {
		bool pdpte = vm->format == &pt_format_pae && n == 3;
		uint64_t flags = pdpte ? upper & PTE_PRESENT : upper;
		uint64_t table = vm_get(vm, gva, n) & vm->format->address;

		if (!table) {
			assert_true(vm->used < VM_PAGES);
			table = vm->used++ * PAGE_SIZE;
		}
		vm_set(vm, gva, n, table | flags);
	}
	vm_set(vm, gva, level, leaf);
}

enum walk_outcome vm_walk(const struct vm *vm, const struct walk_query *q, struct walk_result *r,
			  struct walk_path *path)
{
	struct walk_context ctx;

	/* What walk() does not fill in must not look like an answer. */
	memset(r, 0xa5, sizeof(*r));
	walk_context_init(&ctx, &vm->regs);
	return walk(&vm->mem, &ctx, q, r, path);
}

const char *error_code_name(uint32_t error_code)
{
	static const char *const bit[] = {"P", "W", "U", "RSVD", "I", "PK"};
	static char text[4][40];
	static unsigned next;
	char *out = text[next++ % 4];

	int len = snprintf(out, sizeof(text[0]), "%s", error_code ? "" : "none");

	for (unsigned i = 0; i < 6; i++)
		if (error_code >> i & 1)
			len += snprintf(out + len, sizeof(text[0]) - (size_t)len, "%s%s",
					len ? " " : "", bit[i]);
	return out;
}

void expect_end(const struct walk_query *q, const struct walk_result *r, enum walk_outcome outcome,
		enum walk_cause cause, uint32_t error_code, unsigned level)
{
	if (r->outcome == outcome && r->cause == cause && r->error_code == error_code &&
	    (level == 0 || r->level == level))
		return;
	fail_msg("%s %s of %#llx\n  must end in: %s, %s, error code %s, level %u\n"
		 "  but ends in: %s, %s, error code %s, level %u",
		 walk_privilege_name(q->privilege), walk_access_name(q->access),
		 (unsigned long long)q->gva, walk_outcome_name(outcome), walk_cause_name(cause),
		 error_code_name(error_code), level, walk_outcome_name(r->outcome),
		 walk_cause_name(r->cause), error_code_name(r->error_code), r->level);
}
