/* SPDX-License-Identifier: MIT */
/*
 * walk() against walk_oracle.c, over more combinations than a table could name: every combination of
 * rights and registers, every single bit of every entry, and random tables under random registers.
 * A difference is printed as the question, the entries and both answers.
 */
#include "walk_fixture.h"
#include "walk_oracle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GVA UINT64_C(0xffff92349234567a) /* canonical, and good for 32 bits too */

static const struct shape {
	const struct pt_format *format;
	unsigned level; /* of the page */
} shapes[] = {
	{&pt_format_2level, 1}, {&pt_format_2level, 2}, {&pt_format_pae, 1},
	{&pt_format_pae, 2},	{&pt_format_4level, 1}, {&pt_format_4level, 2},
	{&pt_format_4level, 3}, {&pt_format_5level, 1}, {&pt_format_5level, 2},
	{&pt_format_5level, 3},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void print_difference(const struct vm *vm, const struct walk_query *q,
			     const struct walk_result *r, const struct oracle_answer *a,
			     const char *what)
{
	const struct walk_regs *g = &vm->regs;

	print_error("walk and oracle differ in %s: %s, %s %s of %#" PRIx64 "\n", what,
		    vm->format->name, walk_privilege_name(q->privilege),
		    walk_access_name(q->access), q->gva);
	print_error("  cr0 %#" PRIx64 " cr3 %#" PRIx64 " cr4 %#" PRIx64 " efer %#" PRIx64
		    " ac %d pkru %#" PRIx32 " maxphyaddr %u 1g %d amd %d\n",
		    g->cr0, g->cr3, g->cr4, g->efer, !!(g->rflags & RFLAGS_AC), g->pkru,
		    g->maxphyaddr, g->has_1g, g->amd);
	for (unsigned i = 0; i < a->count; i++)
		print_error("  entry at %#" PRIx64 ": %#" PRIx64 "\n", a->entry[i].gpa,
			    a->entry[i].value);
	print_error("  walk:   %s, %s, level %u, error code %s; gpa %#" PRIx64 " shift %u"
		    " w %d u %d nx %d g %d d %d key %u pat %u\n",
		    walk_outcome_name(r->outcome), walk_cause_name(r->cause), r->level,
		    error_code_name(r->error_code), r->gpa, r->shift, r->writable, r->user, r->nx,
		    r->global, r->dirty, r->pkey, r->pat);
	print_error("  oracle: %s, reasons %#x, error code %s; gpa %#" PRIx64 " shift %u"
		    " w %d u %d nx %d g %d d %d key %u pat %u\n",
		    walk_outcome_name(a->outcome), a->reasons, error_code_name(a->error_code),
		    a->gpa, a->shift, a->writable, a->user, a->nx, a->global, a->dirty, a->pkey,
		    a->pat);
	fail_msg("walk and oracle differ in %s", what);
}

static void compare(const struct vm *vm, const struct walk_context *ctx, const struct walk_query *q,
		    struct oracle_answer *a)
{
	struct walk_path path;
	struct walk_result r;
	const char *what;

	oracle_walk(&vm->mem, &vm->regs, q, a);
	memset(&r, 0xa5, sizeof(r));
	walk(&vm->mem, ctx, q, &r, &path);
	what = oracle_difference(q, &r, &path, a);
	if (what)
		print_difference(vm, q, &r, a, what);
}

/* Every access, as everybody. */
static void compare_accesses(const struct vm *vm, gva_t gva)
{
	struct walk_context ctx;
	struct oracle_answer a;

	walk_context_init(&ctx, &vm->regs);
	for (int who = WALK_USER; who <= WALK_IMPLICIT; who++) {
		for (int access = WALK_READ; access <= WALK_FETCH; access++) {
			struct walk_query q = {.gva = gva,
					       .access = (enum walk_access)access,
					       .privilege = (enum walk_privilege)who};

			compare(vm, &ctx, &q, &a);
		}
	}
}

static uint64_t rights(unsigned n)
{
	return (n & 1 ? PTE_WRITE : 0) | (n & 2 ? PTE_USER : 0) | (n & 4 ? PTE_NX : 0);
}

static uint64_t flag(unsigned n, unsigned which, uint64_t bit)
{
	return n >> which & 1 ? bit : 0;
}

/* All registers that rights depend on: 256 combinations. */
static void set_regs(struct vm *vm, unsigned n)
{
	const uint64_t varied = CR4_SMEP | CR4_SMAP | CR4_PKE;

	vm->regs.cr0 = CR0_PE | CR0_PG | flag(n, 0, CR0_WP);
	vm->regs.efer = (vm->regs.efer & ~EFER_NXE) | flag(n, 1, EFER_NXE);
	vm->regs.cr4 = (vm->regs.cr4 & ~varied) | flag(n, 2, CR4_SMEP) | flag(n, 3, CR4_SMAP) |
		       flag(n, 4, CR4_PKE);
	vm->regs.rflags = flag(n, 5, RFLAGS_AC);
	vm->regs.pkru = n >> 6 << 2 * 5;
}

static void compare_rights(const struct shape *shape)
{
	const uint64_t page = UINT64_C(0x40000000) | UINT64_C(5) << PTE_PKEY_SHIFT | PTE_PRESENT;
	const uint64_t valid = shape->format->pkey ? UINT64_MAX : ~PTE_PKEY;
	struct vm vm;

	vm_init(&vm, shape->format);
	vm_map(&vm, GVA, shape->level, page & valid, VM_UPPER);
	for (unsigned n = 0; n < 64; n++) {
		uint64_t leaf = (page & valid) | rights(n % 8) | (shape->level > 1 ? PTE_PS : 0);
		/* Each upper level has its turn at withholding rights. */
		unsigned upper = shape->level + 1 + n % 3;

		if (upper > vm.format->levels)
			upper = vm.format->levels;
		vm_set(&vm, GVA, shape->level, leaf);
		if (upper > shape->level && !vm.format->level[upper].implied) {
			uint64_t entry = vm_get(&vm, GVA, upper);

			vm_set(&vm, GVA, upper, (entry & ~rights(7)) | rights(n / 8));
		}
		for (unsigned regs = 0; regs < 256; regs++) {
			set_regs(&vm, regs);
			compare_accesses(&vm, GVA);
		}
		for (unsigned level = shape->level + 1; level <= vm.format->levels; level++)
			if (!vm.format->level[level].implied)
				vm_set(&vm, GVA, level,
				       (vm_get(&vm, GVA, level) & ~PTE_NX) | VM_UPPER);
	}
	vm_fini(&vm);
}

static void every_combination_of_rights_agrees(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++)
		compare_rights(&shapes[i]);
}

/* Turns over each bit of the entry at `level`, under everything that bears on reserved bits. */
static void compare_bits(struct vm *vm, unsigned level)
{
	static const uint8_t maxphyaddr[] = {32, 36, 39, 40, 46, 51, 52};
	uint64_t entry = vm_get(vm, GVA, level), cr4 = vm->regs.cr4, efer = vm->regs.efer;
	gpa_t at = vm_entry_gpa(vm, GVA, level);

	for (unsigned n = 0; n < 8u << vm->format->entry_shift; n++) {
		uint64_t turned = entry ^ UINT64_C(1) << n;

		gmem_write(&vm->mem, at, &turned, 1u << vm->format->entry_shift);
		for (unsigned regs = 0; regs < 16 * sizeof(maxphyaddr); regs++) {
			struct walk_query q = {.gva = GVA, .privilege = WALK_SUPERVISOR};
			struct walk_context ctx;
			struct oracle_answer a;

			vm->regs.cr4 = (cr4 & ~CR4_PSE) | flag(regs, 0, CR4_PSE);
			vm->regs.efer = (efer & ~EFER_NXE) | flag(regs, 1, EFER_NXE);
			vm->regs.has_1g = regs >> 2 & 1;
			vm->regs.amd = regs >> 3 & 1;
			vm->regs.maxphyaddr = maxphyaddr[regs / 16];
			walk_context_init(&ctx, &vm->regs);
			compare(vm, &ctx, &q, &a);
		}
	}
	gmem_write(&vm->mem, at, &entry, 1u << vm->format->entry_shift);
	vm->regs.cr4 = cr4;
	vm->regs.efer = efer;
}

static void every_bit_of_every_entry_agrees(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++) {
		uint64_t large = shapes[i].level > 1 ? PTE_PS : 0;
		struct vm vm;

		vm_init(&vm, shapes[i].format);
		vm_map(&vm, GVA, shapes[i].level, UINT64_C(0x40000000) | VM_UPPER | large,
		       VM_UPPER);
		for (unsigned n = shapes[i].level; n <= vm.format->levels; n++)
			compare_bits(&vm, n);
		vm_fini(&vm);
	}
}

/* Random tables. Page 0 is left for the PDPTEs; all other pages are tables of any level. */
#define SOUP_PAGES  15
#define SOUP_WALKS  150000
#define SOUP_REFILL 5000

static uint64_t seed = UINT64_C(0x5eed5eed5eed5eed);

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x2545f4914f6cdd1d);
}

static bool one_in(unsigned n)
{
	return rnd() % n == 0;
}

static uint64_t random_entry(const struct vm *vm)
{
	const uint64_t low =
		PTE_PWT | PTE_PCD | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL | PTE_BITS(11, 9);
	uint64_t entry = (rnd() & low) | PTE_PRESENT;

	entry |= one_in(4) ? 0 : PTE_WRITE;
	entry |= one_in(4) ? 0 : PTE_USER;
	if (one_in(4)) {
		entry |= PTE_PS | (rnd() & (one_in(2) ? PTE_BITS(45, 30) : PTE_BITS(31, 22)));
		entry |= rnd() & PTE_PAT_LARGE;
	} else {
		entry |= (1 + rnd() % SOUP_PAGES) << PAGE_SHIFT;
	}
	if (vm->format->pkey)
		entry |= rnd() & PTE_BITS(62, 52);
	if (one_in(16))
		entry |= PTE_NX;
	if (one_in(16))
		entry ^= UINT64_C(1) << rnd() % 64;
	return entry;
}

static void fill_soup(struct vm *vm)
{
	uint64_t size = UINT64_C(1) << vm->format->entry_shift;

	for (gpa_t at = PAGE_SIZE; at < (SOUP_PAGES + 1) * PAGE_SIZE; at += size) {
		uint64_t entry = random_entry(vm);

		memcpy(vm->ram + at, &entry, size);
	}
	if (vm->format == &pt_format_pae) {
		for (gpa_t at = 0; at < PAGE_SIZE; at += size) {
			uint64_t entry = random_entry(vm);

			if (!one_in(16))
				entry &= PTE_BITS(17, 9) | PTE_PWT | PTE_PCD | PTE_PRESENT;
			memcpy(vm->ram + at, &entry, size);
		}
	}
}

static void random_regs(struct vm *vm)
{
	static const uint8_t maxphyaddr[] = {36, 40, 46, 48, 52};
	struct walk_regs *r = &vm->regs;

	set_regs(vm, (unsigned)rnd() & 63);
	r->efer |= one_in(4) ? 0 : EFER_NXE;
	r->cr4 = (r->cr4 & ~(CR4_PGE | CR4_PSE)) | (rnd() & (CR4_PGE | CR4_PSE));
	r->pkru = (uint32_t)(rnd() & rnd());
	r->maxphyaddr = maxphyaddr[rnd() % sizeof(maxphyaddr)];
	r->has_1g = !one_in(4);
	r->amd = one_in(4);
	r->cr3 = rnd() & (CR3_PWT | CR3_PCD);
	if (vm->format == &pt_format_pae) {
		r->cr3 |= rnd() % 128 * 32;
		r->pdptrs_valid = one_in(4);
		for (int i = 0; i < 4; i++)
			r->pdptr[i] = (1 + rnd() % SOUP_PAGES) * PAGE_SIZE | !one_in(16);
	} else {
		r->cr3 |= (1 + rnd() % SOUP_PAGES) * PAGE_SIZE;
	}
}

static gva_t random_gva(const struct pt_format *format)
{
	gva_t half = UINT64_C(1) << (format->gva_bits - 1), gva = rnd();

	if (format->gva_bits == 32 || one_in(16))
		return gva;
	gva &= 2 * half - 1;
	return (gva ^ half) - half;
}

/* The flags a successful access leaves in guest memory. One entry may serve at several levels. */
static void apply_flags(uint8_t *ram, const struct walk_query *q, const struct oracle_answer *a)
{
	if (a->outcome != WALK_OK || !q->set_ad)
		return;
	for (unsigned i = 0; i < a->count; i++) {
		if (!a->entry[i].has_accessed)
			continue;
		ram[a->entry[i].gpa] |= PTE_ACCESSED;
		if (i == a->count - 1 && q->access == WALK_WRITE)
			ram[a->entry[i].gpa] |= PTE_DIRTY;
	}
}

static void compare_soup(const struct pt_format *format, unsigned outcomes[WALK_NO_MEMORY + 1])
{
	static uint8_t expected[VM_PAGES * PAGE_SIZE];
	struct walk_context ctx;
	struct vm vm;

	vm_init(&vm, format);
	for (unsigned n = 0; n < SOUP_WALKS; n++) {
		struct walk_query q = {.gva = random_gva(format),
				       .access = (enum walk_access)(rnd() % 3),
				       .privilege = (enum walk_privilege)(rnd() % 3),
				       .set_ad = one_in(2)};
		struct oracle_answer a;

		if (n % SOUP_REFILL == 0) {
			if (n)
				assert_memory_equal(vm.ram, expected, sizeof(expected));
			fill_soup(&vm);
			memcpy(expected, vm.ram, sizeof(expected));
		}
		if (n % 16 == 0) {
			random_regs(&vm);
			walk_context_init(&ctx, &vm.regs);
		}
		compare(&vm, &ctx, &q, &a);
		apply_flags(expected, &q, &a);
		outcomes[a.outcome]++;
	}
	assert_memory_equal(vm.ram, expected, sizeof(expected));
	vm_fini(&vm);
}

static void random_tables_agree(void **state)
{
	static const struct pt_format *const formats[] = {&pt_format_2level, &pt_format_pae,
							  &pt_format_4level, &pt_format_5level};
	unsigned outcomes[WALK_NO_MEMORY + 1] = {0};

	(void)state;
	for (int i = 0; i < 4; i++)
		compare_soup(formats[i], outcomes);
	/* The tables must not be so random that little is tested. */
	for (int i = WALK_OK; i <= WALK_NO_MEMORY; i++)
		assert_true(outcomes[i] > SOUP_WALKS / 100);
	assert_true(outcomes[WALK_OK] > SOUP_WALKS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination_of_rights_agrees),
		cmocka_unit_test(every_bit_of_every_entry_agrees),
		cmocka_unit_test(random_tables_agree),
	};

	return cmocka_run_group_tests_name("walk: oracle", tests, NULL, NULL);
}
