/* SPDX-License-Identifier: MIT */
/*
 * Where the code of an ELF file lies, for whoever wants to read it: its sections of instructions,
 * or, where the section headers are missing or not to be believed, its executable segments whole.
 */
#ifndef LOADER_TEXT_H
#define LOADER_TEXT_H

#include "loader/image.h"

#include <libelf.h>

/*
 * Fills image->text from the file's section headers and image->segment. No two pieces overlap and
 * each lies in one segment's bytes, so that together they are no longer than the image, however
 * hostile the file. Returns 0, or PN_ERR_SYSTEM if the file cannot be read.
 */
int text_find(Elf *elf, const char *path, bool is_pie, struct image *image, struct pn_error *err);

#endif
