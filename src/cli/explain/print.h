/* SPDX-License-Identifier: MIT */
/* One explanation, printed: as text, as JSON, as a picture. */
#ifndef CLI_EXPLAIN_PRINT_H
#define CLI_EXPLAIN_PRINT_H

#include "machine.h"

#include <stdio.h>

/* What there is to print. */
struct explain_report {
	const struct pn_machine *m;
	const struct explanation *x;
	const char *point; /* where the guest was stopped, in words */
	gva_t rip;	   /* of the guest, there */
};

/* Lines of at most 80 columns. */
void explain_print_text(FILE *out, const struct explain_report *r);

/* One JSON object; its members are in docs/man/penumbra-explain.1. Returns 0, or -1 for want of
 * memory. */
int explain_print_json(FILE *out, const struct explain_report *r);

/* One self-contained SVG picture. */
void explain_print_svg(FILE *out, const struct explain_report *r);

/* --- What the three have in common --- */

/* One way of caching a part of the walk. */
struct explain_cache {
	const char *name;  /* of the lowest entry that is held: "PDE"; NULL: nothing */
	unsigned one, two; /* references left, in one dimension and in two */
};

/* The walk that the processor really makes: the shadow's in shadow mode. */
const struct reference_walk *explain_real(const struct explanation *x);

/* Its costs: nothing cached first, then each entry that can be. Returns how many, at most
 * PT_LEVEL_MAX. */
unsigned explain_caches(const struct explanation *x, struct explain_cache list[PT_LEVEL_MAX]);

/* "GPA 0x4007f9", or why not, in words. */
const char *explain_verdict(const struct explanation *x, char *text, size_t size);

/* The name of an entry of the shadow at a level, as of the guest's tables with as many. */
const char *explain_shadow_name(unsigned level);

#endif
