/* SPDX-License-Identifier: MIT */
/*
 * The loader with good files cut short at every length, and with thousands of random changes of a
 * fixed seed: each is loaded or refused in good order, under the sanitizers without a word.
 */
#include "elf_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#define MUTATIONS 6000

static const struct elf_plan *const plans[] = {&elf_good_exec, &elf_good_pie};

/* Where the last segment's bytes end: a shorter file lacks some. */
static size_t segments_end(const struct elf_file *f)
{
	size_t end = 0;

	for (unsigned i = 0; i < elf_header(f)->e_phnum; i++) {
		const Elf64_Phdr *p = elf_program(f, i);

		if (p->p_offset + p->p_filesz > end)
			end = p->p_offset + p->p_filesz;
	}
	return end;
}

static void a_file_cut_short_anywhere_loads_or_is_refused(void **state)
{
	struct loader *l = *state;
	char name[80];

	for (size_t p = 0; p < COUNT(plans); p++) {
		struct elf_file f = elf_build(plans[p]);
		size_t needed = segments_end(&f);

		for (size_t len = 0; len < f.size; len++) {
			int code;

			snprintf(name, sizeof(name), "plan %zu cut to %zu of %zu bytes", p, len,
				 f.size);
			loader_clear(l);
			loader_store(l, f.bytes, len);
			code = loader_load(l);
			expect_good_order(name, l, code);
			CHECK_TRUE(name, code || len >= needed);
		}
		free(f.bytes);
	}
}

/* xorshift64*: the same numbers everywhere. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(0x2545f4914f6cdd1d);
}

/* Values that parsers trip over, besides random ones. */
static uint64_t interesting(uint64_t *seed)
{
	static const uint64_t values[] = {
		0,
		1,
		0x7f,
		0x80,
		0xff,
		0x1000,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x20000,
		0x100000000,
		UINT64_MAX >> 1,
		UINT64_MAX,
		UINT64_MAX - 7,
		UINT64_C(1) << 63,
	};
	uint64_t r = next_random(seed);

	return r % 4 == 0 ? r >> 8 : values[(r >> 8) % COUNT(values)];
}

/* Changes one to four places of 1, 2, 4 or 8 bytes; most of them in headers and tables. */
static void mutate(struct elf_file *f, uint64_t *seed)
{
	unsigned changes = 1 + (unsigned)(next_random(seed) % 4);

	while (changes--) {
		size_t width = (size_t)1 << next_random(seed) % 4;
		size_t room = f->size - width;
		size_t at = next_random(seed) % (next_random(seed) % 2 ? 256 : room);
		uint64_t value = interesting(seed);

		at &= ~(width - 1);
		memcpy(f->bytes + at, &value, width);
	}
}

static void a_file_with_random_changes_loads_or_is_refused(void **state)
{
	struct loader *l = *state;
	uint64_t seed = 20240229;
	char name[80];

	for (size_t p = 0; p < COUNT(plans); p++) {
		struct elf_file good = elf_build(plans[p]);
		struct elf_file f = {.bytes = malloc(good.size), .size = good.size};
		unsigned loaded = 0;

		assert_non_null(f.bytes);
		for (unsigned i = 0; i < MUTATIONS; i++) {
			int code;

			snprintf(name, sizeof(name), "plan %zu, mutation %u", p, i);
			memcpy(f.bytes, good.bytes, good.size);
			mutate(&f, &seed);
			loader_clear(l);
			loader_store(l, f.bytes, f.size);
			code = loader_load(l);
			expect_good_order(name, l, code);
			loaded += code == PN_OK;
		}
		/* Both ends must have been reached, or the mutations test nothing. */
		assert_in_range(loaded, MUTATIONS / 50, MUTATIONS * 49 / 50);
		free(good.bytes);
		free(f.bytes);
	}
}

static void a_file_with_any_one_byte_changed_loads_or_is_refused(void **state)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	struct loader *l = *state;
	char name[80];

	for (size_t p = 0; p < COUNT(plans); p++) {
		struct elf_file f = elf_build(plans[p]);

		for (size_t i = 0; i < f.size * COUNT(masks); i++) {
			uint8_t *byte = &f.bytes[i / COUNT(masks)], saved = *byte;

			snprintf(name, sizeof(name), "plan %zu, byte %zu ^ 0x%02x", p,
				 i / COUNT(masks), masks[i % COUNT(masks)]);
			*byte ^= masks[i % COUNT(masks)];
			loader_clear(l);
			loader_store(l, f.bytes, f.size);
			expect_good_order(name, l, loader_load(l));
			*byte = saved;
		}
		free(f.bytes);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, loader_set_up, loader_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_cut_short_anywhere_loads_or_is_refused),
		TEST(a_file_with_any_one_byte_changed_loads_or_is_refused),
		TEST(a_file_with_random_changes_loads_or_is_refused),
	};

	return cmocka_run_group_tests_name("elf_mutated", tests, NULL, NULL);
}
