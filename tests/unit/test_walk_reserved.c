/* SPDX-License-Identifier: MIT */
/*
 * Which bits of which entries are reserved: every rule of the manuals' tables from both sides, one
 * bit inside it and one outside. A row is a promise.
 */
#include "walk_fixture.h"

#define GVA    UINT64_C(0x9234567a)
#define HIGH   UINT64_C(0xffff92349234567a) /* canonical under both 4 and 5 levels */

#define LEAF   (PTE_PRESENT | PTE_WRITE | PTE_USER)
#define BIT(n) (UINT64_C(1) << (n))

#define LEVEL2 &pt_format_2level
#define PAE    &pt_format_pae
#define LEVEL4 &pt_format_4level
#define LEVEL5 &pt_format_5level

/* An entry that gets `bits` more than it needs, and what comes of it. */
struct rule {
	const char *name;
	const struct pt_format *format;
	unsigned page_level; /* of the entry that maps the page */
	unsigned level;	     /* of the entry with the bits */
	uint64_t bits;
	uint64_t cr4_off, efer_off;
	bool reserved;	    /* else the bits change nothing */
	uint8_t maxphyaddr; /* 0: the fixture's */
	bool no_1g, amd;
};

/* clang-format off */
static struct rule rules[] = {
	{"5-level: PS is reserved in a PML5E", LEVEL5, 1, 5, PTE_PS, .reserved = true},
	{"5-level: PS is reserved in a PML4E", LEVEL5, 1, 4, PTE_PS, .reserved = true},
	{"5-level: bit 8 is ignored in a PML5E", LEVEL5, 1, 5, BIT(8), .reserved = false},
	{"5-level: AMD reserves bit 8 in a PML5E", LEVEL5, 1, 5, BIT(8), .reserved = true, .amd = true},
	{"5-level: AMD reserves bit 8 in a PML4E", LEVEL5, 1, 4, BIT(8), .reserved = true, .amd = true},
	{"5-level: address bits past MAXPHYADDR are reserved", LEVEL5, 1, 5, BIT(46), .reserved = true},
	{"5-level: bit 51 is reserved below MAXPHYADDR 52", LEVEL5, 1, 5, BIT(51), .reserved = true, .maxphyaddr = 51},
	{"5-level: NX is reserved without NXE", LEVEL5, 1, 5, PTE_NX, .reserved = true, .efer_off = EFER_NXE},
	{"5-level: bits 62:52 are ignored", LEVEL5, 1, 5, PTE_BITS(62, 52), .reserved = false},

	{"4-level: PS is reserved in a PML4E", LEVEL4, 1, 4, PTE_PS, .reserved = true},
	{"4-level: bits 6 and 8 are ignored in a PML4E", LEVEL4, 1, 4, BIT(6) | BIT(8), .reserved = false},
	{"4-level: AMD reserves bit 8 in a PML4E", LEVEL4, 1, 4, BIT(8), .reserved = true, .amd = true},
	{"4-level: AMD ignores bit 6 in a PML4E", LEVEL4, 1, 4, BIT(6), .reserved = false, .amd = true},
	{"4-level: AMD ignores bit 8 in a PDPTE", LEVEL4, 1, 3, BIT(8), .reserved = false, .amd = true},
	{"4-level: bits 11:9 and 62:52 are ignored in a PML4E", LEVEL4, 1, 4, PTE_BITS(11, 9) | PTE_BITS(62, 52), .reserved = false},
	{"4-level: bits 62:52 are ignored in a PDPTE", LEVEL4, 1, 3, PTE_BITS(62, 52), .reserved = false},
	{"4-level: bits 62:52 are ignored in a PDE", LEVEL4, 1, 2, PTE_BITS(62, 52), .reserved = false},
	{"4-level: bits 62:52 are no address in a PTE", LEVEL4, 1, 1, PTE_BITS(62, 52), .reserved = false},
	{"4-level: bits 6 and 8 are ignored in a PDE", LEVEL4, 1, 2, BIT(6) | BIT(8), .reserved = false},
	{"4-level: address bits past MAXPHYADDR are reserved in a PML4E", LEVEL4, 1, 4, BIT(46), .reserved = true},
	{"4-level: address bits past MAXPHYADDR are reserved in a PDPTE", LEVEL4, 1, 3, BIT(51), .reserved = true},
	{"4-level: address bits past MAXPHYADDR are reserved in a PDE", LEVEL4, 1, 2, BIT(46), .reserved = true},
	{"4-level: address bits past MAXPHYADDR are reserved in a PTE", LEVEL4, 1, 1, BIT(46), .reserved = true},
	{"4-level: MAXPHYADDR 36 reserves bit 36", LEVEL4, 1, 1, BIT(36), .reserved = true, .maxphyaddr = 36},
	{"4-level: NX is reserved in a PML4E without NXE", LEVEL4, 1, 4, PTE_NX, .reserved = true, .efer_off = EFER_NXE},
	{"4-level: NX is reserved in a PDPTE without NXE", LEVEL4, 1, 3, PTE_NX, .reserved = true, .efer_off = EFER_NXE},
	{"4-level: NX is reserved in a PDE without NXE", LEVEL4, 1, 2, PTE_NX, .reserved = true, .efer_off = EFER_NXE},
	{"4-level: NX is reserved in a PTE without NXE", LEVEL4, 1, 1, PTE_NX, .reserved = true, .efer_off = EFER_NXE},
	{"4-level: NX is reserved in a 1 GiB page's entry without NXE", LEVEL4, 3, 3, PTE_NX, .reserved = true, .efer_off = EFER_NXE},
	{"4-level: bit 7 of a PTE is PAT", LEVEL4, 1, 1, PTE_PAT, .reserved = false},

	{"1 GiB: PS is reserved in a PDPTE of a processor without 1 GiB pages", LEVEL4, 3, 3, 0, .reserved = true, .no_1g = true},
	{"1 GiB: bit 13 is reserved", LEVEL4, 3, 3, BIT(13), .reserved = true},
	{"1 GiB: bit 29 is reserved", LEVEL4, 3, 3, BIT(29), .reserved = true},
	{"1 GiB: bit 12 is PAT", LEVEL4, 3, 3, PTE_PAT_LARGE, .reserved = false},
	{"1 GiB: address bits past MAXPHYADDR are reserved", LEVEL4, 3, 3, BIT(46), .reserved = true},
	{"1 GiB: bits 62:52 are no address", LEVEL4, 3, 3, PTE_BITS(62, 52), .reserved = false},
	{"2 MiB: bit 13 is reserved", LEVEL4, 2, 2, BIT(13), .reserved = true},
	{"2 MiB: bit 20 is reserved", LEVEL4, 2, 2, BIT(20), .reserved = true},
	{"2 MiB: bit 12 is PAT", LEVEL4, 2, 2, PTE_PAT_LARGE, .reserved = false},
	{"2 MiB: address bits past MAXPHYADDR are reserved", LEVEL4, 2, 2, BIT(51), .reserved = true},
	{"2 MiB: needs no CR4.PSE", LEVEL4, 2, 2, 0, .reserved = false, .cr4_off = CR4_PSE},

	{"PAE: bit 1 is reserved in a PDPTE", PAE, 1, 3, BIT(1), .reserved = true},
	{"PAE: bit 2 is reserved in a PDPTE", PAE, 1, 3, BIT(2), .reserved = true},
	{"PAE: PWT and PCD are ignored in a PDPTE", PAE, 1, 3, PTE_PWT | PTE_PCD, .reserved = false},
	{"PAE: bit 5 is reserved in a PDPTE", PAE, 1, 3, BIT(5), .reserved = true},
	{"PAE: bit 7 is reserved in a PDPTE", PAE, 1, 3, BIT(7), .reserved = true},
	{"PAE: bit 8 is reserved in a PDPTE", PAE, 1, 3, BIT(8), .reserved = true},
	{"PAE: bits 11:9 are ignored in a PDPTE", PAE, 1, 3, PTE_BITS(11, 9), .reserved = false},
	{"PAE: address bits past MAXPHYADDR are reserved in a PDPTE", PAE, 1, 3, BIT(46), .reserved = true},
	{"PAE: bit 52 is reserved in a PDPTE", PAE, 1, 3, BIT(52), .reserved = true},
	{"PAE: bit 63 is reserved in a PDPTE even with NXE", PAE, 1, 3, PTE_NX, .reserved = true},
	{"PAE: bit 52 is reserved in a PDE", PAE, 1, 2, BIT(52), .reserved = true},
	{"PAE: bit 62 is reserved in a PDE", PAE, 1, 2, BIT(62), .reserved = true},
	{"PAE: NX is reserved in a PDE without NXE", PAE, 1, 2, PTE_NX, .reserved = true, .efer_off = EFER_NXE},
	{"PAE: bit 62 is reserved in a 2 MiB page's entry", PAE, 2, 2, BIT(62), .reserved = true},
	{"PAE: bit 13 is reserved in a 2 MiB page's entry", PAE, 2, 2, BIT(13), .reserved = true},
	{"PAE: bit 20 is reserved in a 2 MiB page's entry", PAE, 2, 2, BIT(20), .reserved = true},
	{"PAE: bit 52 is reserved in a PTE", PAE, 1, 1, BIT(52), .reserved = true},
	{"PAE: bit 59 is reserved in a PTE", PAE, 1, 1, BIT(59), .reserved = true},
	{"PAE: address bits past MAXPHYADDR are reserved in a PTE", PAE, 1, 1, BIT(46), .reserved = true},
	{"PAE: NX is reserved in a PTE without NXE", PAE, 1, 1, PTE_NX, .reserved = true, .efer_off = EFER_NXE},
	{"PAE: 2 MiB pages need no CR4.PSE", PAE, 2, 2, 0, .reserved = false, .cr4_off = CR4_PSE},

	{"2-level: bits 6 and 11:8 are ignored in a PDE", LEVEL2, 1, 2, BIT(6) | PTE_BITS(11, 8), .reserved = false},
	{"2-level: PS is ignored in a PDE without CR4.PSE", LEVEL2, 1, 2, PTE_PS, .reserved = false, .cr4_off = CR4_PSE},
	{"2-level: a PTE has no reserved bits", LEVEL2, 1, 1, PTE_BITS(11, 7), .reserved = false},
	{"4 MiB: bit 21 is reserved", LEVEL2, 2, 2, BIT(21), .reserved = true},
	{"4 MiB: bit 12 is PAT", LEVEL2, 2, 2, PTE_PAT_LARGE, .reserved = false},
	{"4 MiB: MAXPHYADDR 36 reserves bit 17", LEVEL2, 2, 2, BIT(17), .reserved = true, .maxphyaddr = 36},
	{"4 MiB: MAXPHYADDR 32 reserves bit 13", LEVEL2, 2, 2, BIT(13), .reserved = true, .maxphyaddr = 32},
	{"4 MiB: MAXPHYADDR 39 reserves bit 20", LEVEL2, 2, 2, BIT(20), .reserved = true, .maxphyaddr = 39},
};
/* clang-format on */

static void check_rule(void **state)
{
	const struct rule *t = *state;
	struct walk_query q = {.gva = t->format->levels >= 4 ? HIGH : GVA, .access = WALK_READ};
	uint64_t large = t->page_level > 1 ? PTE_PS : 0;
	uint64_t bits = t->bits ? t->bits : PTE_PS;
	struct walk_result r;
	struct vm vm;

	vm_init(&vm, t->format);
	vm.regs.cr4 &= ~t->cr4_off;
	vm.regs.efer &= ~t->efer_off;
	vm.regs.has_1g = !t->no_1g;
	vm.regs.amd = t->amd;
	if (t->maxphyaddr)
		vm.regs.maxphyaddr = t->maxphyaddr;
	vm_map(&vm, q.gva, t->page_level, UINT64_C(0x80000000) | LEAF | large, VM_UPPER);
	vm_set(&vm, q.gva, t->level, vm_get(&vm, q.gva, t->level) | t->bits);
	vm_walk(&vm, &q, &r, NULL);
	if (t->reserved) {
		expect_end(&q, &r, WALK_FAULT, WALK_CAUSE_RESERVED_BIT,
			   PF_ERR_PRESENT | PF_ERR_RESERVED | PF_ERR_USER, t->level);
		assert_int_equal(r.reserved, bits);
		/* An entry that is not present is not looked at further. */
		vm_set(&vm, q.gva, t->level, vm_get(&vm, q.gva, t->level) & ~PTE_PRESENT);
		vm_walk(&vm, &q, &r, NULL);
		expect_end(&q, &r, WALK_FAULT, WALK_CAUSE_NOT_PRESENT, PF_ERR_USER, t->level);
	} else {
		unsigned shift = t->format->level[t->page_level].shift;

		expect_end(&q, &r, WALK_OK, WALK_CAUSE_NONE, 0, t->page_level);
		assert_int_equal(r.shift, shift);
		assert_int_equal(r.gpa, 0x80000000 | (q.gva & ((UINT64_C(1) << shift) - 1)));
	}
	vm_fini(&vm);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rules) / sizeof(rules[0])];

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		tests[i] = (struct CMUnitTest){
			.name = rules[i].name,
			.test_func = check_rule,
			.initial_state = &rules[i],
		};
	return cmocka_run_group_tests_name("walk: reserved bits", tests, NULL, NULL);
}
