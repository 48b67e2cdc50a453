/* SPDX-License-Identifier: MIT */
/* What is told of one translation: the memory behind each entry, its bits in words, its cost. */
#include "check.h"

#include "memory/entry_words.h"
#include "memory/explain.h"
#include "x86.h"

#include <sys/mman.h>
#include <unistd.h>

#define RAM	UINT64_C(0x400000)
#define ROM_GPA UINT64_C(0x40000000)
#define LEVELS	(PTE_PRESENT | PTE_WRITE | PTE_USER)

static struct gmem mem;
static uint8_t *ram;
static struct explanation x;

static int set_up(void **state)
{
	(void)state;
	gmem_init(&mem, 8, 48);
	/* Where a host page of 2 MiB could map 2 MiB of the guest. */
	ram = mmap(NULL, 2 * RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(ram != MAP_FAILED);
	madvise(ram, 2 * RAM, MADV_NOHUGEPAGE);
	assert_int_equal(gmem_add(&mem, 0, ram, RAM, false, NULL), 0);
	assert_int_equal(gmem_add(&mem, ROM_GPA, ram + RAM, PAGE_SIZE, true, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	gmem_fini(&mem);
	munmap(ram, 2 * RAM);
	return 0;
}

static void put(gpa_t table, unsigned index, uint64_t entry)
{
	((uint64_t *)(void *)(ram + table))[index] = entry;
}

/* GVA 0x1000 times n: entry n of a leaf table at 0x4000 under four levels. */
static void explain(gva_t gva, enum walk_access access)
{
	const struct walk_regs regs = {.cr0 = CR0_PE | CR0_PG | CR0_WP,
				       .cr3 = 0x1000,
				       .cr4 = CR4_PAE | CR4_PGE,
				       .efer = EFER_LME | EFER_LMA | EFER_NXE,
				       .maxphyaddr = 48,
				       .has_1g = true};

	memset(ram, 0, 0x10000);
	put(0x1000, 0, 0x2000 | LEVELS);
	put(0x2000, 0, 0x3000 | LEVELS);
	put(0x2000, 1, LEVELS | PTE_PS);
	put(0x3000, 0, 0x4000 | LEVELS);
	put(0x3000, 1, 0x200000 | LEVELS | PTE_PS);
	put(0x3000, 2, UINT64_C(0x80000000) | LEVELS);
	put(0x4000, 1, 0x5000 | LEVELS);
	put(0x4000, 2, ROM_GPA | LEVELS);
	put(0x4000, 3, UINT64_C(0x80000000) | LEVELS);
	put(0x4000, 4, 0x5000 | PTE_PRESENT | PTE_NX);
	memset(&x, 0, sizeof(x));
	walk_context_init(&x.ctx, &regs);
	x.host_levels = 4;
	x.smaps = backing_open();
	x.query = (struct walk_query){
		.gva = gva, .access = access, .privilege = WALK_SUPERVISOR, .set_ad = true};
	explain_walk(&x, &mem);
	close(x.smaps);
}

struct cost {
	const char *name;
	gva_t gva;
	enum walk_access access;
	unsigned steps, one, two, cacheable;
};

static const struct cost costs[] = {
	{"a page", 0x1000, WALK_READ, 4, 4, 24, 3},
	{"not present", 0x9000, WALK_READ, 4, 4, 20, 3},
	{"read-only", 0x4000, WALK_WRITE, 4, 4, 20, 3},
	{"no-execute", 0x4000, WALK_FETCH, 4, 4, 20, 3},
	{"not present above", UINT64_C(0x600000), WALK_READ, 3, 3, 15, 2},
	{"2 MiB", 0x200000, WALK_READ, 3, 3, 19, 2},
	{"1 GiB", 0x40000000, WALK_READ, 2, 2, 14, 1},
	{"a table in no slot", 0x400000, WALK_READ, 3, 3, 15, 2},
	{"not canonical", UINT64_C(1) << 63, WALK_READ, 0, 0, 0, 0},
	{"no top entry", UINT64_C(1) << 40, WALK_READ, 1, 1, 5, 0},
};

static void each_walk_costs_what_it_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(costs); i++) {
		const struct cost *c = &costs[i];

		explain(c->gva, c->access);
		CHECK_NUMBER(c->name, "steps", x.path.count, c->steps);
		CHECK_NUMBER(c->name, "in one dimension", references_one(&x.guest, 0), c->one);
		CHECK_NUMBER(c->name, "in two", references_two(&x.guest, 0), c->two);
		CHECK_NUMBER(c->name, "cacheable", explain_cacheable(&x), c->cacheable);
	}
}

static void the_guest_s_entries_are_left_alone(void **state)
{
	(void)state;
	explain(0x1000, WALK_WRITE);
	assert_int_equal(x.result.outcome, WALK_OK);
	assert_int_equal(((uint64_t *)(void *)(ram + 0x4000))[1], 0x5000 | LEVELS);
}

static void what_is_behind_an_address_is_told(void **state)
{
	(void)state;
	explain(0x1234, WALK_READ);
	assert_true(x.page.in_slot && !x.page.readonly);
	assert_ptr_equal(x.page.hva, ram + 0x5234);
	assert_int_equal(x.page.slot_size, RAM);
	assert_int_equal(x.page.host_shift, 12);
	assert_ptr_equal(x.entry[3].hva, ram + 0x4008);
	explain(0x2000, WALK_READ);
	assert_true(x.page.in_slot && x.page.readonly);
	assert_int_equal(x.page.slot_gpa, ROM_GPA);
	assert_ptr_equal(x.page.hva, ram + RAM);
	explain(0x3000, WALK_READ);
	assert_int_equal(x.result.outcome, WALK_OK);
	assert_false(x.page.in_slot);
}

static void where_nothing_is_mapped_the_host_page_is_not_told(void **state)
{
	void *page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int smaps = backing_open();

	(void)state;
	assert_int_equal(backing_host_shift(smaps, page), 12);
	munmap(page, PAGE_SIZE);
	/* What is open already tells what is now. */
	assert_int_equal(backing_host_shift(smaps, page), 0);
	close(smaps);
	assert_int_equal(backing_host_shift(-1, &smaps), 0);
}

struct wording {
	unsigned level;
	uint64_t entry;
	bool leaf;
	const char *words;
};

static const struct wording wordings[] = {
	{4, 0, false, "not present"},
	{4, PTE_WRITE | PTE_NX, false, "not present"},
	{4, LEVELS | PTE_ACCESSED, false, "present, writable, user, executable, accessed"},
	{1, PTE_PRESENT | PTE_NX | PTE_DIRTY | PTE_GLOBAL, true,
	 "present, read-only, supervisor, no-execute, not accessed, dirty, global"},
	{2, PTE_PRESENT | PTE_PS | PTE_PCD | PTE_PWT | UINT64_C(7) << PTE_PKEY_SHIFT, true,
	 "present, read-only, supervisor, executable, not accessed, clean, write-through, "
	 "uncached, large, key 7"},
};

static void entries_are_told_in_words(void **state)
{
	char text[160], cut[8];

	(void)state;
	for (size_t i = 0; i < COUNT(wordings); i++) {
		const struct wording *w = &wordings[i];

		assert_string_equal(entry_words(&pt_format_4level, w->level, w->entry, w->leaf,
						text, sizeof(text)),
				    w->words);
	}
	entry_words(&pt_format_4level, 1, LEVELS, true, cut, sizeof(cut));
	assert_string_equal(cut, "present");
}

static void error_codes_are_told_in_words(void **state)
{
	char text[96];

	(void)state;
	assert_string_equal(error_code_words(0, text, sizeof(text)),
			    "not present | read | supervisor");
	assert_string_equal(error_code_words(7, text, sizeof(text)), "protection | write | user");
	assert_string_equal(error_code_words(0x15, text, sizeof(text)),
			    "protection | user | fetch");
	assert_string_equal(error_code_words(0x29, text, sizeof(text)),
			    "protection | reserved bit | protection key | read | supervisor");
}

static void page_sizes_are_told_in_words(void **state)
{
	char text[16];

	(void)state;
	assert_string_equal(page_size_words(12, text, sizeof(text)), "4 KiB");
	assert_string_equal(page_size_words(21, text, sizeof(text)), "2 MiB");
	assert_string_equal(page_size_words(22, text, sizeof(text)), "4 MiB");
	assert_string_equal(page_size_words(30, text, sizeof(text)), "1 GiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_walk_costs_what_it_reads),
		cmocka_unit_test(the_guest_s_entries_are_left_alone),
		cmocka_unit_test(what_is_behind_an_address_is_told),
		cmocka_unit_test(where_nothing_is_mapped_the_host_page_is_not_told),
		cmocka_unit_test(entries_are_told_in_words),
		cmocka_unit_test(error_codes_are_told_in_words),
		cmocka_unit_test(page_sizes_are_told_in_words),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
