/* SPDX-License-Identifier: MIT */
/*
 * Where a walk leads under each format: page sizes, missing entries, canonical addresses, and where
 * the tables themselves are found. Reserved bits are test_walk_reserved.c's.
 */
#include "walk_fixture.h"

#define GVA    UINT64_C(0x9234567a)
#define HIGH   UINT64_C(0xffff92349234567a) /* canonical under both 4 and 5 levels */

#define LEAF   (PTE_PRESENT | PTE_WRITE | PTE_USER)
#define BIT(n) (UINT64_C(1) << (n))

#define LEVEL2 &pt_format_2level
#define PAE    &pt_format_pae
#define LEVEL4 &pt_format_4level
#define LEVEL5 &pt_format_5level

/* Every format with every size of page, and the addresses its entries can hold. */
static const struct page {
	const struct pt_format *format;
	uint64_t leaf;
	gpa_t gpa;
	unsigned level, shift;
} pages[] = {
	{LEVEL2, 0xabcde000, 0xabcde000, 1, 12},
	{LEVEL2, 0xabc00000 | PTE_PS, 0xabc00000, 2, 22},
	{LEVEL2, 0x80000000 | PTE_PS | PTE_BITS(20, 13), UINT64_C(0xff80000000), 2, 22},
	{LEVEL2, 0x80000000 | PTE_PS | BIT(13), UINT64_C(0x0180000000), 2, 22},
	{PAE, UINT64_C(0x3abcdef12000), UINT64_C(0x3abcdef12000), 1, 12},
	{PAE, UINT64_C(0x3abcdee00000) | PTE_PS, UINT64_C(0x3abcdee00000), 2, 21},
	{LEVEL4, UINT64_C(0x3abcdef12000), UINT64_C(0x3abcdef12000), 1, 12},
	{LEVEL4, UINT64_C(0x3abcdee00000) | PTE_PS, UINT64_C(0x3abcdee00000), 2, 21},
	{LEVEL4, UINT64_C(0x3abcc0000000) | PTE_PS, UINT64_C(0x3abcc0000000), 3, 30},
	{LEVEL5, UINT64_C(0x3abcdef12000), UINT64_C(0x3abcdef12000), 1, 12},
	{LEVEL5, UINT64_C(0x3abcdee00000) | PTE_PS, UINT64_C(0x3abcdee00000), 2, 21},
	{LEVEL5, UINT64_C(0x3abcc0000000) | PTE_PS, UINT64_C(0x3abcc0000000), 3, 30},
};

static void every_page_size_translates_with_its_offset(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		const struct page *p = &pages[i];
		gva_t gva = p->format->levels >= 4 ? HIGH : GVA;
		struct walk_query q = {.gva = gva, .access = WALK_READ};
		struct walk_result r;
		struct vm vm;

		vm_init(&vm, p->format);
		vm_map(&vm, gva, p->level, p->leaf | LEAF, VM_UPPER);
		vm_walk(&vm, &q, &r, NULL);
		expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, p->level);
		assert_int_equal(r.shift, p->shift);
		assert_int_equal(r.gpa, p->gpa | (gva & ((UINT64_C(1) << p->shift) - 1)));
		vm_fini(&vm);
	}
}

static void a_missing_entry_faults_at_its_level_without_p(void **state)
{
	const struct pt_format *const formats[] = {LEVEL2, PAE, LEVEL4, LEVEL5};

	(void)state;
	for (unsigned f = 0; f < 4; f++) {
		for (unsigned level = 1; level <= formats[f]->levels; level++) {
			gva_t gva = formats[f]->levels >= 4 ? HIGH : GVA;
			struct walk_query q = {.gva = gva, .access = WALK_WRITE};
			struct walk_result r;
			struct vm vm;

			vm_init(&vm, formats[f]);
			vm_map(&vm, gva, 1, LEAF, VM_UPPER);
			vm_set(&vm, gva, level, vm_get(&vm, gva, level) & ~PTE_PRESENT);
			vm_walk(&vm, &q, &r, NULL);
			expect_end(&q, &r, WALK_FAULT, WALK_CAUSE_NOT_PRESENT,
				   PF_ERR_USER | PF_ERR_WRITE, level);
			assert_int_equal(r.entry, vm_entry_gpa(&vm, gva, level));
			vm_fini(&vm);
		}
	}
}

static void a_gva_is_canonical_by_the_formats_width(void **state)
{
	static const struct {
		const struct pt_format *format;
		gva_t gva;
		bool canonical;
	} t[] = {
		{LEVEL4, UINT64_C(0x00007fffffffffff), true},
		{LEVEL4, UINT64_C(0x0000800000000000), false},
		{LEVEL4, UINT64_C(0xffff7fffffffffff), false},
		{LEVEL4, UINT64_C(0xffff800000000000), true},
		{LEVEL4, UINT64_C(0x8000000000000000), false},
		{LEVEL4, UINT64_C(0xffffffffffffffff), true},
		{LEVEL5, UINT64_C(0x0000800000000000), true},
		{LEVEL5, UINT64_C(0x00ffffffffffffff), true},
		{LEVEL5, UINT64_C(0x0100000000000000), false},
		{LEVEL5, UINT64_C(0xfeffffffffffffff), false},
		{LEVEL5, UINT64_C(0xff00000000000000), true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct walk_query q = {.gva = t[i].gva, .access = WALK_READ};
		struct walk_path path;
		struct walk_result r;
		struct vm vm;

		vm_init(&vm, t[i].format);
		vm_walk(&vm, &q, &r, &path);
		if (t[i].canonical) {
			expect_end(&q, &r, WALK_FAULT, WALK_CAUSE_NOT_PRESENT, PF_ERR_USER, 0);
		} else {
			expect_end(&q, &r, WALK_NONCANONICAL, WALK_CAUSE_NONE, 0, 0);
			assert_int_equal(path.count, 0);
		}
		vm_fini(&vm);
	}
}

static void outside_long_mode_a_gva_wraps_at_4_gib(void **state)
{
	struct walk_query q = {.gva = BIT(32) + GVA, .access = WALK_READ};
	struct walk_result r;
	struct vm vm;

	(void)state;
	vm_init(&vm, PAE);
	vm_map(&vm, GVA, 1, 0x5000 | LEAF, VM_UPPER);
	vm_walk(&vm, &q, &r, NULL);
	expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, 1);
	assert_int_equal(r.gpa, 0x567a);
	vm_fini(&vm);
}

static void without_paging_the_gva_is_the_gpa(void **state)
{
	struct walk_query q = {.gva = GVA, .access = WALK_WRITE, .set_ad = true};
	struct walk_path path;
	struct walk_result r;
	struct vm vm;

	(void)state;
	vm_init(&vm, LEVEL2);
	vm.regs.cr0 &= ~CR0_PG;
	vm.regs.cr4 |= CR4_SMAP | CR4_SMEP;
	vm_walk(&vm, &q, &r, &path);
	expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, 0);
	assert_int_equal(r.gpa, GVA);
	assert_int_equal(r.shift, 12);
	assert_true(r.writable && r.user && r.dirty && !r.nx && !r.global);
	assert_int_equal(path.count, 0);
	vm_fini(&vm);
}

static void pdptes_come_from_the_registers_if_there_are_any(void **state)
{
	struct walk_query q = {.gva = GVA, .access = WALK_WRITE, .set_ad = true};
	struct walk_path path;
	struct walk_result r;
	uint64_t pdpte;
	struct vm vm;

	(void)state;
	vm_init(&vm, PAE);
	vm_map(&vm, GVA, 1, 0x5000 | LEAF, VM_UPPER);
	pdpte = vm_get(&vm, GVA, 3);
	vm.regs.pdptrs_valid = true;
	vm.regs.pdptr[GVA >> 30] = pdpte;
	vm_set(&vm, GVA, 3, 0);
	vm.regs.cr3 = UINT64_C(0xfffff000); /* in no slot, and not read */
	vm_walk(&vm, &q, &r, &path);
	expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, 1);
	assert_int_equal(path.count, 3);
	assert_true(path.step[0].in_register && !path.step[1].in_register);
	assert_int_equal(path.step[0].entry, pdpte);

	vm.regs.pdptr[GVA >> 30] = 0;
	vm_walk(&vm, &q, &r, &path);
	expect_end(&q, &r, WALK_FAULT, WALK_CAUSE_NOT_PRESENT, PF_ERR_USER | PF_ERR_WRITE, 3);
	vm_fini(&vm);
}

static void a_pae_table_may_lie_at_any_32_bytes(void **state)
{
	struct walk_query q = {.gva = GVA, .access = WALK_READ};
	struct walk_path path;
	struct walk_result r;
	struct vm vm;

	(void)state;
	vm_init(&vm, PAE);
	vm.regs.cr3 = 0xfe0 | CR3_PWT | CR3_PCD;
	vm_map(&vm, GVA, 1, 0x5000 | LEAF, VM_UPPER);
	vm_walk(&vm, &q, &r, &path);
	expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, 1);
	assert_int_equal(r.gpa, 0x567a);
	assert_int_equal(path.step[0].gpa, 0xfe0 + 2 * 8);
	vm_fini(&vm);
}

static void a_table_outside_every_slot_is_told_with_its_gpa(void **state)
{
	struct walk_query q = {.gva = HIGH, .access = WALK_READ};
	struct walk_path path;
	struct walk_result r;
	struct vm vm;

	(void)state;
	vm_init(&vm, LEVEL4);
	vm_map(&vm, HIGH, 1, LEAF, VM_UPPER);
	vm_set(&vm, HIGH, 2, UINT64_C(0x7700000000) | VM_UPPER);
	vm_walk(&vm, &q, &r, &path);
	expect_end(&q, &r, WALK_NO_MEMORY, WALK_CAUSE_NONE, 0, 1);
	assert_int_equal(r.entry, 0x7700000000 + (HIGH >> 12) % 512 * 8);
	assert_int_equal(path.count, 3);

	vm.regs.cr3 = UINT64_C(0x6600000000);
	vm_walk(&vm, &q, &r, &path);
	expect_end(&q, &r, WALK_NO_MEMORY, WALK_CAUSE_NONE, 0, 4);
	assert_int_equal(path.count, 0);
	vm_fini(&vm);
}

static void global_counts_under_pge_only(void **state)
{
	struct walk_query q = {.gva = HIGH, .access = WALK_READ};
	struct walk_result r;
	struct vm vm;

	(void)state;
	vm_init(&vm, LEVEL4);
	vm_map(&vm, HIGH, 1, LEAF | PTE_GLOBAL, VM_UPPER);
	vm_walk(&vm, &q, &r, NULL);
	assert_false(r.global);
	vm.regs.cr4 |= CR4_PGE;
	vm_walk(&vm, &q, &r, NULL);
	assert_true(r.global);
	vm_fini(&vm);
}

static void the_pat_index_is_read_from_where_the_page_size_puts_it(void **state)
{
	(void)state;
	for (unsigned index = 0; index < 8; index++) {
		for (unsigned level = 1; level <= 3; level++) {
			uint64_t pat = level == 1 ? PTE_PAT : PTE_PAT_LARGE;
			uint64_t leaf = LEAF | (level > 1 ? PTE_PS : 0);
			struct walk_query q = {.gva = HIGH, .access = WALK_READ};
			struct walk_result r;
			struct vm vm;

			leaf |= (index & 1 ? PTE_PWT : 0) | (index & 2 ? PTE_PCD : 0) |
				(index & 4 ? pat : 0);
			vm_init(&vm, LEVEL4);
			vm_map(&vm, HIGH, level, leaf, VM_UPPER);
			vm_walk(&vm, &q, &r, NULL);
			assert_int_equal(r.pat, index);
			vm_fini(&vm);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_page_size_translates_with_its_offset),
		cmocka_unit_test(a_missing_entry_faults_at_its_level_without_p),
		cmocka_unit_test(a_gva_is_canonical_by_the_formats_width),
		cmocka_unit_test(outside_long_mode_a_gva_wraps_at_4_gib),
		cmocka_unit_test(without_paging_the_gva_is_the_gpa),
		cmocka_unit_test(pdptes_come_from_the_registers_if_there_are_any),
		cmocka_unit_test(a_pae_table_may_lie_at_any_32_bytes),
		cmocka_unit_test(a_table_outside_every_slot_is_told_with_its_gpa),
		cmocka_unit_test(global_counts_under_pge_only),
		cmocka_unit_test(the_pat_index_is_read_from_where_the_page_size_puts_it),
	};

	return cmocka_run_group_tests_name("walk: formats", tests, NULL, NULL);
}
