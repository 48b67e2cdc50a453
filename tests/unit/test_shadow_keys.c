/* SPDX-License-Identifier: MIT */
/* Protection keys: a property of the views, as PKRU stands. SDM vol. 3, 4.6.2. */
#include "shadow_one.h"

#define KEY(n)	   ((uint64_t)(n) << PTE_PKEY_SHIFT)
#define ACCESS	   1u /* PKRU: no access at all, no writes */
#define WRITE	   2u
#define OF(key, b) ((b) << 2 * (key))

static void set_pkru(uint32_t pkru)
{
	m.regs.pkru = pkru;
	machine_load_keeping(&m);
}

/* The access must end as walk() says, which must be with this error code; 0: without a fault. */
static void check(unsigned c, gva_t gva, enum walk_access access, enum walk_privilege who)
{
	struct walk_query q = {.gva = gva, .access = access, .privilege = who};
	struct walk_result said, r;
	enum walk_outcome want = walk(&m.mem, &m.ctx, &q, &said, NULL);
	enum shadow_outcome got = machine_access(&m, gva, access, who, &r);

	machine_audit(&m);
	/* Keys do not count for fetches: code that may be run but not read has no entry. */
	if (access == WALK_FETCH && got == SHADOW_CANNOT && m.regs.pkru & OF(1, ACCESS))
		return;
	if (got != (want == WALK_OK ? SHADOW_FIXED : SHADOW_GUEST_FAULT))
		fail_msg("case %u, %s %s: %d", c, walk_privilege_name(who),
			 walk_access_name(access), got);
	if (got == SHADOW_GUEST_FAULT)
		CHECK_NUMBER(walk_access_name(access), "error", r.error_code, said.error_code);
}

static void keys_grant_what_walk_grants(void **state)
{
	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	for (unsigned c = 0; c < 128; c++) {
		uint64_t leaf = DATA | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | KEY(1) |
				(c & 1 ? PTE_WRITE : 0) | (c & 2 ? PTE_USER : 0);

		m.regs.cr0 = CR0_PE | CR0_PG | (c & 4 ? CR0_WP : 0);
		m.regs.cr4 = CR4_PAE | (c & 8 ? CR4_PKE : 0) | (c & 16 ? CR4_SMEP : 0);
		machine_map(&m, LOW, 1, leaf, TABLE);
		machine_map(&m, 2 * LOW, 2, leaf | PTE_PS, TABLE);
		set_pkru(OF(1, c >> 5));
		for (int a = WALK_READ; a <= WALK_FETCH; a++)
			for (int w = WALK_USER; w <= WALK_SUPERVISOR; w++) {
				check(c, LOW, (enum walk_access)a, (enum walk_privilege)w);
				check(c, 2 * LOW, (enum walk_access)a, (enum walk_privilege)w);
			}
		machine_store(&m, machine_entry(&m, LOW, 1), 0);
		machine_store(&m, machine_entry(&m, 2 * LOW, 2), 0);
	}
	machine_fini(&m);
}

/* WRPKRU changes no entry and flushes nothing, and yet each way of looking has its own entries. */
static void a_change_of_pkru_counts_at_once(void **state)
{
	unsigned faults;

	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		machine_init(&m, strategy, &pt_format_4level, 64);
		m.has_tlb = true;
		m.regs.cr4 |= CR4_PKE;
		machine_map(&m, LOW, 1, DATA | PAGE | KEY(5), TABLE);
		machine_map(&m, LOW + PAGE_SIZE, 1, (DATA + PAGE_SIZE) | PAGE | KEY(6), TABLE);
		set_pkru(0);
		reach(LOW, WALK_WRITE, WALK_USER);
		set_pkru(OF(5, WRITE));
		expect(LOW, WALK_WRITE, WALK_USER, SHADOW_GUEST_FAULT);
		expect(LOW, WALK_WRITE, WALK_SUPERVISOR, SHADOW_GUEST_FAULT);
		reach(LOW, WALK_READ, WALK_USER);
		reach(LOW + PAGE_SIZE, WALK_WRITE, WALK_USER);
		set_pkru(OF(5, ACCESS));
		expect(LOW, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
		expect(LOW, WALK_READ, WALK_SUPERVISOR, SHADOW_GUEST_FAULT);
		reach(LOW + PAGE_SIZE, WALK_WRITE, WALK_USER);
		faults = m.faults;
		set_pkru(0);
		reach(LOW, WALK_WRITE, WALK_USER);
		/* Where roots are kept, the first way of looking is there still. */
		assert_true(strategy == SHADOW_VTLB || m.faults == faults);
		machine_fini(&m);
	}
}

/* More values of PKRU than modes are kept. */
static void any_number_of_values_comes_through(void **state)
{
	(void)state;
	FOR_EACH_STRATEGY(strategy)
	{
		/* With room for more roots than modes. */
		machine_init(&m, strategy, &pt_format_4level, 256);
		m.regs.cr4 |= CR4_PKE;
		machine_map(&m, LOW, 1, DATA | PAGE | KEY(3), TABLE);
		for (unsigned i = 0; i < 64; i++) {
			/* So that the sixteenth after each grants something else. */
			unsigned n = (i + i / 16 * 4) % 64;

			set_pkru(n << 4);
			expect(LOW, WALK_WRITE, WALK_USER,
			       n >> 2 & 3 ? SHADOW_GUEST_FAULT : SHADOW_FIXED);
		}
		machine_fini(&m);
	}
}

static void keys_are_nothing_without_pke(void **state)
{
	(void)state;
	machine_init(&m, SHADOW_WP, &pt_format_4level, 64);
	machine_map(&m, LOW, 1, DATA | PAGE | KEY(15), TABLE);
	set_pkru(UINT32_MAX);
	reach(LOW, WALK_WRITE, WALK_USER);
	m.regs.cr4 |= CR4_PKE;
	machine_load(&m);
	machine_flush_all(&m);
	expect(LOW, WALK_READ, WALK_USER, SHADOW_GUEST_FAULT);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_grant_what_walk_grants),
		cmocka_unit_test(a_change_of_pkru_counts_at_once),
		cmocka_unit_test(any_number_of_values_comes_through),
		cmocka_unit_test(keys_are_nothing_without_pke),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
