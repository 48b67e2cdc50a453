/* SPDX-License-Identifier: MIT */
/* Guests whose page tables are as nobody should make them. */
#include "hostile_check.h"
#include "machine/groups.h"

#define SELF	UINT64_C(0x640000000000) /* entry 200 of the top table */
#define SELF_4	(SELF | UINT64_C(200) << 30 | UINT64_C(200) << 21 | UINT64_C(200) << 12)
#define NOWHERE "d0000000"
#define BIT_51	"8000000000000"
#define PF	14
#define GP	13

/* #PF of the kernel's read, write and fetch and of the user's read and write, in a reserved bit. */
#define RESERVED(gva)                                                            \
	{                                                                        \
		{PF, 0x9, gva}, {PF, 0xb, gva}, {PF, 0x19, gva}, {PF, 0xd, gva}, \
		{                                                                \
			PF, 0xf, gva                                             \
		}                                                                \
	}

static const struct CMUnitTest tests[] = {
	HOSTILE_TEST(a_top_table_may_map_itself, .words = "self-pml4", .trap = {{PF, 0, SELF_4}},
		     .traps = 1, .value = {16, 0x101, 16}, .values = 3),
	HOSTILE_TEST(a_pdpt_may_be_its_own_pd, .words = "self-pdpt", .value = {16}, .values = 1),
	HOSTILE_TEST(a_pd_may_be_its_own_table, .words = "self-pd", .value = {16, 0x101},
		     .values = 2),
	HOSTILE_TEST(a_table_may_be_its_own_page, .words = "self-pt", .value = {16, 0x102},
		     .values = 2),
	HOSTILE_TEST(one_page_may_be_the_table_of_every_level, .words = "one-page-for-all",
		     .trap = {{PF, 0, SELF | 6 << 21 | 7 << 12}}, .traps = 1, .value = {1},
		     .values = 1),
	HOSTILE_TEST(tables_may_be_written_through_a_large_page_and_two_aliases, .words = "aliases",
		     .value = {16, 16, 16}, .values = 3),
	HOSTILE_TEST(rights_and_dirty_bits_follow_the_guest_s_entry, .words = "rights-flip",
		     .trap = {{PF, 3, HOSTILE_PAGE(12)}, {PF, 3, HOSTILE_PAGE(12)}}, .traps = 2,
		     .value = {0x60, 0x60, 0x60}, .values = 3),

	HOSTILE_TEST(a_page_of_the_vmm_area_cannot_be_read, .words = "leaf-read AREA",
		     .end = PN_END_DIED, .says = "in no memory slot", .hw = HW_END),
	HOSTILE_TEST(a_page_of_the_vmm_area_cannot_be_written, .words = "leaf-write AREA",
		     .end = PN_END_DIED, .says = "in no memory slot", .hw = HW_END),
	HOSTILE_TEST(a_page_of_the_vmm_area_cannot_be_executed, .words = "leaf-jump AREA",
		     .end = PN_END_DIED, .says = "in no memory slot", .hw = HW_END),
	HOSTILE_TEST(a_page_table_in_the_vmm_area_is_none, .words = "table-at AREA 1",
		     .end = PN_END_DIED, .says = "outside every memory slot", .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_pd_in_the_vmm_area_is_none, .words = "table-at AREA 2", .end = PN_END_DIED,
		     .says = "outside every memory slot", .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_pdpt_in_the_vmm_area_is_none, .words = "table-at AREA 3", .end = PN_END_DIED,
		     .says = "outside every memory slot", .hw = HW_NOT_RUN),
	HOSTILE_TEST(a_page_in_no_slot_ends_the_run_with_its_gpa, .words = "leaf-read " NOWHERE,
		     .end = PN_END_DIED, .says = "0x" NOWHERE, .hw = HW_END),
	HOSTILE_TEST(a_table_in_no_slot_ends_the_run_with_its_gpa,
		     .words = "table-at " NOWHERE " 1", .end = PN_END_DIED, .says = "0x" NOWHERE,
		     .hw = HW_NOT_RUN),
	HOSTILE_TEST(the_monitor_s_slot_is_not_the_guest_s, .words = "slot-256", .end = PN_END_DIED,
		     .says = "which shadow mode cannot give", .hw = HW_NOT_RUN),

	HOSTILE_TEST(cr3_past_maxphyaddr_is_a_gp, .words = "cr3 WIDE", .differs = ON_QEMU,
		     .trap = {{GP, 0, 0}}, .traps = 1, .value = {0x106}, .values = 1),
	HOSTILE_TEST(cr3_to_no_slot_ends_the_run_with_its_gpa, .words = "cr3 " NOWHERE,
		     .end = PN_END_DIED, .says = "0xd00000", .hw = HW_NOT_RUN),
	HOSTILE_TEST(cr3_to_the_vmm_area_ends_the_run, .words = "cr3 AREA", .end = PN_END_DIED,
		     .says = "outside every memory slot", .hw = HW_NOT_RUN),
	HOSTILE_TEST(cr3_to_zeros_is_a_triple_fault, .words = "cr3-to-rubbish 0",
		     .end = PN_END_DIED, .says = "triple fault"),
	HOSTILE_TEST(cr3_to_ones_is_a_triple_fault, .words = "cr3-to-rubbish 1", .end = PN_END_DIED,
		     .says = "triple fault"),
	/* A kernel that shadows stays in itself over this one, or gives up (docs/hosts.md). */
	HOSTILE_TEST(cr3_to_a_page_of_links_to_itself_is_a_triple_fault,
		     .words = "cr3-to-rubbish 2", .hw = HW_NOT_RUN, .end = PN_END_DIED,
		     .says = "triple fault"),

	HOSTILE_TEST(a_reserved_bit_in_a_pte_is_a_reserved_fault, .words = "reserved 1 " BIT_51,
		     .trap = RESERVED(HOSTILE_PAGE(20)), .traps = 5),
	HOSTILE_TEST(a_reserved_bit_in_a_pde_is_a_reserved_fault, .words = "reserved 2 " BIT_51,
		     .trap = RESERVED(HOSTILE_WINDOW + 0x800000), .traps = 5),
	HOSTILE_TEST(a_reserved_bit_in_a_large_pde_is_a_reserved_fault, .words = "reserved 2 2080",
		     .trap = RESERVED(HOSTILE_WINDOW + 0x800000), .traps = 5),
	HOSTILE_TEST(a_reserved_bit_in_a_pdpte_is_a_reserved_fault, .words = "reserved 3 " BIT_51,
		     .trap = RESERVED(HOSTILE_WINDOW + 0xc0000000), .traps = 5),
	HOSTILE_TEST(a_reserved_bit_in_a_large_pdpte_is_a_reserved_fault,
		     .words = "reserved 3 2080", .trap = RESERVED(HOSTILE_WINDOW + 0xc0000000),
		     .traps = 5),
	HOSTILE_TEST(a_reserved_bit_in_a_pml4e_is_a_reserved_fault, .words = "reserved 4 " BIT_51,
		     .trap = RESERVED(SELF), .traps = 5),
	HOSTILE_TEST(ps_in_a_pml4e_is_a_reserved_fault, .words = "reserved 4 80",
		     .trap = RESERVED(SELF), .traps = 5),
};

GROUP_OF(hostile, tests);
