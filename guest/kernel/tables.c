/* SPDX-License-Identifier: MIT */
/*
 * Page tables. There is one way down (entry_at) and one way across (visit), for all levels and
 * formats; each operation is what it does with the entries it meets. Frames are reached through
 * the direct map, so a table's GPA is a pointer to it.
 *
 * The processor sets A and D behind our back, but only while it runs something: there is one of
 * it, and it is here. So plain loads and stores do; a kernel for two would need atomic ones.
 */
#include "tables.h"

#include "cpu.h"
#include "flush.h"
#include "frames.h"
#include "host.h"
#include "layout.h"
#include "log.h"
#include "panic.h"
#include "x86.h"

#define TABLE_ENTRIES 512

/* The level whose entries are shared by all spaces, for the GVAs in kernel_part[]. */
#define SHARED_LEVEL 4

static const gva_t kernel_part[] = {0, KERNEL_HIGH_BASE};

static gpa_t kernel_root;

static unsigned top_level(void)
{
	return (read_cr4() & CR4_LA57) ? 5 : 4;
}

static pte_t *slot(gpa_t table, gva_t gva, unsigned level)
{
	return (pte_t *)kernel_pointer(table) + (gva >> level_shift(level)) % TABLE_ENTRIES;
}

static bool is_leaf(pte_t entry, unsigned level)
{
	return level == 1 || entry & PTE_LARGE;
}

/* Where an entry changes. A table knows how many of its entries are present. */
static void store(pte_t *entry, pte_t value, unsigned level)
{
	uint32_t *entries = frame_entries(page_down((uintptr_t)entry));

	log_table_write((uintptr_t)entry, level, *entry, value);
	*entries += (uint32_t)(value & PTE_PRESENT) - (uint32_t)(*entry & PTE_PRESENT);
	*(volatile pte_t *)entry = value;
	host_report()->pt_writes++;
}

/* The same for `count` entries in a row that are not present yet; each maps the next page. */
static void store_run(pte_t *entry, pte_t value, unsigned level, uint64_t count)
{
	const uint64_t step = level_size(level);

	*frame_entries(page_down((uintptr_t)entry)) += (uint32_t)count;
	host_report()->pt_writes += count;
	log_table_writes((uintptr_t)entry, level, value, step, count);
	for (; count > 0; count--, value += step)
		*(volatile pte_t *)entry++ = value;
}

static gpa_t new_table(void)
{
	gpa_t table = frame_alloc_zeroed();

	if (table)
		*frame_entries(table) = 0;
	return table;
}

/*
 * The entry of `level` for `gva`; NULL if the way there is not mapped, or ends in a large page.
 * With `create`, missing tables are made, and NULL means that no frame is left. Entries above the
 * leaves allow everything: rights are decided in one place, the leaf.
 */
static pte_t *entry_at(gpa_t root, gva_t gva, unsigned level, bool create)
{
	gpa_t table = root;

	for (unsigned l = top_level(); l > level; l--) {
		pte_t *entry = slot(table, gva, l);

		if (!(*entry & PTE_PRESENT)) {
			gpa_t fresh = create ? new_table() : 0;

			if (!fresh)
				return NULL;
			store(entry, fresh | PTE_PRESENT | PTE_WRITE | PTE_USER, l);
		} else if (is_leaf(*entry, l)) {
			return NULL;
		}
		table = *entry & PTE_ADDRESS;
	}
	return slot(table, gva, level);
}

/* What visit() does with each present entry: pages, and tables after what they hold. */
struct visitor {
	void (*leaf)(struct visitor *v, gva_t gva, unsigned level, pte_t *entry);
	void (*table)(struct visitor *v, gva_t gva, unsigned level, pte_t *entry);
	void *arg;   /* the operation's own */
	bool owners; /* 4 KiB frames gain or lose an owner */
	bool failed;
};

static void visit(struct visitor *v, gpa_t table, unsigned level, gva_t start, gva_t end)
{
	const uint64_t size = level_size(level);
	const gva_t last = end - 1;
	pte_t *entry = slot(table, start, level);

	/* By last bytes: the end of the highest entry is 0. */
	for (gva_t gva = start;; gva = (gva | (size - 1)) + 1, entry++) {
		gva_t entry_last = gva | (size - 1);

		if (!(*entry & PTE_PRESENT)) {
			;
		} else if (is_leaf(*entry, level)) {
			v->leaf(v, gva, level, entry);
		} else {
			visit(v, *entry & PTE_ADDRESS, level - 1, gva,
			      (entry_last < last ? entry_last : last) + 1);
			if (v->table)
				v->table(v, gva, level, entry);
		}
		if (entry_last >= last)
			return;
	}
}

void tables_init(void)
{
	kernel_root = new_table();
	for (unsigned i = 0; i < sizeof(kernel_part) / sizeof(kernel_part[0]); i++)
		if (!kernel_root || !entry_at(kernel_root, kernel_part[i], SHARED_LEVEL - 1, true))
			panic("no frame for the kernel's page tables");
}

gpa_t tables_kernel_root(void)
{
	return kernel_root;
}

gpa_t tables_new_root(void)
{
	gpa_t root = new_table();

	for (unsigned i = 0; root && i < sizeof(kernel_part) / sizeof(kernel_part[0]); i++) {
		pte_t *entry = entry_at(root, kernel_part[i], SHARED_LEVEL, true);

		if (!entry) {
			tables_free_root(root);
			return 0;
		}
		store(entry, *entry_at(kernel_root, kernel_part[i], SHARED_LEVEL, false),
		      SHARED_LEVEL);
	}
	return root;
}

void tables_free_root(gpa_t root)
{
	for (unsigned i = 0; i < sizeof(kernel_part) / sizeof(kernel_part[0]); i++) {
		pte_t *entry = entry_at(root, kernel_part[i], SHARED_LEVEL, false);
		pte_t *above = slot(root, kernel_part[i], SHARED_LEVEL + 1);

		if (!entry)
			continue;
		store(entry, 0, SHARED_LEVEL);
		if (page_down((uintptr_t)entry) == root)
			continue;
		if (*frame_entries(page_down((uintptr_t)entry)) == 0) {
			frame_put_zeroed(*above & PTE_ADDRESS);
			store(above, 0, SHARED_LEVEL + 1);
		}
	}
	if (*frame_entries(root) != 0)
		panic("root 0x%lx is freed with %u entries in it", root, *frame_entries(root));
	frame_put_zeroed(root);
}

bool tables_map(gpa_t root, gva_t gva, gpa_t gpa, uint64_t size, unsigned level, pte_t flags)
{
	const gva_t end = gva + size;

	while (gva != end) {
		unsigned l = level;
		uint64_t step, count, room;
		pte_t *entry;

		while ((gva | gpa) & (level_size(l) - 1) || end - gva < level_size(l))
			l--;
		step = level_size(l);
		entry = entry_at(root, gva, l, true);
		if (!entry)
			return false;
		/* As far as this table goes. */
		count = (end - gva) >> level_shift(l);
		room = (PAGE_SIZE - (uintptr_t)entry % PAGE_SIZE) / sizeof(*entry);
		if (count > room)
			count = room;
		store_run(entry, gpa | flags | (l > 1 ? PTE_LARGE : 0), l, count);
		gva += count * step;
		gpa += count * step;
	}
	return true;
}

void tables_replace(gpa_t root, gva_t gva, gpa_t gpa, pte_t flags)
{
	pte_t *entry = entry_at(root, gva, 1, false);

	store(entry, gpa | flags, 1);
	flush_page(root, gva);
}

void tables_swap(gpa_t root, gva_t a, gva_t b)
{
	pte_t *first = entry_at(root, a, 1, false);
	pte_t *second = entry_at(root, b, 1, false);
	pte_t value = *first & ~(PTE_ACCESSED | PTE_DIRTY);

	store(first, *second & ~(PTE_ACCESSED | PTE_DIRTY), 1);
	store(second, value, 1);
}

static void protect_leaf(struct visitor *v, gva_t gva, unsigned level, pte_t *entry)
{
	const pte_t keep = PTE_ADDRESS | PTE_ACCESSED | PTE_DIRTY | PTE_LARGE;

	(void)gva;
	store(entry, (*entry & keep) | *(pte_t *)v->arg, level);
}

void tables_protect(gpa_t root, gva_t start, gva_t end, pte_t flags)
{
	struct visitor v = {.leaf = protect_leaf, .arg = &flags};

	visit(&v, root, top_level(), start, end);
	flush_range(root, start, end);
}

static void forget_entry(struct visitor *v, gva_t gva, unsigned level, pte_t *entry)
{
	(void)v;
	(void)gva;
	store(entry, *entry & ~(PTE_ACCESSED | PTE_DIRTY), level);
}

void tables_forget_use(gpa_t root, gva_t start, gva_t end)
{
	struct visitor v = {.leaf = forget_entry, .table = forget_entry};

	visit(&v, root, top_level(), start, end);
	flush_range(root, start, end);
}

bool tables_split(gpa_t root, gva_t gva)
{
	unsigned level = tables_path(root, gva).leaf;
	pte_t *entry, old;
	gpa_t table;

	if (level < 2)
		return false;
	table = new_table();
	if (!table)
		return false;
	entry = entry_at(root, gva, level, false);
	old = *entry;
	store_run(kernel_pointer(table), level == 2 ? old & ~PTE_LARGE : old, level - 1,
		  TABLE_ENTRIES);
	store(entry, table | PTE_PRESENT | PTE_WRITE | PTE_USER | (old & PTE_ACCESSED), level);
	flush_page(root, gva);
	return true;
}

static void clone_leaf(struct visitor *v, gva_t gva, unsigned level, pte_t *entry)
{
	const gpa_t *to = v->arg;
	pte_t *copy = entry_at(*to, gva, level, true);

	if (!copy) {
		v->failed = true;
		return;
	}
	if (v->owners) {
		if (*entry & PTE_WRITE)
			store(entry, *entry & ~PTE_WRITE, level);
		frame_get(*entry & PTE_ADDRESS);
	}
	store(copy, *entry & ~(PTE_ACCESSED | PTE_DIRTY), level);
}

bool tables_clone(gpa_t to, gpa_t from, gva_t start, gva_t end, bool cow)
{
	struct visitor v = {.leaf = clone_leaf, .arg = &to, .owners = cow};

	visit(&v, from, top_level(), start, end);
	if (cow)
		flush_range(from, start, end);
	return !v.failed;
}

static void unmap_leaf(struct visitor *v, gva_t gva, unsigned level, pte_t *entry)
{
	gpa_t frame = *entry & PTE_ADDRESS;

	(void)gva;
	store(entry, 0, level);
	if (v->owners && level == 1)
		frame_put(frame);
}

static void unmap_table(struct visitor *v, gva_t gva, unsigned level, pte_t *entry)
{
	gpa_t table = *entry & PTE_ADDRESS;

	(void)v;
	(void)gva;
	if (*frame_entries(table) != 0)
		return;
	store(entry, 0, level);
	frame_put_zeroed(table);
}

void tables_unmap(gpa_t root, gva_t start, gva_t end, bool put)
{
	struct visitor v = {.leaf = unmap_leaf, .table = unmap_table, .owners = put};

	/* Frames are free before they are flushed: nothing takes one before we are through. */
	visit(&v, root, top_level(), start, end);
	flush_range(root, start, end);
}

struct table_path tables_path(gpa_t root, gva_t gva)
{
	struct table_path path = {.top = top_level()};
	gpa_t table = root;

	for (unsigned level = path.top; level >= 1; level--) {
		pte_t entry = *slot(table, gva, level);

		path.entry[level] = entry;
		if (!(entry & PTE_PRESENT))
			break;
		if (is_leaf(entry, level)) {
			path.leaf = level;
			break;
		}
		table = entry & PTE_ADDRESS;
	}
	return path;
}

static void scan_leaf(struct visitor *v, gva_t gva, unsigned level, pte_t *entry)
{
	struct table_scan *scan = v->arg;
	bool writable = *entry & PTE_WRITE, executable = !(*entry & PTE_NO_EXECUTE);

	(void)gva;
	(void)level;
	scan->present++;
	scan->writable += writable;
	scan->executable += executable;
	scan->writable_executable += writable && executable;
	scan->user += (*entry & PTE_USER) != 0;
	scan->accessed += (*entry & PTE_ACCESSED) != 0;
	scan->dirty += (*entry & PTE_DIRTY) != 0;
}

struct table_scan tables_scan(gpa_t root, gva_t start, gva_t end)
{
	struct table_scan scan = {0};
	struct visitor v = {.leaf = scan_leaf, .arg = &scan};

	visit(&v, root, top_level(), start, end);
	return scan;
}
