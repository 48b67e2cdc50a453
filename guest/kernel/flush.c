/* SPDX-License-Identifier: MIT */
/*
 * The TLB's side of a change. One place, because a VMM's user wants to see each of these, and
 * because a forgotten flush is the one bug that most machines forgive most of the time.
 */
#include "flush.h"

#include "cpu.h"
#include "host.h"
#include "log.h"
#include "x86.h"

/* Pages for which INVLPG one by one is still thought cheaper than losing the whole context. */
#define FLUSH_PAGES_MAX 32

void flush_load_root(gpa_t root)
{
	gpa_t before = flush_root();

	if (root == before)
		return;
	write_cr3(root);
	host_report()->cr3_loads++;
	log_cr3(before, root);
}

gpa_t flush_root(void)
{
	return read_cr3() & PTE_ADDRESS;
}

void flush_page(gpa_t root, gva_t gva)
{
	if (root != flush_root())
		return;
	invlpg(gva);
	host_report()->flush_page++;
	log_flush(PN_FLUSH_PAGE, PN_CAUSE_INVLPG, gva);
}

void flush_range(gpa_t root, gva_t start, gva_t end)
{
	if ((end - start) / PAGE_SIZE > FLUSH_PAGES_MAX) {
		flush_context(root);
		return;
	}
	for (gva_t gva = start; gva < end; gva += PAGE_SIZE)
		flush_page(root, gva);
}

void flush_context(gpa_t root)
{
	if (root != flush_root())
		return;
	write_cr3(root);
	host_report()->cr3_loads++;
	host_report()->flush_context++;
	log_cr3(root, root);
}

void flush_all(void)
{
	uint64_t cr4 = read_cr4();

	write_cr4(cr4 & ~(uint64_t)CR4_PGE);
	log_flush(PN_FLUSH_ALL, PN_CAUSE_CR4, 0);
	write_cr4(cr4);
	log_flush(PN_FLUSH_ALL, PN_CAUSE_CR4, 0);
	host_report()->flush_all++;
}
