/* SPDX-License-Identifier: MIT */
/* Segment registers, descriptor tables, and the instructions that ask about selectors. */
#include "test_emulate_fixture.h"

#define GP(code) FAULT(VECTOR_GP, (code))
#define NP(code) FAULT(VECTOR_NP, (code))
#define SS(code) FAULT(VECTOR_SS, (code))
#define LOADED	 .effects = EFFECT_SEGMENTS

static void the_kernel_loads_what_its_privilege_allows(void **state)
{
	const struct row rows[] = {
		{CODE("mov ds, ax"), .rax = SEL_DATA, LOADED},
		{CODE("mov es, ax"), .rax = 0, LOADED},
		{CODE("mov fs, ax"), .rax = 3, LOADED},
		{CODE("mov gs, ax"), .rax = SEL_USER_DATA | 3, LOADED},
		{CODE("mov ds, ax"), .rax = SEL_DATA_READONLY, LOADED},
		{CODE("mov ds, ax"), .rax = SEL_CODE, LOADED},
		{CODE("mov ds, ax"), .rax = SEL_CODE_CONFORMING | 3, LOADED},
		{CODE("mov ds, ax"), .rax = UINT64_C(0x10000) | SEL_DATA, LOADED},
		{CODE("mov ds, ax"), .rax = SEL_DATA | 3, GP(SEL_DATA)},
		{CODE("mov ds, ax"), .rax = SEL_CODE_UNREADABLE, GP(SEL_CODE_UNREADABLE)},
		{CODE("mov es, ax"), .rax = SEL_TSS, GP(SEL_TSS)},
		{CODE("mov fs, ax"), .rax = SEL_DATA_ABSENT, NP(SEL_DATA_ABSENT)},
		{CODE("mov gs, ax"), .rax = SEL_BEYOND, GP(SEL_BEYOND)},
		{CODE("mov ds, ax"), .rax = LDT_DATA, GP(LDT_DATA)},
		{CODE("mov ss, ax"), .rax = SEL_DATA, LOADED},
		{CODE("mov ss, ax"), .rax = 0, LOADED},
		{CODE("mov ss, ax"), .rax = 1, GP(0)},
		{CODE("mov ss, ax"), .rax = SEL_DATA | 1, GP(SEL_DATA)},
		{CODE("mov ss, ax"), .rax = SEL_USER_DATA, GP(SEL_USER_DATA)},
		{CODE("mov ss, ax"), .rax = SEL_DATA_READONLY, GP(SEL_DATA_READONLY)},
		{CODE("mov ss, ax"), .rax = SEL_CODE, GP(SEL_CODE)},
		{CODE("mov ss, ax"), .rax = SEL_DATA_ABSENT, SS(SEL_DATA_ABSENT)},
		{CODE("mov ss, ax"), .rax = SEL_BEYOND, GP(SEL_BEYOND)},
		{CODE(".byte 0x8e, 0xc8 # mov cs, eax"), .rax = SEL_CODE,
		 FAULT(VECTOR_UD, NO_ERROR)},
		{CODE("mov ds, [rax]"), .rax = 0x900000, FAULT(VECTOR_PF, 0)},
	};
	const struct row user[] = {
		{CODE("mov ds, ax"), .rax = SEL_USER_DATA | 3, LOADED},
		{CODE("mov ds, ax"), .rax = SEL_DATA, GP(SEL_DATA)},
		{CODE("mov ds, ax"), .rax = SEL_CODE_CONFORMING, LOADED},
		{CODE("mov ds, ax"), .rax = SEL_USER_DATA_ABSENT | 3, NP(SEL_USER_DATA_ABSENT)},
		{CODE("mov ss, ax"), .rax = SEL_USER_DATA | 3, LOADED},
		{CODE("mov ss, ax"), .rax = SEL_USER_DATA, GP(SEL_USER_DATA)},
		{CODE("mov ss, ax"), .rax = 3, GP(0)},
		{CODE("mov ss, ax"), .rax = SEL_USER_DATA_ABSENT | 3, SS(SEL_USER_DATA_ABSENT)},
	};

	(void)state;
	check_rows(rows, COUNT(rows), 0, NULL);
	check_rows(user, COUNT(user), 3, NULL);
}

static void a_load_fills_the_hidden_part_and_sets_accessed(void **state)
{
	struct world *w = world_create();
	const struct virtual_segment *fs = &w->cpu.segment[VIRTUAL_FS];

	(void)state;
	w->regs.rax = SEL_DATA_FRESH;
	check_done(w, CODE("mov fs, ax"));
	assert_int_equal(fs->base, 0x12345678);
	assert_int_equal(fs->limit, UINT32_MAX);
	assert_int_equal(fs->access, 0xcf93);
	assert_int_equal(fs->selector, SEL_DATA_FRESH);
	assert_int_equal(world_u64(w, GDT_PAGE + SEL_DATA_FRESH), 0x12cf93345678ffff);
	assert_int_equal(w->exchanges, 1);
	check_done(w, CODE("mov fs, ax"));
	assert_int_equal(w->exchanges, 1);

	/* A read-only table is no harm once the bit is set, and a fault before. */
	world_set_page(w, GDT_PAGE, PAGE_P);
	check_done(w, CODE("mov fs, ax"));
	w->regs.rax = SEL_CODE_FRESH;
	check_exception(w, CODE("mov fs, ax"), VECTOR_PF, PF_ERR_PRESENT | PF_ERR_WRITE);

	check_done(w, CODE("mov ebx, fs"));
	assert_int_equal(w->regs.rbx, SEL_DATA_FRESH);
	w->regs.rax = 0;
	check_done(w, CODE("mov fs, ax"));
	assert_int_equal(fs->base, 0);
	world_destroy(w);
}

static void pop_and_far_pointers_load_segments(void **state)
{
	struct world *w = world_create();
	uint64_t rsp = w->regs.rsp;

	(void)state;
	world_put64(w, rsp, UINT64_C(0xffffffffffff0000) | SEL_USER_DATA | 3);
	check_done(w, CODE("pop gs"));
	assert_int_equal(w->regs.rsp, rsp + 8);
	assert_int_equal(w->cpu.segment[VIRTUAL_GS].selector, SEL_USER_DATA | 3);
	world_put64(w, w->regs.rsp, SEL_DATA_ABSENT);
	check_exception(w, CODE("pop fs"), VECTOR_NP, SEL_DATA_ABSENT);

	world_put64(w, DATA_PAGE, 0x1122334455667788);
	world_put64(w, DATA_PAGE + 8, SEL_USER_DATA);
	check_done(w, CODE(".byte 0x48, 0x0f, 0xb4, 0x1c, 0x25, 0, 0, 2, 0 # lfs rbx, [0x20000]"));
	assert_int_equal(w->regs.rbx, 0x1122334455667788);
	assert_int_equal(w->cpu.segment[VIRTUAL_FS].selector, SEL_USER_DATA);
	world_put64(w, DATA_PAGE, UINT64_C(0x001000000000) | 0x55667788);
	check_done(w, CODE("lss ecx, [0x20000]"));
	assert_int_equal(w->regs.rcx, 0x55667788);
	assert_int_equal(w->cpu.segment[VIRTUAL_SS].selector, 0x10);
	world_put64(w, DATA_PAGE, UINT64_C(0x02000000) | 0x7788);
	check_exception(w, CODE("lgs cx, [0x20000]"), VECTOR_GP, SEL_BEYOND);
	world_destroy(w);
}

static void swapgs_and_bases(void **state)
{
	struct world *w = world_create();

	(void)state;
	check_done(w, CODE("swapgs"));
	assert_int_equal(w->cpu.segment[VIRTUAL_GS].base, 0xffff888000001000);
	assert_int_equal(w->cpu.kernel_gs_base, DATA_PAGE);
	w->cpu.cr4 |= CR4_FSGSBASE;
	w->regs.rax = UINT64_C(0xffff888012345678);
	check_done(w, CODE("wrfsbase eax"));
	assert_int_equal(w->cpu.segment[VIRTUAL_FS].base, 0x12345678);
	check_done(w, CODE("wrgsbase rax"));
	check_done(w, CODE("rdgsbase rcx"));
	assert_int_equal(w->regs.rcx, 0xffff888012345678);
	check_done(w, CODE("rdgsbase ecx"));
	assert_int_equal(w->regs.rcx, 0x12345678);
	w->regs.rax = UINT64_C(0x800000000000);
	check_exception(w, CODE("wrgsbase rax"), VECTOR_GP, 0);
	w->cpu.cr4 |= CR4_LA57;
	check_done(w, CODE("wrgsbase rax"));
	world_destroy(w);
}

static void tables_are_loaded_and_stored(void **state)
{
	struct world *w = world_create();
	static const uint8_t image[] = {0x34, 0x12, 1, 2, 3, 4, 5, 0x80, 0xff, 0xff};

	(void)state;
	memcpy(world_at(w, DATA_PAGE), image, sizeof(image));
	check_done(w, CODE("lidt [0x20000]"));
	assert_int_equal(w->cpu.idtr.limit, 0x1234);
	assert_int_equal(w->cpu.idtr.base, 0xffff800504030201);
	check_done(w, CODE("lgdt [0x20000]"));
	assert_int_equal(w->cpu.gdtr.base, 0xffff800504030201);
	memset(world_at(w, DATA_PAGE), 0xcc, 16);
	check_done(w, CODE("sidt [0x20000]"));
	assert_memory_equal(world_at(w, DATA_PAGE), image, sizeof(image));
	assert_int_equal(*(uint8_t *)world_at(w, DATA_PAGE + 10), 0xcc);
	check_done(w, CODE("sgdt [0x20010]"));
	assert_memory_equal(world_at(w, DATA_PAGE + 16), image, sizeof(image));
	*(uint8_t *)world_at(w, DATA_PAGE + 9) = 0x7f;
	check_exception(w, CODE("lgdt [0x20000]"), VECTOR_GP, 0);
	check_exception(w, CODE("lidt [0x20000]"), VECTOR_GP, 0);
	world_set_page(w, DATA_PAGE, PAGE_P);
	check_exception(w, CODE("sgdt [0x20000]"), VECTOR_PF, PF_ERR_PRESENT | PF_ERR_WRITE);
	world_destroy(w);
}

static void umip_hides_the_tables_from_programs(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_enter_user(w);
	check_done(w, CODE("sidt [0x22000]"));
	check_done(w, CODE("str eax"));
	assert_int_equal(w->regs.rax, SEL_TSS);
	w->cpu.cr4 |= CR4_UMIP;
	check_exception(w, CODE("sidt [0x22000]"), VECTOR_GP, 0);
	check_exception(w, CODE("sgdt [0x22000]"), VECTOR_GP, 0);
	check_exception(w, CODE("sldt eax"), VECTOR_GP, 0);
	check_exception(w, CODE("str eax"), VECTOR_GP, 0);
	w->cpu.cpl = 0;
	check_done(w, CODE("sldt eax"));
	assert_int_equal(w->regs.rax, 0);
	world_destroy(w);
}

static void ltr_and_lldt_check_their_descriptors(void **state)
{
	const struct row rows[] = {
		{CODE("ltr ax"), .rax = SEL_TSS, FINE},
		{CODE("ltr ax"), .rax = 0, GP(0)},
		{CODE("ltr ax"), .rax = 3, GP(0)},
		{CODE("ltr ax"), .rax = SEL_TSS_BUSY, GP(SEL_TSS_BUSY)},
		{CODE("ltr ax"), .rax = SEL_TSS_ABSENT, NP(SEL_TSS_ABSENT)},
		{CODE("ltr ax"), .rax = SEL_DATA, GP(SEL_DATA)},
		{CODE("ltr ax"), .rax = SEL_LDT, GP(SEL_LDT)},
		{CODE("ltr ax"), .rax = SEL_BEYOND, GP(SEL_BEYOND)},
		{CODE("ltr ax"), .rax = SEL_TSS | 4, GP(SEL_TSS | 4)},
		{CODE("ltr ax"), .rax = SEL_TSS_BASE, GP(SEL_TSS_BASE)},
		{CODE("ltr ax"), .rax = SEL_TSS_TYPED, GP(SEL_TSS_TYPED)},
		{CODE("ltr ax"), .rax = SEL_TSS_CUT, GP(SEL_TSS_CUT)},
		{CODE("lldt ax"), .rax = SEL_LDT, FINE},
		{CODE("lldt ax"), .rax = 0, FINE},
		{CODE("lldt ax"), .rax = SEL_TSS, GP(SEL_TSS)},
		{CODE("lldt ax"), .rax = SEL_LDT_ABSENT, NP(SEL_LDT_ABSENT)},
		{CODE("lldt ax"), .rax = SEL_LDT | 4, GP(SEL_LDT | 4)},
	};
	struct world *w = world_create();

	(void)state;
	check_rows(rows, COUNT(rows), 0, NULL);
	w->cpu.segment[VIRTUAL_TR] = (struct virtual_segment){0};
	w->regs.rax = SEL_TSS;
	check_done(w, CODE("ltr ax"));
	assert_int_equal(w->cpu.segment[VIRTUAL_TR].base, TSS_PAGE);
	assert_int_equal(w->cpu.segment[VIRTUAL_TR].limit, 0x67);
	assert_int_equal(w->cpu.segment[VIRTUAL_TR].access, 0x8b);
	check_exception(w, CODE("ltr ax"), VECTOR_GP, SEL_TSS);
	w->regs.rax = SEL_LDT;
	check_done(w, CODE("lldt ax"));
	w->regs.rax = LDT_DATA;
	check_done(w, CODE("mov ds, ax"));
	assert_int_equal(w->cpu.segment[VIRTUAL_DS].selector, LDT_DATA);
	w->regs.rax = LDT_DATA + 32;
	check_exception(w, CODE("mov ds, ax"), VECTOR_GP, LDT_DATA + 32);
	/* A TSS in the LDT is none. */
	w->regs.rax = LDT_DATA + 8;
	check_exception(w, CODE("ltr ax"), VECTOR_GP, LDT_DATA + 8);
	/* Whatever the hidden part says, a null LDTR holds nothing. */
	w->cpu.segment[VIRTUAL_LDTR].selector = 0;
	w->regs.rax = LDT_DATA;
	check_exception(w, CODE("mov ds, ax"), VECTOR_GP, LDT_DATA);
	world_destroy(w);
}

static void selectors_can_be_asked_about(void **state)
{
	const struct {
		struct code code;
		uint16_t selector;
		unsigned cpl;
		bool zf;
		uint64_t rcx;
	} cases[] = {
		{CODE("lar ecx, eax"), SEL_CODE, 0, true, 0x00a09b00},
		{CODE("lar ecx, eax"), SEL_GATE, 0, true, 0x00008c00},
		{CODE("lsl ecx, eax"), SEL_GATE, 0, false, 7},
		{CODE("lsl ecx, eax"), SEL_TSS, 0, true, 0x67},
		{CODE("lsl ecx, eax"), SEL_DATA, 0, true, 0xffffffff},
		{CODE("lar ecx, eax"), 0, 0, false, 7},
		{CODE("lar ecx, eax"), SEL_BEYOND, 0, false, 7},
		{CODE("lar ecx, eax"), SEL_CODE, 3, false, 7},
		{CODE("lar ecx, eax"), SEL_CODE_CONFORMING, 3, true, 0x00a09f00},
		{CODE("lar ecx, eax"), SEL_DATA | 3, 0, false, 7},
		{CODE("verr ax"), SEL_CODE, 0, true, 7},
		{CODE("verr ax"), SEL_CODE_UNREADABLE, 0, false, 7},
		{CODE("verw ax"), SEL_DATA, 0, true, 7},
		{CODE("verw ax"), SEL_CODE, 0, false, 7},
		{CODE("verw ax"), SEL_DATA_READONLY, 0, false, 7},
		{CODE("verw ax"), SEL_DATA, 3, false, 7},
		{CODE("verr ax"), SEL_TSS, 0, false, 7},
	};
	struct world *w = world_create();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		w->cpu.cpl = (uint8_t)cases[i].cpl;
		w->regs.rax = cases[i].selector;
		w->regs.rcx = 7;
		w->regs.rflags ^= RFLAGS_ZF;
		check_done(w, cases[i].code);
		CHECK_NUMBER(cases[i].code.text, "ZF", !!(w->regs.rflags & RFLAGS_ZF), cases[i].zf);
		CHECK_NUMBER(cases[i].code.text, "RCX", w->regs.rcx, cases[i].rcx);
	}
	w->cpu.cpl = 0;
	w->regs.rax = SEL_DATA;
	world_set_page(w, GDT_PAGE, 0);
	check_exception(w, CODE("verr ax"), VECTOR_PF, 0);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_loads_what_its_privilege_allows),
		cmocka_unit_test(a_load_fills_the_hidden_part_and_sets_accessed),
		cmocka_unit_test(pop_and_far_pointers_load_segments),
		cmocka_unit_test(swapgs_and_bases),
		cmocka_unit_test(tables_are_loaded_and_stored),
		cmocka_unit_test(umip_hides_the_tables_from_programs),
		cmocka_unit_test(ltr_and_lldt_check_their_descriptors),
		cmocka_unit_test(selectors_can_be_asked_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
