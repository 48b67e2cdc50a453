/* SPDX-License-Identifier: MIT */
/*
 * Accessed and dirty flags: which are set, when, and what happens if somebody else changes an entry
 * at the same time. And the path that a walk records.
 */
#include "walk_fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GVA   UINT64_C(0x9234567a)
#define PAGE  UINT64_C(0x80000000)
#define FLAGS (PTE_ACCESSED | PTE_DIRTY)

/* Every format with every size of page. */
static const struct shape {
	const struct pt_format *format;
	unsigned level;
} shapes[] = {
	{&pt_format_2level, 1}, {&pt_format_2level, 2}, {&pt_format_pae, 1},
	{&pt_format_pae, 2},	{&pt_format_4level, 1}, {&pt_format_4level, 2},
	{&pt_format_4level, 3}, {&pt_format_5level, 1}, {&pt_format_5level, 2},
	{&pt_format_5level, 3},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* A VM with one page at GVA, and a pattern in every entry beside those that map it. */
static void vm_with_page(struct vm *vm, const struct shape *shape, uint64_t leaf)
{
	uint64_t size;

	vm_init(vm, shape->format);
	if (shape->level > 1)
		leaf |= PTE_PS;
	vm_map(vm, GVA, shape->level, PAGE | leaf, VM_UPPER);
	size = UINT64_C(1) << vm->format->entry_shift;
	for (unsigned n = shape->level; n <= vm->format->levels; n++)
		memset(vm->ram + vm_entry_gpa(vm, GVA, n) + size, 0x58, size);
}

/* The guest's memory as it must be after one access: A in every entry there is, `leaf_flags` in
 * the leaf. */
static uint8_t *ram_with_flags(struct vm *vm, const struct shape *shape, uint64_t leaf_flags)
{
	uint8_t *expected = malloc(VM_PAGES * PAGE_SIZE);

	assert_non_null(expected);
	memcpy(expected, vm->ram, VM_PAGES * PAGE_SIZE);
	for (unsigned n = shape->level; n <= vm->format->levels; n++) {
		uint8_t *low = expected + vm_entry_gpa(vm, GVA, n);

		if (n == shape->level)
			*low |= (uint8_t)leaf_flags;
		else if (vm->format != &pt_format_pae || n != 3)
			*low |= PTE_ACCESSED;
	}
	return expected;
}

static void check_access(enum walk_access access, uint64_t leaf_flags)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct walk_query q = {.gva = GVA, .access = access, .set_ad = true};
		struct walk_result r;
		uint8_t *expected;
		struct vm vm;

		vm_with_page(&vm, &shapes[i], VM_UPPER);
		expected = ram_with_flags(&vm, &shapes[i], leaf_flags);
		for (int again = 0; again < 2; again++) {
			vm_walk(&vm, &q, &r, NULL);
			expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, shapes[i].level);
			assert_memory_equal(vm.ram, expected, VM_PAGES * PAGE_SIZE);
			assert_int_equal(r.dirty, access == WALK_WRITE);
		}
		free(expected);
		vm_fini(&vm);
	}
}

static void a_read_sets_a_at_every_level_and_no_d(void **state)
{
	(void)state;
	check_access(WALK_READ, PTE_ACCESSED);
	check_access(WALK_FETCH, PTE_ACCESSED);
}

static void a_write_sets_d_in_the_leaf_only(void **state)
{
	(void)state;
	check_access(WALK_WRITE, PTE_ACCESSED | PTE_DIRTY);
}

static void a_walk_that_is_not_to_set_flags_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++) {
		struct walk_query q = {.gva = GVA, .access = WALK_WRITE};
		static uint8_t before[VM_PAGES * PAGE_SIZE];
		struct walk_result r;
		struct vm vm;

		vm_with_page(&vm, &shapes[i], VM_UPPER);
		memcpy(before, vm.ram, sizeof(before));
		vm_walk(&vm, &q, &r, NULL);
		expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, 0);
		assert_false(r.dirty);
		assert_memory_equal(vm.ram, before, sizeof(before));
		vm_fini(&vm);
	}
}

static void an_access_that_fails_sets_nothing(void **state)
{
	static const uint64_t leaves[] = {
		0,					    /* not present */
		PTE_PRESENT | PTE_USER,			    /* read-only */
		PTE_PRESENT | PTE_WRITE,		    /* a supervisor's */
		VM_UPPER | PTE_BITS(51, 51),		    /* a reserved bit */
		VM_UPPER | (UINT64_C(1) << PTE_PKEY_SHIFT), /* a key that forbids */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		struct walk_query q = {.gva = GVA, .access = WALK_WRITE, .set_ad = true};
		static uint8_t before[VM_PAGES * PAGE_SIZE];
		struct walk_result r;
		struct vm vm;

		vm_with_page(&vm, &(struct shape){&pt_format_4level, 1}, leaves[i]);
		vm.regs.cr4 |= CR4_PKE;
		vm.regs.pkru = PKRU_WD(1);
		memcpy(before, vm.ram, sizeof(before));
		assert_int_equal(vm_walk(&vm, &q, &r, NULL), WALK_FAULT);
		assert_memory_equal(vm.ram, before, sizeof(before));
		vm_fini(&vm);
	}
}

static void tables_in_a_read_only_slot_stay_as_they_are(void **state)
{
	struct walk_query q = {.gva = GVA, .access = WALK_READ, .set_ad = true};
	static uint8_t before[VM_PAGES * PAGE_SIZE];
	struct walk_result r;
	struct vm vm;

	(void)state;
	vm_with_page(&vm, &(struct shape){&pt_format_4level, 1}, VM_UPPER);
	vm.mem.slot[0].readonly = true;
	memcpy(before, vm.ram, sizeof(before));
	vm_walk(&vm, &q, &r, NULL);
	expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, 1);
	assert_false(r.dirty);
	q.access = WALK_WRITE;
	vm_walk(&vm, &q, &r, NULL);
	expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, 1);
	/* Else whoever waits for D before granting writes would wait for ever. */
	assert_true(r.dirty);
	assert_memory_equal(vm.ram, before, sizeof(before));
	vm_fini(&vm);
}

/* The first level's flag makes the entry differ from what the next level read: the walk must start
 * again, and end. */
static void an_entry_that_serves_at_every_level_gets_a_and_d(void **state)
{
	gva_t self = UINT64_C(0xffff804020100000); /* index 256 at every level */
	struct walk_query q = {.gva = self, .access = WALK_WRITE, .set_ad = true};
	struct walk_result r;
	struct vm vm;

	(void)state;
	vm_init(&vm, &pt_format_4level);
	vm_set(&vm, self, 4, VM_UPPER); /* the top table is at GPA 0 */
	vm_walk(&vm, &q, &r, NULL);
	expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, 1);
	assert_int_equal(r.gpa, 0);
	assert_int_equal(vm_get(&vm, self, 4), VM_UPPER | FLAGS);
	vm_fini(&vm);
}

/* The race is run until the other thread has come between two walks so often, which takes a
 * second core; on a single one, for some seconds. */
#define RACE_CHANGES 100000
#define RACE_SECONDS 5

struct swapper {
	uint64_t *entry;
	uint64_t writable, readonly;
	unsigned strange; /* entries found that nobody may have written */
	bool stop;
};

/* Another vCPU, which takes the right to write away and gives it back. */
static void *swap_entry(void *arg)
{
	struct swapper *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		uint64_t old = __atomic_exchange_n(s->entry, s->readonly, __ATOMIC_SEQ_CST);

		if ((old & ~FLAGS) != s->writable)
			s->strange++;
		old = __atomic_exchange_n(s->entry, s->writable, __ATOMIC_SEQ_CST);
		if (old != s->readonly)
			s->strange++;
	}
	return NULL;
}

static void flags_never_land_on_an_entry_that_changed_meanwhile(void **state)
{
	struct walk_query q = {.gva = GVA, .access = WALK_WRITE, .set_ad = true};
	struct swapper s = {.writable = PAGE | VM_UPPER,
			    .readonly = (2 * PAGE) | PTE_PRESENT | PTE_USER};
	enum walk_outcome last = WALK_NO_MEMORY;
	time_t end = time(NULL) + RACE_SECONDS;
	unsigned changes = 0, wrong = 0;
	struct walk_context ctx;
	struct walk_result r;
	pthread_t thread;
	struct vm vm;

	(void)state;
	vm_init(&vm, &pt_format_4level);
	vm_map(&vm, GVA, 1, s.writable, VM_UPPER);
	s.entry = (uint64_t *)(void *)(vm.ram + vm_entry_gpa(&vm, GVA, 1));
	walk_context_init(&ctx, &vm.regs);
	assert_int_equal(pthread_create(&thread, NULL, swap_entry, &s), 0);
	while (changes < RACE_CHANGES && time(NULL) < end) {
		walk(&vm.mem, &ctx, &q, &r, NULL);
		changes += r.outcome != last;
		last = r.outcome;
		if (r.outcome == WALK_OK ? r.gpa >> PAGE_SHIFT != PAGE >> PAGE_SHIFT
					 : r.cause != WALK_CAUSE_READ_ONLY)
			wrong++;
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(s.strange, 0);
	vm_fini(&vm);
}

static void the_path_holds_every_entry_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++) {
		const struct pt_format *f = shapes[i].format;
		struct walk_query q = {.gva = GVA, .access = WALK_WRITE, .set_ad = true};
		struct walk_path path;
		struct walk_result r;
		struct vm vm;

		vm_with_page(&vm, &shapes[i], VM_UPPER);
		vm_walk(&vm, &q, &r, &path);
		assert_int_equal(path.count, f->levels - shapes[i].level + 1);
		for (unsigned n = 0; n < path.count; n++) {
			unsigned level = f->levels - n;
			const struct pt_level *l = &f->level[level];

			assert_int_equal(path.step[n].level, level);
			assert_int_equal(path.step[n].gpa, vm_entry_gpa(&vm, GVA, level));
			assert_int_equal(path.step[n].entry, vm_get(&vm, GVA, level));
			assert_int_equal(path.step[n].index,
					 GVA >> l->shift & ((1u << l->index_bits) - 1));
			assert_false(path.step[n].in_register);
		}
		vm_fini(&vm);
	}
}

static void the_path_of_a_fault_ends_with_the_entry_that_failed(void **state)
{
	struct walk_query q = {.gva = GVA, .access = WALK_READ};
	struct walk_path path;
	struct walk_result r;
	struct vm vm;

	(void)state;
	vm_init(&vm, &pt_format_5level);
	vm_map(&vm, GVA, 1, VM_UPPER, VM_UPPER);
	vm_set(&vm, GVA, 3, 0xabcde0);
	vm_walk(&vm, &q, &r, &path);
	assert_int_equal(path.count, 3);
	assert_int_equal(path.step[2].entry, 0xabcde0);
	assert_int_equal(path.step[2].gpa, r.entry);
	vm_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_sets_a_at_every_level_and_no_d),
		cmocka_unit_test(a_write_sets_d_in_the_leaf_only),
		cmocka_unit_test(a_walk_that_is_not_to_set_flags_changes_nothing),
		cmocka_unit_test(an_access_that_fails_sets_nothing),
		cmocka_unit_test(tables_in_a_read_only_slot_stay_as_they_are),
		cmocka_unit_test(an_entry_that_serves_at_every_level_gets_a_and_d),
		cmocka_unit_test(flags_never_land_on_an_entry_that_changed_meanwhile),
		cmocka_unit_test(the_path_holds_every_entry_in_order),
		cmocka_unit_test(the_path_of_a_fault_ends_with_the_entry_that_failed),
	};

	return cmocka_run_group_tests_name("walk: accessed and dirty flags", tests, NULL, NULL);
}
