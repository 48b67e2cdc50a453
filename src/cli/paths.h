/* SPDX-License-Identifier: MIT */
/* Where Penumbra's own files are: beside the program in a build tree, else where they are installed. */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds a file that belongs to Penumbra, like "guest/pagelab.elf" or "penumbra-bare", and writes
 * its path into text of `size` bytes. False, after a line on stderr, if it is nowhere.
 */
bool paths_find(const char *name, char *text, size_t size);

/* The path of this program itself; false, after a line on stderr, if /proc does not tell. */
bool paths_self(char *text, size_t size);

#endif
