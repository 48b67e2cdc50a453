/* SPDX-License-Identifier: MIT */
/*
 * Guest-physical memory: which slots it takes, which ranges it finds, and copies across slots.
 * The addresses of slots stand in tables; host memory is one array, cut up as the cases need.
 */
#include "check.h"

#include "memory/gmem.h"

#include <sys/mman.h>

#define PAGES 16
#define P     PAGE_SIZE
#define END   (UINT64_C(1) << 36) /* gpa_limit of the fixture */

struct fixture {
	struct gmem mem;
	uint8_t *host; /* PAGES pages */
};

static int set_up(void **state)
{
	static struct fixture f;

	f.host = mmap(NULL, PAGES * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(f.host != MAP_FAILED);
	gmem_init(&f.mem, 8, 36);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	gmem_fini(&f->mem);
	munmap(f->host, PAGES * P);
	return 0;
}

static void add(struct fixture *f, gpa_t gpa, unsigned host_page, unsigned pages)
{
	assert_int_equal(gmem_add(&f->mem, gpa, f->host + host_page * P, pages * P, false, NULL),
			 PN_OK);
}

/* The slots are sorted, disjoint, and of these starts. */
static void expect_slots(const char *name, const struct gmem *mem, const gpa_t *start,
			 unsigned count)
{
	CHECK_NUMBER(name, "number of slots", mem->count, count);
	for (unsigned i = 0; i < count; i++)
		CHECK_NUMBER(name, "start of a slot", mem->slot[i].gpa, start[i]);
}

struct add_case {
	const char *name;
	gpa_t gpa;
	uint64_t size;
	uintptr_t hva_off; /* from the start of host memory */
	int code;
};

/* Slots at pages 4..7 and 10..11 are there already. */
static const struct add_case add_cases[] = {
	{"the first page", 0, P, 0, PN_OK},
	{"up to the first slot, touching it", 2 * P, 2 * P, 0, PN_OK},
	{"the gap between two slots, touching both", 8 * P, 2 * P, 0, PN_OK},
	{"behind the last slot, touching it", 12 * P, P, 0, PN_OK},
	{"the last page there is", END - P, P, 0, PN_OK},
	{"all of the space above the slots", 12 * P, END - 12 * P, 0, PN_OK},

	{"no bytes", 0, 0, 0, PN_ERR_ZERO_SIZE},
	{"no bytes inside a slot", 5 * P, 0, 0, PN_ERR_ZERO_SIZE},
	{"GPA off by one byte", 1, P, 0, PN_ERR_MISALIGNED},
	{"GPA off by half a page", P / 2, P, 0, PN_ERR_MISALIGNED},
	{"a size of one byte", 0, 1, 0, PN_ERR_MISALIGNED},
	{"a size of a page and a byte", 0, P + 1, 0, PN_ERR_MISALIGNED},
	{"a size one short of a page", 0, P - 1, 0, PN_ERR_MISALIGNED},
	{"HVA off by eight bytes", 0, P, 8, PN_ERR_MISALIGNED},

	{"starts where the space ends", END, P, 0, PN_ERR_OVERFLOW},
	{"starts past the end", END + P, P, 0, PN_ERR_OVERFLOW},
	{"ends a page past the end", END - P, 2 * P, 0, PN_ERR_OVERFLOW},
	{"one page more than everything", 0, END + P, 0, PN_ERR_OVERFLOW},
	{"wraps to 0", -P, P, 0, PN_ERR_OVERFLOW},
	{"wraps past 0", -P, 2 * P, 0, PN_ERR_OVERFLOW},
	{"wraps onto itself", P, -P, 0, PN_ERR_OVERFLOW},
	{"the largest size", 0, -P, 0, PN_ERR_OVERFLOW},

	{"the same as a slot", 4 * P, 4 * P, 0, PN_ERR_OVERLAP},
	{"inside a slot", 5 * P, P, 0, PN_ERR_OVERLAP},
	{"the first page of a slot", 4 * P, P, 0, PN_ERR_OVERLAP},
	{"the last page of a slot", 7 * P, P, 0, PN_ERR_OVERLAP},
	{"over a slot's front edge", 3 * P, 2 * P, 0, PN_ERR_OVERLAP},
	{"over a slot's back edge", 7 * P, 2 * P, 0, PN_ERR_OVERLAP},
	{"around a slot", 3 * P, 6 * P, 0, PN_ERR_OVERLAP},
	{"around both slots", 0, 16 * P, 0, PN_ERR_OVERLAP},
	{"from slot to slot", 7 * P, 4 * P, 0, PN_ERR_OVERLAP},
	{"from the gap into the second slot", 9 * P, 2 * P, 0, PN_ERR_OVERLAP},
	{"everything", 0, END, 0, PN_ERR_OVERLAP},
};

static void add_gives_each_bad_range_its_own_code(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(add_cases); i++) {
		const struct add_case *c = &add_cases[i];
		gpa_t before[2] = {4 * P, 10 * P}, after[3];
		unsigned where = 99, at = 0;

		gmem_fini(&f->mem);
		gmem_init(&f->mem, 8, 36);
		add(f, 10 * P, 4, 2);
		add(f, 4 * P, 0, 4);
		CHECK_CODE(c->name,
			   gmem_add(&f->mem, c->gpa, f->host + c->hva_off, c->size, false, &where),
			   c->code);
		if (c->code) {
			CHECK_NUMBER(c->name, "place of a slot refused", where, 99);
			expect_slots(c->name, &f->mem, before, 2);
			continue;
		}
		for (unsigned k = 0; k < 2 && before[k] < c->gpa; k++)
			after[at++] = before[k];
		CHECK_NUMBER(c->name, "place of the new slot", where, at);
		after[at] = c->gpa;
		memcpy(after + at + 1, before + at, (2 - at) * sizeof(gpa_t));
		expect_slots(c->name, &f->mem, after, 3);
	}
}

static void host_memory_that_wraps_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(gmem_add(&f->mem, 0, (void *)(uintptr_t)-P, 2 * P, false, NULL),
			 PN_ERR_OVERFLOW);
	assert_int_equal(f->mem.count, 0);
}

static void gpa_limit_follows_maxphyaddr_up_to_52_bits(void **state)
{
	struct gmem mem;

	(void)state;
	for (unsigned bits = 32; bits <= 64; bits++) {
		gmem_init(&mem, 1, bits);
		CHECK_NUMBER("gmem_init", "gpa_limit", mem.gpa_limit,
			     UINT64_C(1) << (bits < 52 ? bits : 52));
		gmem_fini(&mem);
	}
}

static void the_slot_limit_holds_and_a_removed_slot_makes_room(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 8; i++)
		add(f, (7 - i) * 2 * P, i, 1);
	assert_int_equal(gmem_add(&f->mem, 40 * P, f->host, P, false, NULL), PN_ERR_SLOT_LIMIT);
	assert_int_equal(gmem_add(&f->mem, 0, f->host, P, false, NULL), PN_ERR_OVERLAP);
	assert_int_equal(f->mem.count, 8);
	gmem_remove(&f->mem, 3);
	assert_int_equal(gmem_add(&f->mem, 40 * P, f->host, P, false, NULL), PN_OK);
}

static void a_limit_past_the_array_is_cut_to_it(void **state)
{
	static struct gmem mem;
	struct fixture *f = *state;

	gmem_init(&mem, UINT32_MAX, 52);
	for (unsigned i = 0; i < GMEM_SLOTS_MAX; i++)
		assert_int_equal(gmem_add(&mem, i * P, f->host, P, false, NULL), PN_OK);
	assert_int_equal(gmem_add(&mem, GMEM_SLOTS_MAX * P, f->host, P, false, NULL),
			 PN_ERR_SLOT_LIMIT);
	gmem_fini(&mem);
}

struct cover_case {
	const char *name;
	gpa_t gpa;
	uint64_t size;
	int code;
	unsigned first, count;
};

/* Slots at pages 2..3, 4, 5..7 (touching) and 10..11. */
static const struct cover_case cover_cases[] = {
	{"one slot", 2 * P, 2 * P, PN_OK, 0, 1},
	{"one slot among touching ones", 4 * P, P, PN_OK, 1, 1},
	{"two touching slots", 4 * P, 4 * P, PN_OK, 1, 2},
	{"three touching slots", 2 * P, 6 * P, PN_OK, 0, 3},
	{"the last slot", 10 * P, 2 * P, PN_OK, 3, 1},

	{"no bytes", 2 * P, 0, PN_ERR_ZERO_SIZE, 0, 0},
	{"GPA misaligned", 2 * P + 8, 2 * P, PN_ERR_MISALIGNED, 0, 0},
	{"size misaligned", 2 * P, 2 * P - 8, PN_ERR_MISALIGNED, 0, 0},
	{"past the end", END, P, PN_ERR_OVERFLOW, 0, 0},
	{"over the end", END - P, 2 * P, PN_ERR_OVERFLOW, 0, 0},
	{"wraps", 2 * P, -P, PN_ERR_OVERFLOW, 0, 0},

	{"before every slot", 0, P, PN_ERR_NOT_MAPPED, 0, 0},
	{"up to the first slot", 0, 2 * P, PN_ERR_NOT_MAPPED, 0, 0},
	{"from before the first slot into it", P, 2 * P, PN_ERR_NOT_MAPPED, 0, 0},
	{"from before the first slot to its end", P, 3 * P, PN_ERR_NOT_MAPPED, 0, 0},
	{"the gap", 8 * P, 2 * P, PN_ERR_NOT_MAPPED, 0, 0},
	{"across the gap", 5 * P, 7 * P, PN_ERR_NOT_MAPPED, 0, 0},
	{"a slot and the gap behind it", 5 * P, 4 * P, PN_ERR_NOT_MAPPED, 0, 0},
	{"the last slot and what is behind it", 10 * P, 3 * P, PN_ERR_NOT_MAPPED, 0, 0},
	{"behind every slot", 12 * P, P, PN_ERR_NOT_MAPPED, 0, 0},
	{"everything", 0, END, PN_ERR_NOT_MAPPED, 0, 0},

	{"the front of a slot", 2 * P, P, PN_ERR_PARTIAL, 0, 0},
	{"the back of a slot", 3 * P, P, PN_ERR_PARTIAL, 0, 0},
	{"the middle of a slot", 6 * P, P, PN_ERR_PARTIAL, 0, 0},
	{"a slot and the front of the next", 4 * P, 2 * P, PN_ERR_PARTIAL, 0, 0},
	{"the back of a slot and the next", 3 * P, 2 * P, PN_ERR_PARTIAL, 0, 0},
};

static void cover_finds_whole_slots_and_nothing_else(void **state)
{
	struct fixture *f = *state;

	add(f, 5 * P, 3, 3);
	add(f, 2 * P, 0, 2);
	add(f, 10 * P, 6, 2);
	add(f, 4 * P, 2, 1);
	for (size_t i = 0; i < COUNT(cover_cases); i++) {
		const struct cover_case *c = &cover_cases[i];
		unsigned first = 99, count = 99;

		CHECK_CODE(c->name, gmem_cover(&f->mem, c->gpa, c->size, &first, &count), c->code);
		if (c->code)
			continue;
		CHECK_NUMBER(c->name, "first slot", first, c->first);
		CHECK_NUMBER(c->name, "number of slots", count, c->count);
	}
}

static void find_and_ptr_end_with_the_slot(void **state)
{
	struct fixture *f = *state;

	assert_null(gmem_find(&f->mem, 0));
	assert_null(gmem_ptr(&f->mem, 0, 1));
	add(f, 0, 0, 1);
	add(f, 2 * P, 1, 2);
	assert_int_equal(gmem_find(&f->mem, 0)->gpa, 0);
	assert_int_equal(gmem_find(&f->mem, P - 1)->gpa, 0);
	assert_null(gmem_find(&f->mem, P));
	assert_null(gmem_find(&f->mem, 2 * P - 1));
	assert_int_equal(gmem_find(&f->mem, 2 * P)->gpa, 2 * P);
	assert_int_equal(gmem_find(&f->mem, 4 * P - 1)->gpa, 2 * P);
	assert_null(gmem_find(&f->mem, 4 * P));
	assert_null(gmem_find(&f->mem, UINT64_MAX));

	assert_ptr_equal(gmem_ptr(&f->mem, 0, P), f->host);
	assert_null(gmem_ptr(&f->mem, 0, P + 1));
	assert_ptr_equal(gmem_ptr(&f->mem, P - 1, 1), f->host + P - 1);
	assert_null(gmem_ptr(&f->mem, P - 1, 2));
	assert_ptr_equal(gmem_ptr(&f->mem, 2 * P + 8, 8), f->host + P + 8);
	assert_null(gmem_ptr(&f->mem, 2 * P + 8, 2 * P - 7));
	assert_null(gmem_ptr(&f->mem, 2 * P + 8, UINT64_MAX));
	assert_null(gmem_ptr(&f->mem, UINT64_MAX, 2));
}

static void an_emptied_memory_answers_no_pointer(void **state)
{
	struct fixture *f = *state;

	add(f, 0, 0, 1);
	gmem_remove(&f->mem, 0);
	assert_int_equal(f->mem.count, 0);
	assert_null(gmem_ptr(&f->mem, 0, 1));
	assert_null(gmem_find(&f->mem, 0));
}

static void removing_a_slot_leaves_the_others(void **state)
{
	struct fixture *f = *state;
	gpa_t left[2] = {0, 4 * P};

	add(f, 0, 0, 1);
	add(f, 2 * P, 1, 1);
	add(f, 4 * P, 2, 1);
	gmem_remove(&f->mem, 1);
	expect_slots("middle", &f->mem, left, 2);
	assert_ptr_equal(gmem_ptr(&f->mem, 4 * P, 1), f->host + 2 * P);
	gmem_remove(&f->mem, 1);
	expect_slots("last", &f->mem, left, 1);
	gmem_remove(&f->mem, 0);
	expect_slots("only", &f->mem, left, 0);
}

/* Three touching slots whose host pages are out of order, then a read-only one, then nothing. */
static void lay_out_copies(struct fixture *f)
{
	add(f, 0, 8, 1);
	add(f, P, 2, 1);
	add(f, 2 * P, 5, 1);
	assert_int_equal(gmem_add(&f->mem, 3 * P, f->host, P, true, NULL), PN_OK);
}

static void copies_go_on_from_slot_to_slot(void **state)
{
	static uint8_t out[3 * P], in[3 * P];
	struct fixture *f = *state;

	lay_out_copies(f);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / P);
	assert_int_equal(gmem_write(&f->mem, 0, out, sizeof(out)), PN_OK);
	assert_memory_equal(f->host + 8 * P, out, P);
	assert_memory_equal(f->host + 2 * P, out + P, P);
	assert_memory_equal(f->host + 5 * P, out + 2 * P, P);
	assert_int_equal(gmem_read(&f->mem, 0, in, sizeof(in)), PN_OK);
	assert_memory_equal(in, out, sizeof(in));
	/* Two bytes, one on each side of an edge. */
	assert_int_equal(gmem_write(&f->mem, P - 1, "ab", 2), PN_OK);
	assert_int_equal(f->host[9 * P - 1], 'a');
	assert_int_equal(f->host[2 * P], 'b');
}

struct copy_case {
	const char *name;
	gpa_t gpa;
	uint64_t len;
	int read, write;
};

static const struct copy_case copy_cases[] = {
	{"nothing from nowhere", 9 * P, 0, PN_OK, PN_OK},
	{"up to the end", 3 * P, P, PN_OK, PN_ERR_NOT_MAPPED},
	{"into a read-only slot", 2 * P, P + 1, PN_OK, PN_ERR_NOT_MAPPED},
	{"past the end by one", 3 * P, P + 1, PN_ERR_NOT_MAPPED, PN_ERR_NOT_MAPPED},
	{"everything and one byte", 0, 4 * P + 1, PN_ERR_NOT_MAPPED, PN_ERR_NOT_MAPPED},
	{"one byte of nothing", 4 * P, 1, PN_ERR_NOT_MAPPED, PN_ERR_NOT_MAPPED},
	{"the last byte of the address space", UINT64_MAX, 1, PN_ERR_NOT_MAPPED, PN_ERR_NOT_MAPPED},
	{"a length that wraps", P, UINT64_MAX, PN_ERR_NOT_MAPPED, PN_ERR_NOT_MAPPED},
};

static void a_refused_copy_copies_nothing(void **state)
{
	static uint8_t buffer[5 * P], host[PAGES * P];
	struct fixture *f = *state;

	lay_out_copies(f);
	memset(f->host, 0x11, PAGES * P);
	memset(host, 0x11, PAGES * P);
	for (size_t i = 0; i < COUNT(copy_cases); i++) {
		const struct copy_case *c = &copy_cases[i];

		memset(buffer, 0x22, sizeof(buffer));
		CHECK_CODE(c->name, gmem_write(&f->mem, c->gpa, buffer, c->len), c->write);
		CHECK_TRUE(c->name, memcmp(f->host, host, PAGES * P) == 0);
		CHECK_CODE(c->name, gmem_read(&f->mem, c->gpa, buffer, c->len), c->read);
		if (c->read)
			CHECK_TRUE(c->name, buffer[0] == 0x22 && !memcmp(buffer, buffer + 1,
									 sizeof(buffer) - 1));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(add_gives_each_bad_range_its_own_code),
		TEST(host_memory_that_wraps_is_refused),
		TEST(gpa_limit_follows_maxphyaddr_up_to_52_bits),
		TEST(the_slot_limit_holds_and_a_removed_slot_makes_room),
		TEST(a_limit_past_the_array_is_cut_to_it),
		TEST(cover_finds_whole_slots_and_nothing_else),
		TEST(find_and_ptr_end_with_the_slot),
		TEST(an_emptied_memory_answers_no_pointer),
		TEST(removing_a_slot_leaves_the_others),
		TEST(copies_go_on_from_slot_to_slot),
		TEST(a_refused_copy_copies_nothing),
	};

	return cmocka_run_group_tests_name("gmem", tests, NULL, NULL);
}
