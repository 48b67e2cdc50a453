/* SPDX-License-Identifier: MIT */
#include "elf_fixture.h"

#include <penumbra/guest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t *slot(struct loader *l, gpa_t gpa, uint64_t size, bool readonly)
{
	uint8_t *hva = aligned_alloc(PAGE_SIZE, size);

	assert_non_null(hva);
	assert_int_equal(gmem_add(&l->mem, gpa, hva, size, readonly, NULL), PN_OK);
	return hva;
}

int loader_set_up(void **state)
{
	static struct loader loader;
	struct loader *l = &loader;

	*l = (struct loader){.fd = memfd_create("guest.elf", MFD_CLOEXEC)};
	assert_true(l->fd >= 0);
	snprintf(l->path, sizeof(l->path), "/proc/self/fd/%d", l->fd);
	gmem_init(&l->mem, 16, 40);
	l->low = slot(l, 0, LOW_SIZE, false);
	l->pie = slot(l, IMAGE_PIE_BASE, PIE_SIZE, false);
	l->rom = slot(l, HOLE, PAGE_SIZE, true);
	loader_clear(l);
	*state = l;
	return 0;
}

int loader_tear_down(void **state)
{
	struct loader *l = *state;

	image_free(&l->image);
	gmem_fini(&l->mem);
	free(l->low);
	free(l->pie);
	free(l->rom);
	close(l->fd);
	return 0;
}

void loader_clear(struct loader *l)
{
	memset(l->low, RAM_BYTE, LOW_SIZE);
	memset(l->pie, RAM_BYTE, PIE_SIZE);
	memset(l->rom, RAM_BYTE, PAGE_SIZE);
}

void loader_store(struct loader *l, const void *bytes, size_t size)
{
	assert_int_equal(ftruncate(l->fd, 0), 0);
	assert_int_equal(pwrite(l->fd, bytes, size, 0), (ssize_t)size);
}

int loader_load(struct loader *l)
{
	image_free(&l->image);
	l->err = (struct pn_error){0};
	return elf_load(l->path, &l->mem, &l->image, &l->err);
}

int loader_load_plan(struct loader *l, const struct elf_plan *plan)
{
	struct elf_file f = elf_build(plan);
	int code;

	loader_store(l, f.bytes, f.size);
	free(f.bytes);
	code = loader_load(l);
	return code;
}

static bool all_ram_byte(const uint8_t *bytes, size_t size)
{
	return size == 0 || (bytes[0] == RAM_BYTE && memcmp(bytes, bytes + 1, size - 1) == 0);
}

void expect_untouched(const char *name, const struct loader *l)
{
	CHECK_TRUE(name, all_ram_byte(l->low, LOW_SIZE));
	CHECK_TRUE(name, all_ram_byte(l->pie, PIE_SIZE));
	CHECK_TRUE(name, all_ram_byte(l->rom, PAGE_SIZE));
}

static void check_segment(const char *name, const struct loader *l, const struct image_segment *s)
{
	bool low = s->gpa >= PN_BOOT_AREA_END && s->gpa < LOW_SIZE &&
		   s->memory_size <= LOW_SIZE - s->gpa;
	bool pie = s->gpa >= IMAGE_PIE_BASE && s->gpa < IMAGE_PIE_BASE + PIE_SIZE &&
		   s->memory_size <= IMAGE_PIE_BASE + PIE_SIZE - s->gpa;

	CHECK_TRUE(name, low || pie);
	CHECK_TRUE(name, s->file_size <= s->memory_size);
	CHECK_TRUE(name, s->gpa >= l->image.start);
	CHECK_TRUE(name, s->gpa + s->memory_size <= l->image.end);
	for (const struct image_segment *o = l->image.segment; o < s; o++)
		CHECK_TRUE(name,
			   s->gpa + s->memory_size <= o->gpa || o->gpa + o->memory_size <= s->gpa);
}

/* Fails if a byte outside every segment has changed. */
static void check_outside(const char *name, const struct loader *l, const uint8_t *bytes, gpa_t gpa,
			  size_t size)
{
	const struct image *image = &l->image;

	for (size_t at = 0; at < size;) {
		size_t end = size;
		bool inside = false;

		for (unsigned i = 0; i < image->count; i++) {
			const struct image_segment *s = &image->segment[i];

			if (gpa + at >= s->gpa && gpa + at - s->gpa < s->memory_size) {
				inside = true;
				end = s->gpa + s->memory_size - gpa;
				break;
			}
			if (s->gpa > gpa + at && s->gpa - gpa < end)
				end = s->gpa - gpa;
		}
		CHECK_TRUE(name, inside || all_ram_byte(bytes + at, end - at));
		at = end;
	}
}

void expect_good_order(const char *name, const struct loader *l, int code)
{
	if (code) {
		CHECK_CODE(name, code, PN_ERR_IMAGE);
		CHECK_NUMBER(name, "code in the error", -l->err.code, -code);
		CHECK_ONE_LINE(name, l->err.text);
		CHECK_CONTAINS(name, l->err.text, l->path);
		CHECK_NUMBER(name, "segments of a refused image", l->image.count, 0);
		CHECK_TRUE(name, !l->image.symbols.symbol);
		expect_untouched(name, l);
		return;
	}
	CHECK_TRUE(name, l->image.count > 0);
	for (unsigned i = 0; i < l->image.count; i++)
		check_segment(name, l, &l->image.segment[i]);
	check_outside(name, l, l->low, 0, LOW_SIZE);
	check_outside(name, l, l->pie, IMAGE_PIE_BASE, PIE_SIZE);
	CHECK_TRUE(name, all_ram_byte(l->rom, PAGE_SIZE));
}
