/* SPDX-License-Identifier: MIT */
/*
 * Relocations of a static-PIE guest. Bare-metal start-up code seldom relocates itself, so the
 * loader does: only "base + addend" (R_X86_64_RELATIVE) can occur in a static image.
 */
#ifndef LOADER_RELOCATE_H
#define LOADER_RELOCATE_H

#include "loader/image.h"

#include <libelf.h>

struct relocation {
	gpa_t gpa; /* of the 8 bytes to store to */
	uint64_t value;
};

struct relocations {
	size_t count;
	struct relocation *list;
};

/*
 * Collects and checks the relocations of an ET_DYN file whose segments are in *image. Returns 0
 * (free with relocations_free), PN_ERR_IMAGE, PN_ERR_SYSTEM or PN_ERR_NOMEM.
 */
int relocations_read(struct relocations *r, Elf *elf, const char *path, const struct image *image,
		     struct pn_error *err);

/* Stores them; the image has been copied to `mem`. */
void relocations_apply(const struct relocations *r, struct gmem *mem);
void relocations_free(struct relocations *r);

#endif
