/* SPDX-License-Identifier: MIT */
/*
 * What is measured: translations by walk() through 4-level tables, in nanoseconds each, on one
 * core: 1 GiB mapped by 4 KiB leaves (513 tables of the lower two levels, 2 MiB of entries), and
 * the same by 2 MiB leaves. Supervisor reads, A flags set already, one memory slot, no path asked
 * for.
 *
 * How: the pages are walked in one random order, made beforehand, the whole order again and again.
 * The first pass warms the tables and calibrates how many walks make a round of ROUND_NS; then
 * come BENCH_WALK_ROUNDS rounds, of which median, minimum and maximum are given. Every round's GPAs
 * are summed and compared with the sum that the mapping calls for.
 *
 * What it cannot tell: how long one walk takes. Neighbours in the order do not depend on each other,
 * so the core overlaps them; a single walk on cold tables, as after an exit, costs several times
 * more. Nor the cost of a machine with many slots, of setting A and D, or of walks that fault. The
 * tables lie together in host pages of 4 KiB; a guest that scatters its tables asks more of the
 * host's TLB.
 */
#include "bench/walk.h"

#include "bench/sample.h"
#include "clock.h"
#include "memory/walk.h"
#include "x86.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAPPED	 (UINT64_C(1) << 30)
#define PAGES	 (MAPPED >> PAGE_SHIFT)
#define ENTRIES	 512
#define ROUND_NS 100e6

/* Where the mapping starts: not at 0, so that GVA and GPA differ. */
#define BASE_GVA UINT64_C(0x7f0040000000)

/* Tables, by number, from GPA MAPPED on: one set for each leaf size. */
enum { PML4, PDPT, PD_4K, PT, PML4_2M = PT + ENTRIES, PDPT_2M, PD_2M, TABLES };

struct bench {
	struct gmem mem;
	uint8_t *host; /* behind GPA 0: the mapped gigabyte, never touched, then the tables */
	uint32_t *order;
};

static gpa_t table_gpa(unsigned table)
{
	return MAPPED + (gpa_t)table * PAGE_SIZE;
}

static void set_entry(struct bench *b, unsigned table, uint64_t index, uint64_t entry)
{
	uint64_t *t = (uint64_t *)(b->host + table_gpa(table));

	t[index % ENTRIES] = entry | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
}

static void build_tables(struct bench *b)
{
	set_entry(b, PML4, BASE_GVA >> 39, table_gpa(PDPT));
	set_entry(b, PDPT, BASE_GVA >> 30, table_gpa(PD_4K));
	set_entry(b, PML4_2M, BASE_GVA >> 39, table_gpa(PDPT_2M));
	set_entry(b, PDPT_2M, BASE_GVA >> 30, table_gpa(PD_2M));
	for (unsigned i = 0; i < ENTRIES; i++) {
		set_entry(b, PD_4K, i, table_gpa(PT + i));
		set_entry(b, PD_2M, i, (uint64_t)i << 21 | PTE_PS);
	}
	for (unsigned i = 0; i < PAGES; i++)
		set_entry(b, PT + i / ENTRIES, i, (uint64_t)i << PAGE_SHIFT);
}

/* Every page once, in an order that is the same each time. */
static void shuffle(uint32_t *order)
{
	uint64_t x = UINT64_C(0x9e3779b97f4a7c15);

	for (uint32_t i = 0; i < PAGES; i++) {
		uint32_t j;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		j = (uint32_t)(x % (i + 1));
		order[i] = order[j];
		order[j] = i;
	}
}

static void tear_down(struct bench *b)
{
	free(b->order);
	if (b->host != MAP_FAILED)
		munmap(b->host, table_gpa(TABLES));
	gmem_fini(&b->mem);
}

static int set_up(struct bench *b)
{
	uint64_t size = table_gpa(TABLES);
	int code;

	gmem_init(&b->mem, 1, 52);
	b->order = malloc(PAGES * sizeof(*b->order));
	b->host = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!b->order || b->host == MAP_FAILED)
		return PN_ERR_NOMEM;
	code = gmem_add(&b->mem, 0, b->host, size, false, NULL);
	if (code)
		return code;
	/* Host pages of one known size, whatever the host's setting is. */
	madvise(b->host, size, MADV_NOHUGEPAGE);
	build_tables(b);
	shuffle(b->order);
	return PN_OK;
}

/* Walks every page `passes` times. Returns nanoseconds, or -1 if a translation was wrong. */
static double run(const struct bench *b, const struct walk_context *ctx, uint64_t passes)
{
	struct walk_query query = {
		.access = WALK_READ, .privilege = WALK_SUPERVISOR, .set_ad = true};
	uint64_t sum = 0, failed = 0, expected = passes * (PAGES * (PAGES - 1) / 2 << PAGE_SHIFT);
	struct walk_result result;
	uint64_t start = clock_ns(), end;

	for (uint64_t n = 0; n < passes; n++) {
		for (uint64_t i = 0; i < PAGES; i++) {
			query.gva = BASE_GVA + ((gva_t)b->order[i] << PAGE_SHIFT);
			failed += walk(&b->mem, ctx, &query, &result, NULL) != WALK_OK;
			sum += result.gpa;
		}
	}
	end = clock_ns();
	return failed || sum != expected ? -1 : (double)(end - start);
}

static int measure(const struct bench *b, unsigned root, uint64_t *walks,
		   struct bench_walk_figure *figure)
{
	struct walk_regs regs = {
		.cr0 = CR0_PE | CR0_WP | CR0_PG,
		.cr3 = table_gpa(root),
		.cr4 = CR4_PAE | CR4_PGE,
		.efer = EFER_LME | EFER_LMA | EFER_NXE,
		.maxphyaddr = 46,
	};
	struct sample sample = {0};
	struct walk_context ctx;
	struct spread spread;
	uint64_t passes;
	double ns;

	walk_context_init(&ctx, &regs);
	/* Twice: the first time may wait for the host's own page faults. */
	ns = run(b, &ctx, 1);
	if (ns >= 0)
		ns = run(b, &ctx, 1);
	if (ns < 0)
		return PN_ERR_STATE;
	/* Both figures use the count of the first, so that one number describes the report. */
	passes = *walks ? *walks / PAGES : (uint64_t)(ROUND_NS / ns) + 1;
	for (int i = 0; i < BENCH_WALK_ROUNDS; i++) {
		ns = run(b, &ctx, passes);
		if (ns < 0)
			return PN_ERR_STATE;
		sample_add(&sample, ns / (double)(passes * PAGES));
	}
	spread = sample_spread(&sample);
	*figure = (struct bench_walk_figure){spread.median, spread.min, spread.max};
	*walks = passes * PAGES;
	return PN_OK;
}

int bench_walk(struct bench_walk_result *result)
{
	struct bench *b = calloc(1, sizeof(*b));
	int code;

	if (!b)
		return PN_ERR_NOMEM;
	*result = (struct bench_walk_result){.mapped = MAPPED, .rounds = BENCH_WALK_ROUNDS};
	code = set_up(b);
	if (!code)
		code = measure(b, PML4, &result->walks, &result->page_4k);
	if (!code)
		code = measure(b, PML4_2M, &result->walks, &result->page_2m);
	tear_down(b);
	free(b);
	return code;
}
