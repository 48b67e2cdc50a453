/* SPDX-License-Identifier: MIT */
/* A walk in words: the path through the tables, entry by entry, as a person wants to read it. */
#ifndef MEMORY_WALK_TEXT_H
#define MEMORY_WALK_TEXT_H

#include "memory/walk.h"

#include <stdio.h>

/* Prints each step and how the walk ended, `indent` spaces before each line. */
void walk_print(FILE *out, unsigned indent, const struct walk_context *ctx,
		const struct walk_query *query, const struct walk_result *result,
		const struct walk_path *path);

#endif
