/* SPDX-License-Identifier: MIT */
/*
 * `huge`: pages of 2 MiB and 1 GiB. The page is used, split into smaller ones on the same frames,
 * and must keep its contents; accessed and dirty bits belong to the entry that maps the page, be
 * it the large one or, after the split, a small one.
 */
#include "huge.h"

#include "cpu.h"
#include "frames.h"
#include "layout.h"
#include "schedule.h"
#include "workload.h"
#include "x86.h"

struct large {
	struct process *p;
	struct area *a;
	unsigned level;
};

/* Forgets accessed and dirty bits, and lets ring 3 do what `command` says. */
static bool step(struct check *c, struct large *l, uint64_t command)
{
	if (c->failed)
		return false;
	tables_forget_use(l->p->space.root, l->a->start, l->a->end);
	process_wake(l->p, command);
	schedule_run();
	return check_blocked(c, l->p, HUGE_READY) &&
	       check_equal(c, "faults on a large page", 0, area_faults(l->a));
}

static void check_large(struct check *c, struct large *l)
{
	struct table_path path = tables_path(l->p->space.root, USER_BLOCK);

	check_equal(c, "level of the large page", l->level, path.leaf);
	check_equal(c, "accessed and dirty bits before use", 0,
		    path.entry[l->level] & (PTE_ACCESSED | PTE_DIRTY));
	if (step(c, l, HUGE_WRITE))
		check_use(c, l->p, USER_BLOCK, l->level, true);
	if (step(c, l, HUGE_READ))
		check_use(c, l->p, USER_BLOCK, l->level, false);
}

/* Splits the page at USER_BLOCK down to 4 KiB; the rest of it stays one level below. */
static void check_split(struct check *c, struct large *l)
{
	const gpa_t root = l->p->space.root;
	const gva_t last = l->a->end - PAGE_SIZE;
	struct table_scan scan;
	struct table_path path;

	for (unsigned level = l->level; level > 1; level--)
		if (!check_true(c, "no frame to split a page", tables_split(root, USER_BLOCK)))
			return;
	check_equal(c, "level of the first page", 1, tables_path(root, USER_BLOCK).leaf);
	path = tables_path(root, last);
	if (!check_equal(c, "level of the last page", l->level - 1, path.leaf))
		return;
	check_equal(c, "GPA of the last page", l->a->source + page_down(last - USER_BLOCK),
		    (path.entry[path.leaf] & PTE_ADDRESS & ~(level_size(path.leaf) - 1)) +
			    (last & (level_size(path.leaf) - 1)));

	if (step(c, l, HUGE_READ))
		check_use(c, l->p, USER_BLOCK, 1, false);
	if (!step(c, l, HUGE_AGAIN))
		return;
	check_use(c, l->p, USER_BLOCK, 1, true);
	scan = tables_scan(root, USER_BLOCK, l->a->end);
	check_equal(c, "pages of the split", (l->level - 1) * 511 + 1, scan.present);
	check_equal(c, "dirty pages after one write", 1, scan.dirty);
	step(c, l, HUGE_READ);
}

static bool run_level(struct check *c, unsigned level, uint64_t seed)
{
	struct large l = {.level = level};

	l.p = check_create(c, PROGRAM_HUGE, USER_BLOCK, level_size(level), seed, 0);
	if (!l.p)
		return false;
	l.a = space_add(&l.p->space, (struct area){.start = USER_BLOCK,
						   .end = USER_BLOCK + level_size(level),
						   .kind = AREA_BLOCK,
						   .prot = PROT_READ | PROT_WRITE,
						   .level = level});
	if (!l.a)
		return check_true(c, "no room for an area", false);
	schedule_run();
	if (!check_blocked(c, l.p, HUGE_READY))
		return false;
	check_large(c, &l);
	check_split(c, &l);
	if (c->failed)
		return false;
	process_wake(l.p, HUGE_END);
	schedule_run();
	return check_exited(c, l.p, 0);
}

/* Why there can be no page of this level; NULL if there can. */
static const char *obstacle(unsigned level)
{
	gpa_t block;

	if (level == 3 && !cpu_features()->gib_pages)
		return "this processor has no pages of 1 GiB";
	block = block_alloc(level);
	if (!block)
		return level == 3 ? "no aligned GiB of RAM is free: give the guest 2 GiB or more"
				  : "no 2 MiB of RAM are free: give the guest more";
	block_put(block, level);
	return NULL;
}

void run_huge(struct check *c, const struct params *params)
{
	const uint64_t wanted = params->value[PARAM_LEVEL];
	uint64_t done[LEVELS_MAX + 1] = {0};

	if (!check_true(c, "level= is 2, 3 or 0", wanted != 1)) {
		c->unfit = true;
		return;
	}
	for (unsigned level = 2; level <= 3 && !c->failed; level++) {
		const char *why = obstacle(level);

		if (wanted != 0 && wanted != level)
			continue;
		if (!why)
			done[level] = run_level(c, level, params->value[PARAM_SEED]);
		else if (wanted == 0)
			check_skip(c, "level=%u: %s", level, why);
		else
			c->unfit = !check_true(c, why, false);
	}
	if (done[2] || done[3])
		check_ok(c, "2M=%lu 1G=%lu splits=%lu", done[2], done[3], done[2] + 2 * done[3]);
}
