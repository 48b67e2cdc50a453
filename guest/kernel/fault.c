/* SPDX-License-Identifier: MIT */
/*
 * Page faults. The processor says what went wrong with an entry; the area says whether that is
 * how it should be, or the page is yet to be brought in, copied or opened.
 */
#include "fault.h"

#include "cpu.h"
#include "flush.h"
#include "frames.h"
#include "layout.h"
#include "log.h"
#include "panic.h"
#include "pattern.h"
#include "process.h"
#include "string.h"
#include "x86.h"

const char *const fault_names[FAULT_KINDS] = {
	[FAULT_DEMAND_ZERO] = "demand-zero",
	[FAULT_FILE] = "file",
	[FAULT_IMAGE] = "image",
	[FAULT_COPY_ON_WRITE] = "copy-on-write",
	[FAULT_LAST_OWNER] = "last-owner",
	[FAULT_SPURIOUS] = "spurious",
	[FAULT_PROTECTION] = "protection",
	[FAULT_SUPERVISOR] = "supervisor",
	[FAULT_NOWHERE] = "nowhere",
	[FAULT_NO_MEMORY] = "no-memory",
	[FAULT_SMEP] = "smep",
	[FAULT_SMAP] = "smap",
};

static bool is_allowed(unsigned prot, uint64_t error)
{
	if (error & PF_ERR_FETCH)
		return prot & PROT_EXEC;
	if (error & PF_ERR_WRITE)
		return prot & PROT_WRITE;
	return prot & PROT_READ;
}

/* The "file": the first words are computed, the rest is copied from them. */
static void fill_from_file(void *page, uint64_t seed, uint64_t number)
{
	uint64_t *from = page, *to = from + PATTERN_WORDS;
	uint64_t words = PAGE_WORDS - PATTERN_WORDS;

	for (unsigned i = 0; i < PATTERN_WORDS; i++)
		from[i] = pattern(seed, number, i);
	/* Forward, a word at a time: it reads what it has just written. */
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/* Brings in a page that is not there yet. */
static enum fault_kind bring_in(struct space *s, struct area *a, gva_t page, bool write)
{
	uint64_t offset = page - a->start;
	pte_t flags = space_flags(a->prot);
	enum fault_kind kind;
	gpa_t frame = 0;

	switch (a->kind) {
	case AREA_ZERO:
		kind = FAULT_DEMAND_ZERO;
		frame = frame_alloc_zeroed();
		break;
	case AREA_FILE:
		kind = FAULT_FILE;
		frame = frame_alloc();
		if (frame)
			fill_from_file(kernel_pointer(frame), a->source, offset / PAGE_SIZE);
		break;
	case AREA_IMAGE:
		kind = FAULT_IMAGE;
		if (write) {
			frame = frame_alloc();
			if (frame)
				page_copy(kernel_pointer(frame),
					  kernel_pointer(a->source + offset));
		} else {
			frame = a->source + offset;
			frame_get(frame);
			flags &= ~PTE_WRITE;
		}
		break;
	default: return FAULT_NOWHERE;
	}
	if (!frame)
		return FAULT_NO_MEMORY;
	if (!tables_map(s->root, page, frame, PAGE_SIZE, 1, flags)) {
		frame_put(frame);
		return FAULT_NO_MEMORY;
	}
	return kind;
}

/* A write to a page that is there and read-only, in an area that allows it. */
static enum fault_kind open_for_write(struct space *s, struct area *a, gva_t page, pte_t entry)
{
	gpa_t old = entry & PTE_ADDRESS, copy;

	if (frame_owners(old) == 1) {
		tables_replace(s->root, page, old, space_flags(a->prot));
		return FAULT_LAST_OWNER;
	}
	copy = frame_alloc();
	if (!copy)
		return FAULT_NO_MEMORY;
	page_copy(kernel_pointer(copy), kernel_pointer(old));
	tables_replace(s->root, page, copy, space_flags(a->prot));
	frame_put(old);
	return FAULT_COPY_ON_WRITE;
}

static enum fault_kind resolve(struct space *s, struct area *a, gva_t gva, uint64_t error,
			       uint64_t rflags)
{
	gva_t page = page_down(gva);
	struct table_path path;

	if (gva < USER_BASE || gva >= USER_END)
		return error & PF_ERR_PRESENT ? FAULT_SUPERVISOR : FAULT_NOWHERE;
	if (!a)
		return FAULT_NOWHERE;
	if (error & PF_ERR_RESERVED)
		panic("a reserved bit is set in the entries for 0x%lx", gva);
	if (!(error & PF_ERR_USER) && error & PF_ERR_PRESENT) {
		if (error & PF_ERR_FETCH && cpu_features()->smep)
			return FAULT_SMEP;
		if (cpu_features()->smap && !(rflags & RFLAGS_AC))
			return FAULT_SMAP;
	}
	if (!is_allowed(a->prot, error))
		return FAULT_PROTECTION;
	path = tables_path(s->root, page);
	if (!path.leaf)
		return bring_in(s, a, page, error & PF_ERR_WRITE);
	if (error & PF_ERR_WRITE && !(path.entry[path.leaf] & PTE_WRITE))
		return open_for_write(s, a, page, path.entry[path.leaf]);
	flush_page(s->root, page);
	return FAULT_SPURIOUS;
}

enum fault_kind fault_handle(struct process *p, gva_t gva, uint64_t error, gva_t rip,
			     uint64_t rflags)
{
	struct area *a = space_find(&p->space, gva);
	enum fault_kind kind = resolve(&p->space, a, gva, error, rflags);

	if (a) {
		a->faults[kind]++;
		a->errors[error % AREA_ERRORS]++;
	}
	process_log(p, (struct fault){.gva = gva, .rip = rip, .error = error, .kind = kind});
	log_resolved(gva, rip, error, kind);
	return kind;
}
