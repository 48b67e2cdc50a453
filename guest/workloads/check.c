/* SPDX-License-Identifier: MIT */
/* What every workload needs to say what is wrong: what was expected, what was got. */
#include "workload.h"

#include "console.h"
#include "frames.h"
#include "panic.h"
#include "x86.h"

/* Table frames of a small space, stack, touched pages of the image. */
#define FRAMES_OF_A_PROCESS 16

/* Begins the line of a failed check. False if there has been one in this run. */
static bool fail(struct check *c)
{
	if (c->failed)
		return false;
	c->failed = true;
	kprintf("%-8s FAILED  ", c->name);
	return true;
}

bool check_equal(struct check *c, const char *what, uint64_t expected, uint64_t got)
{
	if (expected == got)
		return true;
	if (!fail(c))
		return false;
	if (expected < 10000 && got < 10000)
		kprintf("%s: expected %lu, got %lu\n", what, expected, got);
	else
		kprintf("%s: expected 0x%lx, got 0x%lx\n", what, expected, got);
	return false;
}

bool check_true(struct check *c, const char *what, bool holds)
{
	if (!holds && fail(c))
		kprintf("%s\n", what);
	return holds;
}

bool check_alive(struct check *c)
{
	const struct process *p = process_ended_badly();
	const struct fault *f;

	if (!p)
		return true;
	if (!fail(c))
		return false;
	f = process_fault(p, 0);
	if (p->end == PROCESS_FAILED)
		kprintf("process %u: %s: expected 0x%lx, got 0x%lx\n", p->pid, p->what, p->expected,
			p->got);
	else if (p->vector == VECTOR_PAGE_FAULT && f)
		kprintf("process %u was killed by a page fault (%s): error code 0x%lx at 0x%lx, "
			"rip 0x%lx\n",
			p->pid, fault_names[f->kind], f->error, f->gva, f->rip);
	else
		kprintf("process %u was killed by vector %lu (%s), error code 0x%lx, rip 0x%lx\n",
			p->pid, p->vector, vector_name(p->vector), p->regs.error, p->regs.rip);
	return false;
}

bool check_exited(struct check *c, const struct process *p, uint64_t status)
{
	return check_alive(c) &&
	       check_true(c, "a process is still there", p->state == PROCESS_ENDED) &&
	       check_equal(c, "exit status of a process", status, p->value);
}

bool check_blocked(struct check *c, const struct process *p, uint64_t value)
{
	return check_alive(c) &&
	       check_true(c, "a process is not where it should be", p->state == PROCESS_BLOCKED) &&
	       check_equal(c, "what a process says", value, p->value);
}

bool check_fault(struct check *c, const struct process *p, unsigned back, enum fault_kind kind,
		 uint64_t error, gva_t gva)
{
	const struct fault *f = process_fault(p, back);

	if (!check_true(c, "a fault is not in the log", f != NULL))
		return false;
	if (f->kind != kind && fail(c))
		kprintf("fault at 0x%lx: expected %s, got %s\n", f->gva, fault_names[kind],
			fault_names[f->kind]);
	return f->kind == kind && check_equal(c, "error code of a page fault", error, f->error) &&
	       check_equal(c, "CR2 of a page fault", gva, f->gva);
}

bool check_use(struct check *c, const struct process *p, gva_t gva, unsigned level, bool dirty)
{
	struct table_path path;

	if (c->failed)
		return false;
	path = tables_path(p->space.root, gva);
	if (!check_equal(c, "level of a page's entry", level, path.leaf))
		return false;
	for (unsigned l = path.top; l >= path.leaf; l--) {
		if (!check_equal(c, "accessed bit of an entry", PTE_ACCESSED,
				 path.entry[l] & PTE_ACCESSED))
			return false;
		/* Above the leaf the bit is ignored: the processor must leave it alone. */
		if (!check_equal(c, l == level ? "dirty bit of a page" : "dirty bit above a page",
				 l == level && dirty ? PTE_DIRTY : 0, path.entry[l] & PTE_DIRTY))
			return false;
	}
	return true;
}

bool check_memory(struct check *c, uint64_t processes, uint64_t frames)
{
	uint64_t needed = frames + frames / 256 + processes * FRAMES_OF_A_PROCESS;

	if (needed <= frames_free())
		return true;
	c->unfit = !c->failed;
	if (fail(c))
		kprintf("needs %lu free frames of 4 KiB, and there are %lu: give the guest more "
			"RAM\n",
			needed, frames_free());
	return false;
}

void check_ok(const struct check *c, const char *format, ...)
{
	va_list args;

	if (c->failed)
		return;
	kprintf("%-8s ok  ", c->name);
	va_start(args, format);
	kvprintf(format, args);
	va_end(args);
	kprintf("\n");
}

void check_skip(const struct check *c, const char *format, ...)
{
	va_list args;

	kprintf("%-8s skipped  ", c->name);
	va_start(args, format);
	kvprintf(format, args);
	va_end(args);
	kprintf("\n");
}

struct process *check_create(struct check *c, enum program program, uint64_t a, uint64_t b,
			     uint64_t d, uint64_t e)
{
	struct process *p = process_create(program, (const uint64_t[]){a, b, d, e});

	check_true(c, "no frame or place for a process", p != NULL);
	return p;
}

struct area *check_area(struct check *c, struct process *p, enum area_kind kind, gva_t start,
			uint64_t pages, unsigned prot, uint64_t source)
{
	struct area *a = space_add(&p->space, (struct area){.start = start,
							    .end = start + pages * PAGE_SIZE,
							    .kind = kind,
							    .prot = prot,
							    .source = source});

	check_true(c, "no room for an area", a != NULL);
	return a;
}
