/* SPDX-License-Identifier: MIT */
/*
 * pn_mmu_map and pn_mmu_unmap: every error they can give, and what the guest finds behind them,
 * while it stands still and while it runs.
 */
#include "fixture.h"
#include "groups.h"

#include <sys/mman.h>

#define P    UINT64_C(4096)
#define HOLE UINT64_C(0xd0000000) /* between RAM and 4 GiB, in the boot tables' reach */
#define HIGH UINT64_C(0x140000000)

struct map_case {
	const char *name;
	gpa_t gpa;
	uint64_t size, hva_off;
	bool no_hva;
	int prot, code;
};

/* RAM is 64 MiB; pages 1 and 2 of HOLE are a slot. */
static const struct map_case map_cases[] = {
	{"no bytes", HOLE + 4 * P, 0, 0, false, 1, PN_ERR_ZERO_SIZE},
	{"GPA misaligned", HOLE + 4 * P + 1, P, 0, false, 1, PN_ERR_MISALIGNED},
	{"size misaligned", HOLE + 4 * P, P - 1, 0, false, 1, PN_ERR_MISALIGNED},
	{"HVA misaligned", HOLE + 4 * P, P, 16, false, 1, PN_ERR_MISALIGNED},
	{"past every MAXPHYADDR", UINT64_C(1) << 52, P, 0, false, 1, PN_ERR_OVERFLOW},
	{"wraps", -P, 2 * P, 0, false, 1, PN_ERR_OVERFLOW},
	{"a size that wraps", HOLE, -P, 0, false, 1, PN_ERR_OVERFLOW},
	{"page 0 of RAM", 0, P, 0, false, 1, PN_ERR_OVERLAP},
	{"the last page of RAM", MIB(64) - P, P, 0, false, 1, PN_ERR_OVERLAP},
	{"over the end of RAM", MIB(64) - P, 2 * P, 0, false, 1, PN_ERR_OVERLAP},
	{"over the front of a slot", HOLE, 2 * P, 0, false, 1, PN_ERR_OVERLAP},
	{"over the back of a slot", HOLE + 2 * P, 2 * P, 0, false, 1, PN_ERR_OVERLAP},
	{"around a slot", HOLE, 4 * P, 0, false, 1, PN_ERR_OVERLAP},
	{"the same again", HOLE + P, 2 * P, 0, false, 1, PN_ERR_OVERLAP},
	{"no host memory", HOLE + 4 * P, P, 0, true, 1, PN_ERR_ARGUMENT},
	{"no such protection", HOLE + 4 * P, P, 0, false, 2, PN_ERR_ARGUMENT},
	{"a negative protection", HOLE + 4 * P, P, 0, false, -1, PN_ERR_ARGUMENT},
	{"before the slot, touching it", HOLE, P, 0, false, 1, PN_OK},
	{"behind the slot, touching it", HOLE + 3 * P, P, 0, false, 0, PN_OK},
	{"behind RAM, touching it", MIB(64), P, 0, false, 1, PN_OK},
};

static void map_gives_each_bad_range_its_own_code(void **state)
{
	struct subject *s = *state;
	uint8_t *host = pages_map(8 * P);

	subject_make(s, NULL);
	assert_int_equal(pn_mmu_map(s->m, HOLE + P, host, 2 * P, PN_PROT_READ_WRITE), PN_OK);
	for (size_t i = 0; i < COUNT(map_cases); i++) {
		const struct map_case *c = &map_cases[i];
		void *hva = c->no_hva ? NULL : host + c->hva_off;
		char byte;

		CHECK_CODE(c->name, pn_mmu_map(s->m, c->gpa, hva, c->size, (enum pn_prot)c->prot),
			   c->code);
		if (c->gpa == HOLE + 4 * P)
			CHECK_CODE(c->name, pn_read(s->m, c->gpa, &byte, 1), PN_ERR_NOT_MAPPED);
		if (c->code == PN_OK)
			CHECK_CODE(c->name, pn_mmu_unmap(s->m, c->gpa, c->size), PN_OK);
	}
	subject_unmake(s);
	munmap(host, 8 * P);
}

struct unmap_case {
	const char *name;
	gpa_t gpa;
	uint64_t size;
	int code;
};

/* Slots at pages 1..2 and 3 of HOLE, touching. */
static const struct unmap_case unmap_cases[] = {
	{"no bytes", HOLE + P, 0, PN_ERR_ZERO_SIZE},
	{"no bytes of RAM", P, 0, PN_ERR_ZERO_SIZE},
	{"GPA misaligned", HOLE + P + 8, 2 * P, PN_ERR_MISALIGNED},
	{"size misaligned", HOLE + P, 2 * P + 8, PN_ERR_MISALIGNED},
	{"past every MAXPHYADDR", UINT64_C(1) << 52, P, PN_ERR_OVERFLOW},
	{"wraps", HOLE + P, -P, PN_ERR_OVERFLOW},
	{"wraps to its start", -P, 2 * P, PN_ERR_OVERFLOW},
	{"nothing there", HOLE + 8 * P, P, PN_ERR_NOT_MAPPED},
	{"a page before the slot", HOLE, 3 * P, PN_ERR_NOT_MAPPED},
	{"a page behind the slots", HOLE + P, 4 * P, PN_ERR_NOT_MAPPED},
	{"the front half", HOLE + P, P, PN_ERR_PARTIAL},
	{"the back half", HOLE + 2 * P, P, PN_ERR_PARTIAL},
	{"the back half and the next slot", HOLE + 2 * P, 2 * P, PN_ERR_PARTIAL},
	{"RAM", 0, MIB(64), PN_ERR_ARGUMENT},
	{"a page of RAM", P, P, PN_ERR_ARGUMENT},
	{"the last page of RAM and one more", MIB(64) - P, 2 * P, PN_ERR_ARGUMENT},
	{"everything below 4 GiB", 0, GIB(4), PN_ERR_ARGUMENT},
	{"both slots at once", HOLE + P, 3 * P, PN_OK},
	{"both slots once more", HOLE + P, 3 * P, PN_ERR_NOT_MAPPED},
};

static void unmap_gives_each_bad_range_its_own_code(void **state)
{
	struct subject *s = *state;
	uint8_t *host = pages_map(4 * P);
	char byte;

	subject_make(s, NULL);
	assert_int_equal(pn_mmu_map(s->m, HOLE + P, host, 2 * P, PN_PROT_READ_WRITE), PN_OK);
	assert_int_equal(pn_mmu_map(s->m, HOLE + 3 * P, host + 2 * P, P, PN_PROT_READ), PN_OK);
	for (size_t i = 0; i < COUNT(unmap_cases); i++) {
		const struct unmap_case *c = &unmap_cases[i];

		CHECK_CODE(c->name, pn_mmu_unmap(s->m, c->gpa, c->size), c->code);
		if (i < COUNT(unmap_cases) - 2)
			CHECK_CODE(c->name, pn_read(s->m, HOLE + 3 * P, &byte, 1), PN_OK);
		CHECK_CODE(c->name, pn_read(s->m, P, &byte, 1), PN_OK);
	}
	subject_unmake(s);
	munmap(host, 4 * P);
}

static void the_part_of_ram_above_4_gib_cannot_be_unmapped(void **state)
{
	const struct pn_config config = {.ram_size = GIB(4)};
	struct subject *s = *state;

	subject_make(s, &config);
	assert_int_equal(pn_mmu_unmap(s->m, GIB(4), GIB(1)), PN_ERR_ARGUMENT);
	assert_int_equal(pn_mmu_unmap(s->m, GIB(5) - P, P), PN_ERR_ARGUMENT);
	assert_int_equal(pn_mmu_unmap(s->m, GIB(5), P), PN_ERR_NOT_MAPPED);
	assert_int_equal(pn_mmu_unmap(s->m, GIB(3), GIB(1)), PN_ERR_NOT_MAPPED);
}

/* One page at a GPA, seen by the guest at a GVA. */
static void check_shared(struct subject *s, gpa_t gpa, const char *script)
{
	uint64_t *host = pages_map(P);
	struct script_result r[3];

	host[0] = UINT64_C(0x1111222233334444);
	subject_script(s, NULL, script);
	assert_int_equal(pn_mmu_map(s->m, gpa, host, P, PN_PROT_READ_WRITE), PN_OK);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	subject_results(s, r, 3);
	assert_int_equal(r[1].value, UINT64_C(0x1111222233334444));
	assert_int_equal(host[1], 0x5555);
	assert_int_equal(subject_read(s, gpa + 8), 0x5555);
	subject_unmake(s);
	/* The memory is the caller's: it is as the guest left it. */
	assert_int_equal(host[0], UINT64_C(0x1111222233334444));
	assert_int_equal(host[1], 0x5555);
	munmap(host, P);
}

static void the_guest_reads_and_writes_what_is_mapped(void **state)
{
	check_shared(*state, HOLE, "say x r8 d0000000 w8 d0000008 5555");
}

static void memory_above_4_gib_is_mapped_alike(void **state)
{
	check_shared(*state, HIGH, "map 0 140000000 r8 8000000000 w8 8000000008 5555");
}

static void one_page_of_the_host_can_be_two_of_the_guest(void **state)
{
	struct subject *s = *state;
	uint64_t *host = pages_map(P);
	struct script_result r[2];

	subject_script(s, NULL, "w8 d0000010 77 r8 d0008010");
	assert_int_equal(pn_mmu_map(s->m, HOLE, host, P, PN_PROT_READ_WRITE), PN_OK);
	assert_int_equal(pn_mmu_map(s->m, HOLE + 8 * P, host, P, PN_PROT_READ), PN_OK);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	subject_results(s, r, 2);
	assert_int_equal(r[1].value, 0x77);
	subject_unmake(s);
	munmap(host, P);
}

static void an_access_may_cross_from_slot_to_slot(void **state)
{
	struct subject *s = *state;
	uint8_t *host = pages_map(2 * P);
	struct script_result r[2];

	subject_script(s, NULL, "w8 d0000ffc 8877665544332211 r8 d0000ffc");
	assert_int_equal(pn_mmu_map(s->m, HOLE, host + P, P, PN_PROT_READ_WRITE), PN_OK);
	assert_int_equal(pn_mmu_map(s->m, HOLE + P, host, P, PN_PROT_READ_WRITE), PN_OK);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	subject_results(s, r, 2);
	assert_int_equal(r[1].value, UINT64_C(0x8877665544332211));
	assert_memory_equal(host + 2 * P - 4, "\x11\x22\x33\x44", 4);
	assert_memory_equal(host, "\x55\x66\x77\x88", 4);
	subject_unmake(s);
	munmap(host, 2 * P);
}

static void a_write_to_a_read_only_slot_ends_as_mmio(void **state)
{
	struct subject *s = *state;
	uint64_t *host = pages_map(P);
	struct script_result r[1];
	uint64_t word = 1;

	host[0] = 0xabc;
	subject_script(s, NULL, "r8 d0000000 w8 d0000000 5555");
	assert_int_equal(pn_mmu_map(s->m, HOLE, host, P, PN_PROT_READ), PN_OK);
	assert_int_equal(pn_write(s->m, HOLE, &word, 8), PN_ERR_NOT_MAPPED);
	assert_int_equal(subject_run(s), PN_END_DIED);
	CHECK_CONTAINS("reason", s->result.reason, "0xd0000000");
	CHECK_CONTAINS("reason", s->result.reason, "read-only");
	CHECK_CONTAINS("reason", s->result.reason, "do_write");
	subject_results(s, r, 1);
	assert_int_equal(r[0].value, 0xabc);
	assert_int_equal(host[0], 0xabc);
	subject_unmake(s);
	munmap(host, P);
}

/* The caller broke its word; the guest's end says so, and the host program lives. */
static void host_memory_that_is_gone_ends_the_guest_with_a_line(void **state)
{
	struct subject *s = *state;
	void *host = pages_map(P);

	subject_script(s, NULL, "w8 d0000000 1");
	assert_int_equal(pn_mmu_map(s->m, HOLE, host, P, PN_PROT_READ_WRITE), PN_OK);
	munmap(host, P);
	assert_int_equal(subject_run(s), PN_END_DIED);
	CHECK_ONE_LINE("reason", s->result.reason);
}

/* What only KVM finds wrong: the kernel's half of the address space is no host memory. */
static void a_slot_that_kvm_refuses_leaves_nothing_behind(void **state)
{
	struct subject *s = *state;
	uint8_t *host = pages_map(P);
	void *kernel = (void *)(uintptr_t)UINT64_C(0xffff888000000000);
	char byte;

	subject_make(s, NULL);
	assert_int_equal(pn_mmu_map(s->m, HOLE, kernel, P, PN_PROT_READ_WRITE), PN_ERR_SYSTEM);
	assert_int_equal(pn_mmu_unmap(s->m, HOLE, P), PN_ERR_NOT_MAPPED);
	assert_int_equal(pn_read(s->m, HOLE, &byte, 1), PN_ERR_NOT_MAPPED);
	assert_int_equal(pn_mmu_map(s->m, HOLE, host, P, PN_PROT_READ_WRITE), PN_OK);
	subject_unmake(s);
	munmap(host, P);
}

static void slots_run_out_and_come_back(void **state)
{
	struct subject *s = *state;
	uint8_t *host = pages_map(P);
	unsigned count = 0;
	int code;

	subject_make(s, NULL);
	while ((code = pn_mmu_map(s->m, HOLE + 2 * count * P, host, P, PN_PROT_READ_WRITE)) ==
	       PN_OK)
		count++;
	assert_int_equal(code, PN_ERR_SLOT_LIMIT);
	/* RAM has one. The oldest KVMs allow 32. */
	assert_in_range(count, 31, 511);
	assert_int_equal(pn_mmu_map(s->m, HOLE, host, P, PN_PROT_READ_WRITE), PN_ERR_OVERLAP);
	assert_int_equal(pn_mmu_unmap(s->m, HOLE + 2 * (count / 2) * P, P), PN_OK);
	assert_int_equal(pn_mmu_map(s->m, HIGH, host, P, PN_PROT_READ_WRITE), PN_OK);
	assert_int_equal(pn_mmu_map(s->m, HIGH + P, host, P, PN_PROT_READ_WRITE),
			 PN_ERR_SLOT_LIMIT);
	subject_unmake(s);
	munmap(host, P);
}

/* More slots in the machine's life than it can have at a time. */
static void slots_that_are_gone_can_be_had_again(void **state)
{
	struct subject *s = *state;
	uint8_t *host = pages_map(P);

	subject_script(s, NULL, "r8 d0000000 exit 0");
	for (unsigned i = 0; i < 600; i++) {
		assert_int_equal(pn_mmu_map(s->m, HOLE, host, P, PN_PROT_READ), PN_OK);
		assert_int_equal(pn_mmu_unmap(s->m, HOLE, P), PN_OK);
	}
	assert_int_equal(pn_mmu_map(s->m, HOLE, host, P, PN_PROT_READ), PN_OK);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	subject_unmake(s);
	munmap(host, P);
}

/* Has the guest add 1 to the number at HOLE; false if it does not in time. */
static bool serve(struct subject *s, gpa_t command, uint32_t what)
{
	const struct timespec nap = {.tv_nsec = 50000};
	uint32_t pending = what;

	if (pn_write(s->m, command, &what, sizeof(what)))
		return false;
	for (unsigned i = 0; pending && i < 20000 * patience(); i++) {
		nanosleep(&nap, NULL);
		if (pn_read(s->m, command, &pending, sizeof(pending)))
			return false;
	}
	return pending == 0;
}

static void slots_come_and_go_under_a_running_guest(void **state)
{
	struct subject *s = *state;
	uint64_t *host = pages_map(2 * P), *page[2] = {host, host + P / 8};
	unsigned rounds = repeats(100, 10);
	gpa_t command;

	subject_script(s, NULL, "serve d0000000 exit 0");
	command = subject_symbol(s, "serve_command");
	subject_start(s);
	for (unsigned i = 0; i < rounds; i++) {
		/* Another page each time: a stale translation would count in the wrong one. */
		assert_int_equal(pn_mmu_map(s->m, HOLE, page[i % 2], P, PN_PROT_READ_WRITE), PN_OK);
		assert_true(serve(s, command, 1));
		assert_int_equal(*page[i % 2], i / 2 + 1);
		assert_int_equal(pn_mmu_unmap(s->m, HOLE, P), PN_OK);
	}
	assert_true(serve(s, command, 2));
	assert_int_equal(subject_wait(s), PN_END_STATUS);
	assert_int_equal(page[0][0] + page[1][0], rounds);
	subject_unmake(s);
	munmap(host, 2 * P);
}

static void a_slot_that_goes_under_a_running_guest_is_out_of_its_reach(void **state)
{
	struct subject *s = *state;
	uint64_t *host = pages_map(P);

	for (unsigned i = 0; i < repeats(10, 2); i++) {
		gpa_t count;

		subject_script(s, NULL, "hammer d0000008");
		assert_int_equal(pn_mmu_map(s->m, HOLE, host, P, PN_PROT_READ_WRITE), PN_OK);
		count = subject_symbol(s, "hammered");
		subject_start(s);
		assert_true(subject_await(s, count, 10));
		assert_int_equal(pn_mmu_unmap(s->m, HOLE, P), PN_OK);
		assert_int_equal(subject_wait(s), PN_END_DIED);
		CHECK_CONTAINS("reason", s->result.reason, "0xd0000008");
		CHECK_CONTAINS("reason", s->result.reason, "outside every memory slot");
		subject_unmake(s);
	}
	munmap(host, P);
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(map_gives_each_bad_range_its_own_code),
	SUBJECT_TEST(unmap_gives_each_bad_range_its_own_code),
	SUBJECT_TEST(the_part_of_ram_above_4_gib_cannot_be_unmapped),
	SUBJECT_TEST(the_guest_reads_and_writes_what_is_mapped),
	SUBJECT_TEST(memory_above_4_gib_is_mapped_alike),
	SUBJECT_TEST(one_page_of_the_host_can_be_two_of_the_guest),
	SUBJECT_TEST(an_access_may_cross_from_slot_to_slot),
	SUBJECT_TEST(a_write_to_a_read_only_slot_ends_as_mmio),
	SUBJECT_TEST(host_memory_that_is_gone_ends_the_guest_with_a_line),
	SUBJECT_TEST(a_slot_that_kvm_refuses_leaves_nothing_behind),
	SUBJECT_TEST(slots_run_out_and_come_back),
	SUBJECT_TEST(slots_that_are_gone_can_be_had_again),
	SUBJECT_TEST(slots_come_and_go_under_a_running_guest),
	SUBJECT_TEST(a_slot_that_goes_under_a_running_guest_is_out_of_its_reach),
};

GROUP_OF(map, tests);
