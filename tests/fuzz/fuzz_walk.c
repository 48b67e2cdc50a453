/* SPDX-License-Identifier: MIT */
/*
 * walk() (src/memory/walk.h). The input is registers, one GVA, and table entries to be put where
 * the walk of that GVA may come by:
 *
 *   u8 format, u16 choices of registers (see set_regs), u32 PKRU, u8 and u8 CR3, u64 GVA, four u16 PDPTRs,
 *   u8 access and privilege to begin with; then entries of 6 bytes and, if asked for, 8 more:
 *   u8 page, u8 which entry of it, u8 where to, u8 flags 0 to 7, u16 flags 8 to 11 and 52 to 63
 *
 * Held true, for all nine kinds of access, with and without set_ad:
 *   - walk() comes to an end and says what walk_oracle.c says: outcome, error code, a cause that is
 *     one of its causes, the path, the translation, rights and attributes;
 *   - a second walk says the same, and a path that is not asked for makes no difference;
 *   - memory has changed by exactly the A and D flags of a successful access with set_ad, and not
 *     at all in a read-only slot.
 */
#include "fuzz.h"

#include "walk_fixture.h"
#include "walk_oracle.h"

#include <stdlib.h>

#define TABLES	  8 /* pages that entries are put into; more are there, and empty */
#define ROM_GPA	  (VM_PAGES * PAGE_SIZE)
#define ROM_PAGES 2

static struct vm vm;
static uint8_t *rom;
static uint8_t before[TABLES * PAGE_SIZE], rom_before[ROM_PAGES * PAGE_SIZE];

static void set_up(void)
{
	vm_init(&vm, &pt_format_4level);
	rom = aligned_alloc(PAGE_SIZE, ROM_PAGES * PAGE_SIZE);
	assert_non_null(rom);
	assert_int_equal(gmem_add(&vm.mem, ROM_GPA, rom, ROM_PAGES * PAGE_SIZE, true, NULL), 0);
}

static void set_regs(struct fuzz_input *in)
{
	static const uint8_t maxphyaddr[] = {32, 36, 39, 40, 46, 48, 51, 52};
	static const struct pt_format *const formats[] = {&pt_format_2level, &pt_format_pae,
							  &pt_format_4level, &pt_format_5level};
	unsigned format = fuzz_u8(in);
	uint64_t c = fuzz_u16(in);
	struct walk_regs *r = &vm.regs;

	vm.format = formats[format % 4];
	*r = (struct walk_regs){
		.cr0 = CR0_PE | CR0_PG | fuzz_flag(c, 0, CR0_WP),
		.cr4 = fuzz_flag(c, 1, CR4_PSE) | fuzz_flag(c, 2, CR4_PGE) |
		       fuzz_flag(c, 3, CR4_SMEP) | fuzz_flag(c, 4, CR4_SMAP) |
		       fuzz_flag(c, 5, CR4_PKE),
		.efer = fuzz_flag(c, 6, EFER_NXE),
		.rflags = fuzz_flag(c, 7, RFLAGS_AC),
		.has_1g = c >> 8 & 1,
		.amd = c >> 9 & 1,
		.pdptrs_valid = c >> 10 & 1,
		.maxphyaddr = maxphyaddr[c >> 11 & 7],
		.pkru = fuzz_u32(in),
	};
	if (format >= 0xf8)
		r->cr0 &= ~CR0_PG;
	if (format % 4 >= 1)
		r->cr4 |= CR4_PAE;
	if (format % 4 >= 2)
		r->efer |= EFER_LME | EFER_LMA;
	if (format % 4 == 3)
		r->cr4 |= CR4_LA57;
}

/* A page of tables, of the read-only slot, or of nowhere. */
static unsigned place(unsigned n)
{
	n %= TABLES + ROM_PAGES + 1;
	return n < TABLES ? n : n - TABLES + VM_PAGES;
}

static uint64_t take_entry(struct fuzz_input *in)
{
	unsigned to = fuzz_u8(in);
	uint64_t low = fuzz_u8(in), more = fuzz_u16(in);
	uint64_t entry = low | (more & 0xf) << 8 | more >> 4 << 52;

	/* Another table, mostly; now and then any address at all. */
	if (to == 0xff)
		return entry ^ fuzz_u64(in);
	return entry | (uint64_t)place(to) << PAGE_SHIFT;
}

static void take_tables(struct fuzz_input *in, gva_t gva)
{
	memset(vm.ram, 0, TABLES * PAGE_SIZE);
	memset(rom, 0, ROM_PAGES * PAGE_SIZE);
	while (in->left) {
		unsigned page = fuzz_u8(in) % (TABLES + ROM_PAGES), which = fuzz_u8(in);
		uint64_t entry = take_entry(in);
		unsigned size = 1u << vm.format->entry_shift, index = which;
		uint8_t *table = page < TABLES ? vm.ram + page * PAGE_SIZE
					       : rom + (page - TABLES) * PAGE_SIZE;

		/* The entry that the GVA selects at a level, or one of the first. */
		if (which >= 1 && which <= vm.format->levels) {
			const struct pt_level *l = &vm.format->level[which];

			index = (unsigned)(gva >> l->shift) & ((1u << l->index_bits) - 1);
		}
		memcpy(table + index * size, &entry, size);
	}
	memcpy(before, vm.ram, sizeof(before));
	memcpy(rom_before, rom, sizeof(rom_before));
}

/* The bits of an error code that say what the access was, and what its cause must have set. */
static void check_error_code(const struct walk_query *q, const struct walk_result *r)
{
	bool present = r->cause != WALK_CAUSE_NOT_PRESENT;

	if (r->outcome != WALK_FAULT)
		return;
	CHECK_NUMBER("error code", "P", !!(r->error_code & PF_ERR_PRESENT), present);
	CHECK_NUMBER("error code", "W", !!(r->error_code & PF_ERR_WRITE), q->access == WALK_WRITE);
	CHECK_NUMBER("error code", "U", !!(r->error_code & PF_ERR_USER), q->privilege == WALK_USER);
	CHECK_NUMBER("error code", "RSVD", !!(r->error_code & PF_ERR_RESERVED),
		     r->cause == WALK_CAUSE_RESERVED_BIT);
	CHECK_TRUE("error code", q->access == WALK_FETCH || !(r->error_code & PF_ERR_FETCH));
	CHECK_TRUE("error code", r->cause != WALK_CAUSE_PKEY || r->error_code & PF_ERR_PKEY);
	CHECK_TRUE("error code", r->cause != WALK_CAUSE_READ_ONLY || q->access == WALK_WRITE);
	CHECK_TRUE("error code", r->cause != WALK_CAUSE_NO_EXECUTE || q->access == WALK_FETCH);
	CHECK_TRUE("error code",
		   r->cause != WALK_CAUSE_SUPERVISOR_PAGE || q->privilege == WALK_USER);
}

/* Puts into `before` what the access was to leave in memory. */
static void expect_flags(const struct walk_query *q, const struct oracle_answer *a)
{
	for (unsigned i = 0; a->outcome == WALK_OK && q->set_ad && i < a->count; i++) {
		if (!a->entry[i].has_accessed || a->entry[i].gpa >= ROM_GPA)
			continue;
		assert_true(a->entry[i].gpa < sizeof(before));
		before[a->entry[i].gpa] |= PTE_ACCESSED;
		if (i == a->count - 1 && q->access == WALK_WRITE)
			before[a->entry[i].gpa] |= PTE_DIRTY;
	}
}

/* PAE's top table serves as a lower one as well: the flag that the walk sets there is a reserved bit
 * in a PDPTE, and whether this walk or the next one meets it is a matter of order. */
static bool spoils_itself(const struct walk_query *q, const struct oracle_answer *a)
{
	for (unsigned i = 1; vm.format == &pt_format_pae && q->set_ad && i < a->count; i++)
		if (a->entry[i].gpa == a->entry[0].gpa)
			return true;
	return false;
}

static void compare(const struct walk_context *ctx, const struct walk_query *q)
{
	struct oracle_answer a;
	struct walk_result r, again;
	struct walk_path path;
	const char *what;

	oracle_walk(&vm.mem, &vm.regs, q, &a);
	if (spoils_itself(q, &a))
		return;
	memset(&r, 0xa5, sizeof(r));
	assert_int_equal(walk(&vm.mem, ctx, q, &r, &path), r.outcome);
	what = oracle_difference(q, &r, &path, &a);
	if (what)
		fail_msg("walk and oracle differ in %s: %s %s of %#llx: %s (%s), %#x; oracle %s, "
			 "%#x",
			 what, walk_privilege_name(q->privilege), walk_access_name(q->access),
			 (unsigned long long)q->gva, walk_outcome_name(r.outcome),
			 walk_cause_name(r.cause), r.error_code, walk_outcome_name(a.outcome),
			 a.error_code);
	check_error_code(q, &r);
	expect_flags(q, &a);
	assert_memory_equal(vm.ram, before, sizeof(before));
	assert_memory_equal(rom, rom_before, sizeof(rom_before));

	/* What the first has set, the second finds. */
	assert_int_equal(walk(&vm.mem, ctx, q, &again, NULL), r.outcome);
	CHECK_NUMBER("again", "cause", again.cause, r.cause);
	CHECK_NUMBER("again", "error code", again.error_code, r.error_code);
	CHECK_NUMBER("again", "level", again.level, r.level);
	if (r.outcome == WALK_OK)
		CHECK_NUMBER("again", "GPA", again.gpa, r.gpa);
	assert_memory_equal(vm.ram, before, sizeof(before));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = {bytes, size};
	struct walk_context ctx;
	unsigned first;
	gva_t gva;

	if (!rom)
		set_up();
	set_regs(&in);
	vm.regs.cr3 = (uint64_t)place(fuzz_u8(&in)) << PAGE_SHIFT | (uint64_t)fuzz_u8(&in) << 4;
	gva = fuzz_u64(&in);
	for (unsigned i = 0; i < 4; i++)
		vm.regs.pdptr[i] =
			(fuzz_u16(&in) ^ PTE_PRESENT) & (UINT64_C(0x3f) << PAGE_SHIFT | 1);
	first = fuzz_u8(&in);
	take_tables(&in, gva);
	walk_context_init(&ctx, &vm.regs);
	for (unsigned i = 0; i < 18; i++) {
		unsigned n = (i + first) % 9;
		struct walk_query q = {.gva = gva,
				       .access = (enum walk_access)(n % 3),
				       .privilege = (enum walk_privilege)(n / 3),
				       .set_ad = i >= 9};

		compare(&ctx, &q);
	}
	return 0;
}
