/* SPDX-License-Identifier: MIT */
/* One translation with all that stands behind it. */
#include "memory/explain.h"

const char *explain_entry_name(const struct explanation *x, unsigned level)
{
	return x->ctx.format ? x->ctx.format->level[level].name : "";
}

bool explain_is_leaf(const struct explanation *x, unsigned i)
{
	const struct walk_step *s = &x->path.step[i];

	return s->entry & PTE_PRESENT && s->entry & x->ctx.level[s->level].leaf;
}

unsigned explain_cacheable(const struct explanation *x)
{
	unsigned n = 0;

	while (n < x->path.count && x->path.step[n].entry & PTE_PRESENT && !explain_is_leaf(x, n))
		n++;
	/* What ends in a reserved bit points nowhere. */
	return n == x->path.count && n ? n - 1 : n;
}

/* Host entries that the second dimension reads for what is behind `b`. */
static uint8_t host_entries(const struct explanation *x, const struct backing *b)
{
	return (uint8_t)references_entries(x->host_levels, b->map_shift);
}

static void count_guest(struct explanation *x)
{
	struct reference_walk *w = &x->guest;

	*w = (struct reference_walk){.reaches_page = x->result.outcome == WALK_OK};
	for (unsigned i = 0; i < x->path.count; i++)
		/* The four PDPTEs of PAE are in the processor. */
		if (!x->path.step[i].in_register)
			w->host[w->entries++] = host_entries(x, &x->entry[i]);
	w->host_page = host_entries(x, &x->page);
}

void explain_walk(struct explanation *x, const struct gmem *mem)
{
	x->query.set_ad = false;
	walk(mem, &x->ctx, &x->query, &x->result, &x->path);
	for (unsigned i = 0; i < x->path.count; i++)
		backing_find(&x->entry[i], mem, x->path.step[i].gpa, x->smaps);
	x->page = (struct backing){.map_shift = PAGE_SHIFT};
	if (x->result.outcome == WALK_OK)
		backing_find(&x->page, mem, x->result.gpa, x->smaps);
	count_guest(x);
}

void explain_shadow(struct explanation *x, const struct gmem *mem, struct shadow *shadow)
{
	struct reference_walk *w = &x->real;

	x->shadowed = true;
	if (x->result.outcome == WALK_NONCANONICAL)
		x->shadow = (struct shadow_path){.end = SHADOW_PATH_NO_ROOT};
	else
		shadow_path(shadow, &x->ctx, x->view, x->query.gva, &x->shadow);
	x->shadow_page = (struct backing){.map_shift = PAGE_SHIFT};
	if (x->shadow.end == SHADOW_PATH_PAGE)
		backing_find(&x->shadow_page, mem, x->shadow.gpa, x->smaps);
	*w = (struct reference_walk){.entries = x->shadow.count,
				     .reaches_page = x->shadow.end == SHADOW_PATH_PAGE,
				     .host_page = host_entries(x, &x->shadow_page)};
	/* The pool's frames are 4 KiB pages for all that is known. */
	for (unsigned i = 0; i < w->entries; i++)
		w->host[i] = (uint8_t)x->host_levels;
}
