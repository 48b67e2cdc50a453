/* SPDX-License-Identifier: MIT */
/*
 * `fork`: copy-on-write. With N children there are N+1 owners of each page; whoever writes gets a
 * copy, and the last owner the original, without copying. It is done twice: the children write
 * first, or the parent does.
 */
#include "fork.h"

#include "frames.h"
#include "layout.h"
#include "schedule.h"
#include "workload.h"
#include "x86.h"

#define WRITE_DENIED (PF_ERR_PRESENT | PF_ERR_WRITE | PF_ERR_USER)

struct family {
	struct process *parent;
	struct area *area; /* of the parent */
	uint64_t pages, procs;
	bool parent_first;
};

/* Every page's frame has so many owners. */
static void check_owners(struct check *c, const struct family *f, uint32_t owners)
{
	for (uint64_t i = 0; i < f->pages && !c->failed; i++) {
		struct table_path path =
			tables_path(f->parent->space.root, USER_AREA + i * PAGE_SIZE);

		check_equal(c, "owners of a frame of the parent's", owners,
			    frame_owners(path.entry[1] & PTE_ADDRESS));
	}
}

/* All have written but, if the children write first, the parent. */
static void check_children(struct check *c, const struct family *f)
{
	if (!check_alive(c))
		return;
	for (unsigned n = 0; n < f->procs && !c->failed; n++) {
		struct process *p = process_child(f->parent, n);
		bool last = f->parent_first && n + 1 == f->procs;
		struct area *a;

		if (!check_true(c, "a child is missing", p != NULL) ||
		    !check_blocked(c, p, FORK_CHILD_DONE))
			return;
		a = space_find(&p->space, USER_AREA);
		check_equal(c, "copies for a child", last ? 0 : f->pages,
			    a->faults[FAULT_COPY_ON_WRITE]);
		check_equal(c, "pages a child got as the last owner", last ? f->pages : 0,
			    a->faults[FAULT_LAST_OWNER]);
		check_equal(c, "write faults of a child", f->pages, a->errors[WRITE_DENIED]);
		check_equal(c, "faults of a child", f->pages, area_faults(a));
		check_use(c, p, USER_AREA, 1, true);
	}
}

static void run_family(struct check *c, struct family *f)
{
	schedule_run();
	if (!check_blocked(c, f->parent, FORK_READY))
		return;
	check_equal(c, "faults before the fork", f->pages, area_faults(f->area));
	check_owners(c, f, 1);

	process_wake(f->parent, f->parent_first ? FORK_PARENT_FIRST : FORK_CHILDREN_FIRST);
	schedule_run();
	check_children(c, f);
	check_owners(c, f, 1);
	if (c->failed)
		return;
	for (unsigned n = 0; n < f->procs; n++)
		process_wake(process_child(f->parent, n), 0);
	schedule_run();
	if (!check_blocked(c, f->parent, FORK_PARENT_DONE))
		return;
	check_equal(c, "copies for the parent", f->parent_first ? f->pages : 0,
		    f->area->faults[FAULT_COPY_ON_WRITE]);
	check_equal(c, "pages the parent got as the last owner", f->parent_first ? 0 : f->pages,
		    f->area->faults[FAULT_LAST_OWNER]);
	check_equal(c, "faults of the parent", 2 * f->pages, area_faults(f->area));
	check_owners(c, f, 1);

	process_wake(f->parent, 0);
	schedule_run();
	check_exited(c, f->parent, 0);
	process_release(f->parent);
}

void run_fork(struct check *c, const struct params *params)
{
	struct family f = {
		.pages = params->value[PARAM_PAGES],
		.procs = params->value[PARAM_PROCS],
	};
	uint64_t before = frames_free();

	if (!check_memory(c, f.procs + 1, (f.procs + 1) * f.pages))
		return;
	for (unsigned order = 0; order < 2 && !c->failed; order++) {
		f.parent_first = order == FORK_PARENT_FIRST;
		f.parent = check_create(c, PROGRAM_FORK, USER_AREA, f.pages, f.procs,
					params->value[PARAM_SEED]);
		if (!f.parent)
			return;
		f.area = check_area(c, f.parent, AREA_ZERO, USER_AREA, f.pages,
				    PROT_READ | PROT_WRITE, 0);
		if (!f.area)
			return;
		run_family(c, &f);
		check_equal(c, "free frames after a family", before, frames_free());
	}
	check_ok(c, "pages=%lu procs=%lu copies=%lu kept=%lu", f.pages, f.procs,
		 2 * f.procs * f.pages, 2 * f.pages);
}
