/* SPDX-License-Identifier: MIT */
/* Exception delivery through the guest's IDT. */
#include "test_emulate_fixture.h"

#define PF(address, code) \
	((struct exception){VECTOR_PF, .has_error = true, .error = (code), .cr2 = (address)})
#define GP(code)       ((struct exception){VECTOR_GP, .has_error = true, .error = (code)})
#define PLAIN(v)       ((struct exception){.vector = (v)})
#define INTERRUPT_GATE 14
#define TRAP_GATE      15

static void a_page_fault_of_a_program_arrives_on_rsp0(void **state)
{
	struct world *w = world_create();
	const uint64_t frame[] = {
		6,
		RIP_START,
		SEL_USER_CODE | 3,
		RFLAGS_FIXED | RFLAGS_IF | RFLAGS_CF | RFLAGS_AC | RFLAGS_RF,
		USER_STACK_TOP - 0x100,
		SEL_USER_DATA | 3,
	};

	(void)state;
	world_enter_user(w);
	w->regs.rflags |= RFLAGS_CF | RFLAGS_AC;
	deliver(w, PF(0x1234000, 6), false);
	check_frame(w, VECTOR_PF, frame, 6);
	assert_int_equal(w->regs.rsp, RSP0_TOP - 48);
	assert_int_equal(w->cpu.cr2, 0x1234000);
	assert_int_equal(w->cpu.cpl, 0);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].selector, SEL_CODE);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].access, 0xaf9b);
	assert_int_equal(w->cpu.segment[VIRTUAL_SS].selector, 0);
	assert_false(w->cpu.interrupts);
	assert_false(w->cpu.ac);
	assert_int_equal(w->regs.rflags, RFLAGS_FIXED | RFLAGS_IF | RFLAGS_CF);
	assert_int_equal(w->e.effects, EFFECT_SEGMENTS | EFFECT_PRIVILEGE);
	assert_int_equal(w->e.exception.vector, VECTOR_PF);
	world_destroy(w);
}

static void a_fault_of_the_kernel_stays_on_its_stack(void **state)
{
	struct world *w = world_create();
	const uint64_t frame[] = {RIP_START, SEL_CODE, RFLAGS_FIXED | RFLAGS_RF | RFLAGS_IOPL,
				  STACK_TOP - 0x103, SEL_DATA};

	(void)state;
	w->regs.rsp = STACK_TOP - 0x103;
	w->cpu.interrupts = false;
	w->cpu.iopl = 3;
	deliver(w, PLAIN(VECTOR_UD), false);
	check_frame(w, VECTOR_UD, frame, 5);
	assert_int_equal(w->regs.rsp, STACK_TOP - 0x110 - 40);
	assert_int_equal(w->cpu.segment[VIRTUAL_SS].selector, SEL_DATA);
	assert_int_equal(w->e.effects, EFFECT_SEGMENTS);
	assert_int_equal(w->cpu.iopl, 3);
	world_destroy(w);
}

static void ist_is_taken_at_any_privilege(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_gate(w, VECTOR_GP, INTERRUPT_GATE, 0, 1, SEL_CODE, HANDLER);
	deliver(w, GP(0), false);
	assert_int_equal(w->regs.rsp, IST_TOP - 48);
	assert_int_equal(w->cpu.segment[VIRTUAL_SS].selector, SEL_DATA);
	world_put64(w, TSS_PAGE + 36 + 6 * 8, DATA_PAGE + 0x1008);
	world_gate(w, VECTOR_GP, INTERRUPT_GATE, 0, 7, SEL_CODE, HANDLER);
	world_enter_user(w);
	deliver(w, GP(0), false);
	assert_int_equal(w->regs.rsp, DATA_PAGE + 0x1000 - 48);
	world_destroy(w);
}

static void the_gate_decides_about_if_and_delivery_about_the_rest(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_gate(w, VECTOR_UD, TRAP_GATE, 0, 0, SEL_CODE | 3, HANDLER + VECTOR_UD * 16);
	w->regs.rflags |= RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_DF;
	w->cpu.ac = true;
	deliver(w, PLAIN(VECTOR_UD), false);
	assert_true(w->cpu.interrupts);
	assert_int_equal(w->regs.rflags, RFLAGS_FIXED | RFLAGS_IF | RFLAGS_DF);
	assert_false(w->cpu.ac);
	assert_true(w->e.effects & EFFECT_PRIVILEGE);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].selector, SEL_CODE);
	assert_int_equal(world_u64(w, w->regs.rsp + 16), RFLAGS_FIXED | RFLAGS_IF | RFLAGS_DF |
								 RFLAGS_TF | RFLAGS_NT | RFLAGS_RF |
								 RFLAGS_AC);
	world_destroy(w);
}

static void only_faults_push_rf(void **state)
{
	static const struct {
		unsigned vector;
		bool software, rf;
	} cases[] = {
		{VECTOR_UD, false, true}, {VECTOR_DE, false, true}, {VECTOR_DB, false, false},
		{VECTOR_BP, true, false}, {VECTOR_OF, true, false}, {VECTOR_MC, false, false},
		{0x80, true, false},	  {VECTOR_AC, false, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world *w = world_create();

		w->regs.rflags |= RFLAGS_RF;
		deliver(w, PLAIN((uint8_t)cases[i].vector), cases[i].software);
		CHECK_NUMBER("RF", "pushed", !!(world_u64(w, w->regs.rsp + 16) & RFLAGS_RF),
			     cases[i].rf);
		world_destroy(w);
	}
}

static void a_conforming_handler_keeps_the_privilege(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_enter_user(w);
	world_gate(w, VECTOR_UD, INTERRUPT_GATE, 0, 0, SEL_CODE_CONFORMING, HANDLER);
	w->regs.rflags |= RFLAGS_AC;
	deliver(w, PLAIN(VECTOR_UD), false);
	assert_int_equal(w->cpu.cpl, 3);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].selector, SEL_CODE_CONFORMING | 3);
	assert_int_equal(w->regs.rsp, USER_STACK_TOP - 0x100 - 40);
	assert_int_equal(w->cpu.segment[VIRTUAL_SS].selector, SEL_USER_DATA | 3);
	assert_true(w->regs.rflags & RFLAGS_AC);
	/* Its frame goes where a program may write. */
	w->regs.rsp = STACK_TOP;
	deliver(w, PLAIN(VECTOR_UD), false);
	assert_int_equal(w->e.exception.vector, VECTOR_PF);
	assert_int_equal(w->e.exception.error, PF_ERR_PRESENT | PF_ERR_WRITE | PF_ERR_USER);
	world_destroy(w);
}

static void a_debug_exception_clears_gd(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->cpu.dr[7] |= 0x2000;
	deliver(w, PLAIN(VECTOR_DB), false);
	assert_int_equal(w->cpu.dr[7], 0x400);
	assert_true(w->e.effects & EFFECT_DEBUG);
	world_destroy(w);
}

static void the_dpl_of_a_gate_counts_for_software_only(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_enter_user(w);
	deliver(w, PLAIN(0x80), true);
	assert_int_equal(w->regs.rip, HANDLER + 0x80 * 16);
	world_enter_user(w);
	deliver(w, PLAIN(0x81), true);
	assert_int_equal(w->e.exception.vector, VECTOR_GP);
	assert_int_equal(w->e.exception.error, 0x81 * 8 + 2);
	world_enter_user(w);
	deliver(w, PLAIN(0x81), false);
	assert_int_equal(w->regs.rip, HANDLER + 0x81 * 16);
	world_destroy(w);
}

static void descriptors_are_read_as_the_processor_does(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_gate(w, 6, INTERRUPT_GATE, 0, 0, SEL_CODE_FRESH, HANDLER);
	/* Under SMAP, with the tables in user pages: implicit accesses fault whatever AC says. */
	w->cpu.cr4 |= CR4_SMAP;
	w->cpu.ac = true;
	deliver(w, PLAIN(VECTOR_UD), false);
	assert_int_equal(world_u64(w, GDT_PAGE + SEL_CODE_FRESH), 0x00af9b000000ffff);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].access, 0xaf9b);
	world_set_page(w, TSS_PAGE, PAGE_P | PAGE_W | PAGE_U);
	world_gate(w, 6, INTERRUPT_GATE, 0, 2, SEL_CODE_FRESH, HANDLER);
	w->cpu.ac = true;
	deliver(w, PLAIN(VECTOR_UD), false);
	assert_int_equal(w->e.exception.vector, VECTOR_PF);
	assert_int_equal(w->cpu.cr2, TSS_PAGE + 44);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_fault_of_a_program_arrives_on_rsp0),
		cmocka_unit_test(a_fault_of_the_kernel_stays_on_its_stack),
		cmocka_unit_test(ist_is_taken_at_any_privilege),
		cmocka_unit_test(the_gate_decides_about_if_and_delivery_about_the_rest),
		cmocka_unit_test(only_faults_push_rf),
		cmocka_unit_test(a_conforming_handler_keeps_the_privilege),
		cmocka_unit_test(a_debug_exception_clears_gd),
		cmocka_unit_test(the_dpl_of_a_gate_counts_for_software_only),
		cmocka_unit_test(descriptors_are_read_as_the_processor_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
