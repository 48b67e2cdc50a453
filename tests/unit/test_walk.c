/* SPDX-License-Identifier: MIT */
/*
 * Who may do what with a page: access rights, and the exact error code, cause and level of each
 * fault, a row for each promise. Formats are test_walk_format.c's, flags test_walk_ad.c's.
 */
#include "walk_fixture.h"

#define GVA  UINT64_C(0x12345678)
#define GPA  UINT64_C(0x7654321000)

#define P    PTE_PRESENT
#define W    PTE_WRITE
#define U    PTE_USER
#define NX   PTE_NX
#define KEY5 (UINT64_C(5) << PTE_PKEY_SHIFT)

/* One promise. The page is 4 KiB under 4-level tables unless said otherwise. */
struct promise {
	const char *name;
	uint64_t upper, leaf; /* flags, besides PTE_PRESENT, of the top entry and of the leaf */
	uint64_t cr4, rflags; /* bits set besides the fixture's */
	uint64_t cr0_off, efer_off;
	const struct pt_format *format;
	uint32_t pkru;
	enum walk_privilege who;
	enum walk_access access;
	enum walk_cause cause; /* NONE: the access succeeds */
	uint32_t error_code;
	unsigned level;
};

#define USER_READ   .who = WALK_USER, .access = WALK_READ
#define USER_WRITE  .who = WALK_USER, .access = WALK_WRITE
#define USER_FETCH  .who = WALK_USER, .access = WALK_FETCH
#define SUPER_READ  .who = WALK_SUPERVISOR, .access = WALK_READ
#define SUPER_WRITE .who = WALK_SUPERVISOR, .access = WALK_WRITE
#define SUPER_FETCH .who = WALK_SUPERVISOR, .access = WALK_FETCH
#define IMPL_READ   .who = WALK_IMPLICIT, .access = WALK_READ
#define IMPL_WRITE  .who = WALK_IMPLICIT, .access = WALK_WRITE

#define FAULTS(why, bits, at) \
	.cause = WALK_CAUSE_##why, .error_code = PF_ERR_PRESENT | (bits), .level = (at)

/* clang-format off */
static struct promise promises[] = {
	/* R/W, U/S and CR0.WP */
	{"a user may read a user page", W|U, U, USER_READ},
	{"a user may write a writable user page", W|U, W|U, USER_WRITE},
	{"a user may fetch from a user page", W|U, U, USER_FETCH},
	{"a user may not read a supervisor page", W|U, W, USER_READ,
	 FAULTS(SUPERVISOR_PAGE, PF_ERR_USER, 1)},
	{"a user may not write a supervisor page", W|U, W, USER_WRITE,
	 FAULTS(SUPERVISOR_PAGE, PF_ERR_USER | PF_ERR_WRITE, 1)},
	{"a user may not fetch from a supervisor page", W|U, W, USER_FETCH,
	 FAULTS(SUPERVISOR_PAGE, PF_ERR_USER | PF_ERR_FETCH, 1)},
	{"a supervisor entry at the top keeps users out of user leaves", W, W|U, USER_READ,
	 FAULTS(SUPERVISOR_PAGE, PF_ERR_USER, 4)},
	{"that a page is a supervisor's is told before that it is read-only", W|U, 0, USER_WRITE,
	 FAULTS(SUPERVISOR_PAGE, PF_ERR_USER | PF_ERR_WRITE, 1)},
	{"a user may not write a read-only page", W|U, U, USER_WRITE,
	 FAULTS(READ_ONLY, PF_ERR_USER | PF_ERR_WRITE, 1)},
	{"a read-only entry at the top takes writing from every leaf", U, W|U, USER_WRITE,
	 FAULTS(READ_ONLY, PF_ERR_USER | PF_ERR_WRITE, 4)},
	{"CR0.WP=0 gives a user nothing", W|U, U, .cr0_off = CR0_WP, USER_WRITE,
	 FAULTS(READ_ONLY, PF_ERR_USER | PF_ERR_WRITE, 1)},
	{"a supervisor may read a supervisor page", W|U, 0, SUPER_READ},
	{"a supervisor may write a writable page", W|U, W, SUPER_WRITE},
	{"CR0.WP keeps a supervisor from writing a read-only page", W|U, 0, SUPER_WRITE,
	 FAULTS(READ_ONLY, PF_ERR_WRITE, 1)},
	{"CR0.WP=0 lets a supervisor write a read-only page", W|U, 0, .cr0_off = CR0_WP, SUPER_WRITE},
	{"CR0.WP=0 lets a supervisor write a read-only user page", 0, U, .cr0_off = CR0_WP, SUPER_WRITE},
	{"an implicit access is a supervisor's", W|U, 0, IMPL_READ},
	{"CR0.WP keeps an implicit write from a read-only page", W|U, 0, IMPL_WRITE,
	 FAULTS(READ_ONLY, PF_ERR_WRITE, 1)},

	/* NX, and when the error code says "fetch" */
	{"NX stops a user's fetch", W|U, U|NX, USER_FETCH,
	 FAULTS(NO_EXECUTE, PF_ERR_USER | PF_ERR_FETCH, 1)},
	{"NX stops a supervisor's fetch", W|U, NX, SUPER_FETCH, FAULTS(NO_EXECUTE, PF_ERR_FETCH, 1)},
	{"NX at the top stops fetches from every leaf", W|U|NX, U, USER_FETCH,
	 FAULTS(NO_EXECUTE, PF_ERR_USER | PF_ERR_FETCH, 4)},
	{"NX stops no read", W|U|NX, U|NX, USER_READ},
	{"NX stops no write", W|U|NX, W|U|NX, USER_WRITE},
	{"without NXE and SMEP a fetch is reported as a read", W|U, 0, .efer_off = EFER_NXE, USER_FETCH,
	 FAULTS(SUPERVISOR_PAGE, PF_ERR_USER, 1)},
	{"SMEP alone makes the error code tell a fetch", W|U, 0, .cr4 = CR4_SMEP, .efer_off = EFER_NXE,
	 USER_FETCH, FAULTS(SUPERVISOR_PAGE, PF_ERR_USER | PF_ERR_FETCH, 1)},
	{"2-level paging has no NX, so NXE does not make the error code tell a fetch", W|U, 0,
	 .format = &pt_format_2level, USER_FETCH, FAULTS(SUPERVISOR_PAGE, PF_ERR_USER, 1)},
	{"2-level paging tells a fetch under SMEP", W|U, 0, .format = &pt_format_2level,
	 .cr4 = CR4_SMEP, USER_FETCH, FAULTS(SUPERVISOR_PAGE, PF_ERR_USER | PF_ERR_FETCH, 1)},

	/* SMEP */
	{"without SMEP a supervisor may fetch from a user page", W|U, U, SUPER_FETCH},
	{"SMEP stops a supervisor's fetch from a user page", W|U, U, .cr4 = CR4_SMEP, SUPER_FETCH,
	 FAULTS(SMEP, PF_ERR_FETCH, 1)},
	{"SMEP is told before NX", W|U, U|NX, .cr4 = CR4_SMEP, SUPER_FETCH,
	 FAULTS(SMEP, PF_ERR_FETCH, 1)},
	{"SMEP spares pages that one level makes a supervisor's", W, U, .cr4 = CR4_SMEP, SUPER_FETCH},
	{"SMEP stops no user", W|U, U, .cr4 = CR4_SMEP, USER_FETCH},
	{"SMEP stops no read", W|U, U, .cr4 = CR4_SMEP, SUPER_READ},
	{"AC does not open SMEP", W|U, U, .cr4 = CR4_SMEP, .rflags = RFLAGS_AC, SUPER_FETCH,
	 FAULTS(SMEP, PF_ERR_FETCH, 1)},
	{"SMEP holds under PAE", W|U, U, .format = &pt_format_pae, .cr4 = CR4_SMEP, SUPER_FETCH,
	 FAULTS(SMEP, PF_ERR_FETCH, 1)},
	{"SMEP holds under 2-level paging", W|U, U, .format = &pt_format_2level, .cr4 = CR4_SMEP,
	 SUPER_FETCH, FAULTS(SMEP, PF_ERR_FETCH, 1)},

	/* SMAP */
	{"without SMAP a supervisor may read a user page", W|U, U, SUPER_READ},
	{"SMAP stops a supervisor's read of a user page", W|U, U, .cr4 = CR4_SMAP, SUPER_READ,
	 FAULTS(SMAP, 0, 1)},
	{"SMAP stops a supervisor's write to a user page", W|U, W|U, .cr4 = CR4_SMAP, SUPER_WRITE,
	 FAULTS(SMAP, PF_ERR_WRITE, 1)},
	{"SMAP stops a supervisor's write even with CR0.WP=0", W|U, W|U, .cr4 = CR4_SMAP,
	 .cr0_off = CR0_WP, SUPER_WRITE, FAULTS(SMAP, PF_ERR_WRITE, 1)},
	{"SMAP is told before that the page is read-only", W|U, U, .cr4 = CR4_SMAP, SUPER_WRITE,
	 FAULTS(SMAP, PF_ERR_WRITE, 1)},
	{"AC opens SMAP for a supervisor's read", W|U, U, .cr4 = CR4_SMAP, .rflags = RFLAGS_AC,
	 SUPER_READ},
	{"AC opens SMAP for a supervisor's write", W|U, W|U, .cr4 = CR4_SMAP, .rflags = RFLAGS_AC,
	 SUPER_WRITE},
	{"AC does not open read-only pages", W|U, U, .cr4 = CR4_SMAP, .rflags = RFLAGS_AC, SUPER_WRITE,
	 FAULTS(READ_ONLY, PF_ERR_WRITE, 1)},
	{"AC does not open SMAP for an implicit read", W|U, U, .cr4 = CR4_SMAP, .rflags = RFLAGS_AC,
	 IMPL_READ, FAULTS(SMAP, 0, 1)},
	{"AC does not open SMAP for an implicit write", W|U, W|U, .cr4 = CR4_SMAP,
	 .rflags = RFLAGS_AC, IMPL_WRITE, FAULTS(SMAP, PF_ERR_WRITE, 1)},
	{"SMAP stops no user", W|U, U, .cr4 = CR4_SMAP, USER_READ},
	{"SMAP stops no fetch", W|U, U, .cr4 = CR4_SMAP, SUPER_FETCH},
	{"SMAP spares pages that one level makes a supervisor's", W, U, .cr4 = CR4_SMAP, SUPER_READ},
	{"SMAP holds under 2-level paging", W|U, U, .format = &pt_format_2level, .cr4 = CR4_SMAP,
	 SUPER_READ, FAULTS(SMAP, 0, 1)},

	/* Protection keys */
	{"without PKE the key's bits mean nothing", W|U, U|KEY5, .pkru = PKRU_AD(5), USER_READ},
	{"a key that is not disabled forbids nothing", W|U, W|U|KEY5, .cr4 = CR4_PKE,
	 .pkru = ~(PKRU_AD(5) | PKRU_WD(5)), USER_WRITE},
	{"AD stops a user's read", W|U, U|KEY5, .cr4 = CR4_PKE, .pkru = PKRU_AD(5), USER_READ,
	 FAULTS(PKEY, PF_ERR_USER | PF_ERR_PKEY, 1)},
	{"AD stops a supervisor's read of a user page", W|U, U|KEY5, .cr4 = CR4_PKE,
	 .pkru = PKRU_AD(5), SUPER_READ, FAULTS(PKEY, PF_ERR_PKEY, 1)},
	{"AD stops a supervisor's write even with CR0.WP=0", W|U, U|KEY5, .cr4 = CR4_PKE,
	 .cr0_off = CR0_WP, .pkru = PKRU_AD(5), SUPER_WRITE,
	 FAULTS(PKEY, PF_ERR_WRITE | PF_ERR_PKEY, 1)},
	{"AD stops no fetch", W|U, U|KEY5, .cr4 = CR4_PKE, .pkru = PKRU_AD(5), USER_FETCH},
	{"WD stops no read", W|U, W|U|KEY5, .cr4 = CR4_PKE, .pkru = PKRU_WD(5), USER_READ},
	{"WD stops a user's write", W|U, W|U|KEY5, .cr4 = CR4_PKE, .pkru = PKRU_WD(5), USER_WRITE,
	 FAULTS(PKEY, PF_ERR_USER | PF_ERR_WRITE | PF_ERR_PKEY, 1)},
	{"WD stops a user's write even with CR0.WP=0", W|U, W|U|KEY5, .cr4 = CR4_PKE,
	 .cr0_off = CR0_WP, .pkru = PKRU_WD(5), USER_WRITE,
	 FAULTS(PKEY, PF_ERR_USER | PF_ERR_WRITE | PF_ERR_PKEY, 1)},
	{"WD stops a supervisor's write under CR0.WP", W|U, W|U|KEY5, .cr4 = CR4_PKE,
	 .pkru = PKRU_WD(5), SUPER_WRITE, FAULTS(PKEY, PF_ERR_WRITE | PF_ERR_PKEY, 1)},
	{"CR0.WP=0 lets a supervisor write past WD", W|U, W|U|KEY5, .cr4 = CR4_PKE,
	 .cr0_off = CR0_WP, .pkru = PKRU_WD(5), SUPER_WRITE},
	{"keys do not guard supervisor pages", W|U, W|KEY5, .cr4 = CR4_PKE, .pkru = ~0u, SUPER_WRITE},
	{"a user's fault on a supervisor page has no PK", W|U, W|KEY5, .cr4 = CR4_PKE, .pkru = ~0u,
	 USER_READ, FAULTS(SUPERVISOR_PAGE, PF_ERR_USER, 1)},
	{"PK is told along with a read-only page", W|U, U|KEY5, .cr4 = CR4_PKE, .pkru = PKRU_WD(5),
	 USER_WRITE, FAULTS(READ_ONLY, PF_ERR_USER | PF_ERR_WRITE | PF_ERR_PKEY, 1)},
	{"PK is told along with SMAP", W|U, U|KEY5, .cr4 = CR4_PKE | CR4_SMAP, .pkru = PKRU_AD(5),
	 SUPER_READ, FAULTS(SMAP, PF_ERR_PKEY, 1)},
	{"AC opens SMAP but no key", W|U, U|KEY5, .cr4 = CR4_PKE | CR4_SMAP, .rflags = RFLAGS_AC,
	 .pkru = PKRU_AD(5), SUPER_READ, FAULTS(PKEY, PF_ERR_PKEY, 1)},
	{"keys hold under 5-level paging", W|U, U|KEY5, .format = &pt_format_5level, .cr4 = CR4_PKE,
	 .pkru = PKRU_AD(5), USER_READ, FAULTS(PKEY, PF_ERR_USER | PF_ERR_PKEY, 1)},
	{"PAE has no keys: key 0's AD stops nothing", W|U, U, .format = &pt_format_pae,
	 .cr4 = CR4_PKE, .pkru = ~0u, USER_READ},
};
/* clang-format on */

static void check_promise(void **state)
{
	const struct promise *p = *state;
	struct walk_query q = {.gva = GVA, .access = p->access, .privilege = p->who};
	bool ok = p->cause == WALK_CAUSE_NONE;
	struct walk_result r;
	struct vm vm;

	vm_init(&vm, p->format ? p->format : &pt_format_4level);
	vm.regs.cr0 &= ~p->cr0_off;
	vm.regs.cr4 |= p->cr4;
	vm.regs.efer &= ~p->efer_off;
	vm.regs.rflags |= p->rflags;
	vm.regs.pkru = p->pkru;
	vm_map(&vm, GVA, 1, (GPA & vm.format->address) | p->leaf | P, VM_UPPER);
	if (vm.format != &pt_format_pae)
		vm_set(&vm, GVA, vm.format->levels,
		       (vm_get(&vm, GVA, vm.format->levels) & ~VM_UPPER) | p->upper | P);
	vm_walk(&vm, &q, &r, NULL);
	expect_end(&q, &r, ok ? WALK_OK : WALK_FAULT, p->cause, p->error_code, p->level);
	assert_int_equal(r.entry, vm_entry_gpa(&vm, GVA, r.level));
	if (ok) {
		assert_int_equal(r.gpa, (GPA & vm.format->address) | 0x678);
		assert_int_equal(r.writable, (p->upper & p->leaf & W) != 0);
		assert_int_equal(r.user, (p->upper & p->leaf & U) != 0);
		assert_int_equal(r.nx, ((p->upper | p->leaf) & NX) != 0);
	}
	vm_fini(&vm);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(promises) / sizeof(promises[0])];

	for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++)
		tests[i] = (struct CMUnitTest){
			.name = promises[i].name,
			.test_func = check_promise,
			.initial_state = &promises[i],
		};
	return cmocka_run_group_tests_name("walk: access rights", tests, NULL, NULL);
}
