/* SPDX-License-Identifier: MIT */
/*
 * The physical frames. Free RAM is a few ranges that have never been used, cut from below for
 * frames and from above for blocks, and lists of what came back. So the start costs the same
 * however large RAM is, and a frame's line in the frame table is first written when the frame is.
 */
#include "frames.h"

#include "panic.h"
#include "string.h"

struct frame {
	uint32_t owners;
	union {
		uint32_t next;	  /* free: the next one on its list, as a frame number */
		uint32_t entries; /* a page table: its present entries */
	};
};

/* Never used RAM. */
struct range {
	gpa_t start, end; /* whole frames; empty if equal */
};

#define RANGES_MAX   (3 * PN_BOOT_RAM_MAX)
#define BLOCK_LEVELS 4 /* blocks[2] and blocks[3] are used */

/* Lists are linked by frame numbers; 0 ends them. */
static struct {
	struct frame *table; /* one line for each frame, by frame number */
	struct range ranges[RANGES_MAX];
	unsigned count;
	uint32_t used;	 /* frames that came back */
	uint32_t zeroed; /* frames that came back and hold zeroes: page tables do */
	uint32_t blocks[BLOCK_LEVELS];
	uint64_t free;
} pool;

static uint64_t block_size(unsigned level)
{
	return PAGE_SIZE << 9 * (level - 1);
}

static struct frame *frame_at(gpa_t frame)
{
	return &pool.table[frame >> PAGE_SHIFT];
}

static void push(uint32_t *list, gpa_t frame)
{
	frame_at(frame)->next = *list;
	*list = (uint32_t)(frame >> PAGE_SHIFT);
}

static gpa_t pop(uint32_t *list)
{
	uint32_t number = *list;

	if (number)
		*list = pool.table[number].next;
	return (gpa_t)number << PAGE_SHIFT;
}

/* Ranges are sorted, so that frames below 4 GiB, which the boot tables reach, are used first. */
static void add_range(gpa_t start, gpa_t end)
{
	unsigned i = pool.count;

	if (start >= end)
		return;
	if (pool.count == RANGES_MAX)
		panic("free RAM is in more than %u pieces", RANGES_MAX);
	for (; i > 0 && pool.ranges[i - 1].start > start; i--)
		pool.ranges[i] = pool.ranges[i - 1];
	pool.ranges[i] = (struct range){start, end};
	pool.count++;
}

/* Takes [start, end) out of every range. */
static void reserve(gpa_t start, gpa_t end)
{
	for (unsigned i = 0; i < pool.count; i++) {
		struct range *r = &pool.ranges[i];
		gpa_t rest = r->end;

		if (start >= r->end || end <= r->start)
			continue;
		r->end = start > r->start ? start : r->start;
		add_range(end, rest);
	}
}

void frames_init(const struct pn_boot_info *boot)
{
	gpa_t table = page_up(boot->image_end), top = 0;
	uint64_t size;

	for (unsigned i = 0; i < boot->ram_count && i < PN_BOOT_RAM_MAX; i++) {
		const struct pn_ram_range *r = &boot->ram[i];

		top = page_down(r->start + r->size);
		add_range(page_up(r->start), top);
	}
	size = page_up(top / PAGE_SIZE * sizeof(struct frame));
	reserve(0, PN_BOOT_AREA_END);
	reserve(page_down(boot->image_start), page_up(boot->image_end));

	/* The table goes behind the image, where the boot tables reach it. */
	for (unsigned i = 0; i < pool.count; i++)
		if (pool.ranges[i].start == table && pool.ranges[i].end >= table + size)
			pool.table = kernel_pointer(table);
	if (!pool.table)
		panic("no room for the frame table: %lu bytes behind the image", size);
	reserve(table, table + size);
	for (unsigned i = 0; i < pool.count; i++)
		pool.free += (pool.ranges[i].end - pool.ranges[i].start) / PAGE_SIZE;

	/* The image has an owner that never gives it up, so processes can share its frames. */
	for (gpa_t f = page_down(boot->image_start); f < boot->image_end; f += PAGE_SIZE)
		frame_at(f)->owners = 1;
}

/* A frame that has never been used. */
static gpa_t fresh_frame(void)
{
	for (unsigned i = 0; i < pool.count; i++) {
		struct range *r = &pool.ranges[i];

		if (r->start < r->end) {
			r->start += PAGE_SIZE;
			return r->start - PAGE_SIZE;
		}
	}
	return 0;
}

static gpa_t first_owner(gpa_t frame)
{
	if (frame) {
		frame_at(frame)->owners = 1;
		pool.free--;
	}
	return frame;
}

gpa_t frame_alloc(void)
{
	gpa_t frame = pop(&pool.used);

	if (!frame)
		frame = fresh_frame();
	if (!frame)
		frame = pop(&pool.zeroed);
	return first_owner(frame);
}

gpa_t frame_alloc_zeroed(void)
{
	gpa_t frame = pop(&pool.zeroed);

	if (frame)
		return first_owner(frame);
	frame = frame_alloc();
	if (frame)
		page_zero(kernel_pointer(frame));
	return frame;
}

void frame_get(gpa_t frame)
{
	frame_at(frame)->owners++;
}

/* One owner less. Returns whether it was the last. */
static bool disown(gpa_t frame)
{
	struct frame *f = frame_at(frame);

	if (f->owners == 0)
		panic("frame 0x%lx is given back but nobody owns it", frame);
	return --f->owners == 0;
}

void frame_put(gpa_t frame)
{
	if (disown(frame)) {
		push(&pool.used, frame);
		pool.free++;
	}
}

void frame_put_zeroed(gpa_t frame)
{
	if (!disown(frame))
		panic("frame 0x%lx has more than one owner", frame);
	push(&pool.zeroed, frame);
	pool.free++;
}

uint32_t frame_owners(gpa_t frame)
{
	return frame_at(frame)->owners;
}

uint32_t *frame_entries(gpa_t table)
{
	return &frame_at(table)->entries;
}

gpa_t block_alloc(unsigned level)
{
	uint64_t size = block_size(level);
	gpa_t block = pop(&pool.blocks[level]);

	for (unsigned i = pool.count; !block && i > 0; i--) {
		struct range *r = &pool.ranges[i - 1];
		gpa_t end = r->end;
		gpa_t start = (end - size) & ~(size - 1);

		if (end < size || start < r->start || pool.count == RANGES_MAX)
			continue;
		block = start;
		r->end = block;
		add_range(block + size, end);
	}
	if (block) {
		frame_at(block)->owners = 1;
		pool.free -= size / PAGE_SIZE;
	}
	return block;
}

void block_put(gpa_t block, unsigned level)
{
	if (disown(block)) {
		push(&pool.blocks[level], block);
		pool.free += block_size(level) / PAGE_SIZE;
	}
}

uint64_t frames_free(void)
{
	return pool.free;
}
