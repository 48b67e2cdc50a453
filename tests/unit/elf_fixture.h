/* SPDX-License-Identifier: MIT */
/*
 * What the loader's tests share: guest memory filled with a pattern, a file in a memfd to be loaded
 * from there, and the check of what may have changed.
 */
#ifndef TESTS_ELF_FIXTURE_H
#define TESTS_ELF_FIXTURE_H

#include "check.h"
#include "elf_builder.h"

#include "loader/image.h"

#define LOW_SIZE 0x40000 /* RAM from GPA 0 */
#define PIE_SIZE 0x8000	 /* ... from IMAGE_PIE_BASE */
#define HOLE	 0x80000 /* a page here is a read-only slot */
#define RAM_BYTE 0xa5

struct loader {
	struct gmem mem;
	uint8_t *low, *pie, *rom;
	int fd;
	char path[32];
	struct image image; /* of the last load that went well */
	struct pn_error err;
};

/* For cmocka: *state is a struct loader. */
int loader_set_up(void **state);
int loader_tear_down(void **state);

/* Puts `size` bytes into the file; loads it. The image of a load before is freed. */
void loader_store(struct loader *l, const void *bytes, size_t size);
int loader_load(struct loader *l);

/* Builds, loads, frees. */
int loader_load_plan(struct loader *l, const struct elf_plan *plan);

/* Fills memory with RAM_BYTE again. */
void loader_clear(struct loader *l);

/* Fails unless memory is as loader_clear left it. */
void expect_untouched(const char *name, const struct loader *l);

/*
 * Fails unless the load ended in good order: refused with PN_ERR_IMAGE, one line that names the
 * file, and memory untouched; or done, every segment in RAM and apart, and nothing else touched.
 */
void expect_good_order(const char *name, const struct loader *l, int code);

#endif
