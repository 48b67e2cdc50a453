/* SPDX-License-Identifier: MIT */
/*
 * Making the processor forget translations, and the counters of that in the report page. A change
 * to an entry that was present is not in force before one of these. An entry of a space that is
 * not loaded needs none: loading CR3 forgets everything but global entries.
 */
#ifndef FLUSH_H
#define FLUSH_H

#include "address.h"

/* Loads CR3 with `root`, if it is not loaded already. */
void flush_load_root(gpa_t root);

/* The root that is loaded. */
gpa_t flush_root(void);

/* One page of the space `root`: INVLPG. Nothing if that space is not loaded. */
void flush_page(gpa_t root, gva_t gva);

/* [start, end) of the space `root`: INVLPG for each page, or flush_context() for many. */
void flush_range(gpa_t root, gva_t start, gva_t end);

/* All of the space `root` but global entries: CR3 is loaded again. Nothing if it is not loaded. */
void flush_context(gpa_t root);

/* Everything, global entries too: CR4.PGE off and on. */
void flush_all(void);

#endif
