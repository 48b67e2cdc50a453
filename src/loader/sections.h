/* SPDX-License-Identifier: MIT */
/*
 * A file's sections by libelf, which says of one that cannot be read what it says of the last. errno
 * tells them apart.
 */
#ifndef LOADER_SECTIONS_H
#define LOADER_SECTIONS_H

#include "error.h"

#include <errno.h>
#include <gelf.h>

/* The section behind `section`, the first for NULL; NULL behind the last, with errno 0, or, with errno
 * set, if reading failed. errno is 0 for the calls that follow, too. */
static inline Elf_Scn *section_next(Elf *elf, Elf_Scn *section)
{
	errno = 0;
	section = elf_nextscn(elf, section);
	if (section)
		errno = 0;
	return section;
}

/* After a call of libelf that came back without what it was to bring: 0 if that is what the file is
 * like, else PN_ERR_SYSTEM with *err filled. */
static inline int section_read_error(const char *path, struct pn_error *err)
{
	return errno ? pn_fail_errno(err, PN_ERR_SYSTEM, "%s: read", path) : PN_OK;
}

#endif
