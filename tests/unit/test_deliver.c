/* SPDX-License-Identifier: MIT */
/* Exception delivery through the guest's IDT, and what becomes of a fault on the way. */
#include "test_emulate_fixture.h"

#define PF(address, code) \
	((struct exception){VECTOR_PF, .has_error = true, .error = (code), .cr2 = (address)})
#define GP(code)       ((struct exception){VECTOR_GP, .has_error = true, .error = (code)})
#define PLAIN(v)       ((struct exception){.vector = (v)})
#define INTERRUPT_GATE 14
#define TRAP_GATE      15

static void deliver(struct world *w, struct exception x, bool software)
{
	w->old_regs = w->regs;
	w->old_cpu = w->cpu;
	assert_true(deliver_exception(&w->e, &x, software));
}

/* The handler of `vector` runs, with these words on its stack from RSP on. */
static void check_frame(struct world *w, unsigned vector, const uint64_t *frame, unsigned words)
{
	static const char *const names[] = {"error", "RIP", "CS", "RFLAGS", "RSP", "SS"};

	CHECK_NUMBER("handler", "RIP", w->regs.rip, HANDLER + vector * 16);
	for (unsigned i = 0; i < words; i++)
		CHECK_NUMBER("frame", names[i + 6 - words], world_u64(w, w->regs.rsp + i * 8),
			     frame[i]);
}

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

/* How the IDT or the TSS is spoilt for #UD (6), and what the guest gets instead. */
struct spoilt {
	const char *name;
	void (*spoil)(struct world *w);
	unsigned vector;
	uint32_t error;
};

static void gate_absent(struct world *w)
{
	*(uint8_t *)world_at(w, IDT_PAGE + 6 * 16 + 5) = 0x0e;
}

static void gate_type(struct world *w)
{
	*(uint8_t *)world_at(w, IDT_PAGE + 6 * 16 + 5) = 0x8c;
}

static void gate_code_segment_bit(struct world *w)
{
	*(uint8_t *)world_at(w, IDT_PAGE + 6 * 16 + 5) = 0x9e;
}

static void selector_null(struct world *w)
{
	world_gate(w, 6, INTERRUPT_GATE, 0, 0, 3, HANDLER);
}

static void selector_data(struct world *w)
{
	world_gate(w, 6, INTERRUPT_GATE, 0, 0, SEL_DATA, HANDLER);
}

static void selector_beyond(struct world *w)
{
	world_gate(w, 6, INTERRUPT_GATE, 0, 0, SEL_BEYOND, HANDLER);
}

static void selector_ldt(struct world *w)
{
	world_gate(w, 6, INTERRUPT_GATE, 0, 0, LDT_DATA, HANDLER);
}

static void selector_absent(struct world *w)
{
	world_gate(w, 6, INTERRUPT_GATE, 0, 0, SEL_CODE_ABSENT, HANDLER);
}

static void selector_outer(struct world *w)
{
	world_gate(w, 6, INTERRUPT_GATE, 0, 0, SEL_USER_CODE, HANDLER);
}

static void selector_ld(struct world *w)
{
	world_gate(w, 6, INTERRUPT_GATE, 0, 0, SEL_CODE_LD, HANDLER);
}

static void offset_noncanonical(struct world *w)
{
	world_gate(w, 6, INTERRUPT_GATE, 0, 0, SEL_CODE, UINT64_C(0x800000000000));
}

static void ist_of_a_short_tss(struct world *w)
{
	world_gate(w, 6, INTERRUPT_GATE, 0, 2, SEL_CODE, HANDLER);
	w->cpu.segment[VIRTUAL_TR].limit = 44 + 6;
}

static void stack_noncanonical(struct world *w)
{
	w->regs.rsp = UINT64_C(0x800000000000) + 0x10;
	/* The handler of #SS has a stack of its own. */
	world_gate(w, VECTOR_SS, INTERRUPT_GATE, 0, 1, SEL_CODE, HANDLER + VECTOR_SS * 16);
}

static void stack_across(struct world *w)
{
	stack_noncanonical(w);
	w->regs.rsp = UINT64_C(0xffff800000000010);
}

static void stack_absent(struct world *w)
{
	w->regs.rsp = 0x8000000;
	world_gate(w, VECTOR_PF, INTERRUPT_GATE, 0, 1, SEL_CODE, HANDLER + VECTOR_PF * 16);
}

static void a_broken_gate_is_its_own_exception(void **state)
{
	static const struct spoilt cases[] = {
		{"gate absent", gate_absent, VECTOR_NP, 6 * 8 + 2 + 1},
		{"call gate", gate_type, VECTOR_GP, 6 * 8 + 2 + 1},
		{"S set", gate_code_segment_bit, VECTOR_GP, 6 * 8 + 2 + 1},
		{"null selector", selector_null, VECTOR_GP, 1},
		{"data selector", selector_data, VECTOR_GP, SEL_DATA + 1},
		{"beyond the GDT", selector_beyond, VECTOR_GP, SEL_BEYOND + 1},
		{"LDT without LDT", selector_ldt, VECTOR_GP, LDT_DATA + 1},
		{"absent code", selector_absent, VECTOR_NP, SEL_CODE_ABSENT + 1},
		{"outer code", selector_outer, VECTOR_GP, SEL_USER_CODE + 1},
		{"L and D", selector_ld, VECTOR_GP, SEL_CODE_LD + 1},
		{"RIP", offset_noncanonical, VECTOR_GP, 1},
		{"short TSS", ist_of_a_short_tss, VECTOR_TS, SEL_TSS + 1},
		{"RSP", stack_noncanonical, VECTOR_SS, 1},
		{"RSP across", stack_across, VECTOR_SS, 1},
		{"no stack page", stack_absent, VECTOR_PF, PF_ERR_WRITE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world *w = world_create();

		cases[i].spoil(w);
		deliver(w, PLAIN(VECTOR_UD), false);
		CHECK_NUMBER(cases[i].name, "vector", w->e.exception.vector, cases[i].vector);
		CHECK_NUMBER(cases[i].name, "error", w->e.exception.error, cases[i].error);
		CHECK_NUMBER(cases[i].name, "pushed error", world_u64(w, w->regs.rsp),
			     cases[i].error);
		world_destroy(w);
	}
}

static void a_stack_fault_sets_cr2(void **state)
{
	struct world *w = world_create();

	(void)state;
	stack_absent(w);
	deliver(w, PLAIN(VECTOR_UD), false);
	assert_int_equal(w->cpu.cr2, 0x8000000 - 40);
	assert_int_equal(world_u64(w, w->regs.rsp + 8), RIP_START);
	world_destroy(w);
}

static void two_exceptions_make_a_double_fault_by_the_table(void **state)
{
	enum { IN_TURN, DOUBLE };
	/* The first, and what becomes of a #NP or of a #PF while it is delivered. */
	static const struct {
		uint8_t first;
		bool has_error;
		int with_np, with_pf;
	} cases[] = {
		{VECTOR_UD, false, IN_TURN, IN_TURN}, {VECTOR_DB, false, IN_TURN, IN_TURN},
		{VECTOR_BP, false, IN_TURN, IN_TURN}, {VECTOR_NM, false, IN_TURN, IN_TURN},
		{VECTOR_AC, true, IN_TURN, IN_TURN},  {VECTOR_DE, false, DOUBLE, IN_TURN},
		{VECTOR_TS, true, DOUBLE, IN_TURN},   {VECTOR_NP, true, DOUBLE, IN_TURN},
		{VECTOR_SS, true, DOUBLE, IN_TURN},   {VECTOR_GP, true, DOUBLE, IN_TURN},
		{VECTOR_CP, true, DOUBLE, IN_TURN},   {VECTOR_PF, true, DOUBLE, DOUBLE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct exception x = {.vector = cases[i].first,
					    .has_error = cases[i].has_error};
		struct world *w = world_create();

		if (cases[i].first == VECTOR_NP)
			world_gate(w, VECTOR_NP, 12, 0, 0, SEL_CODE, HANDLER);
		else
			*(uint8_t *)world_at(w, IDT_PAGE + cases[i].first * 16ULL + 5) = 0x0e;
		deliver(w, x, false);
		CHECK_NUMBER("with #NP", "vector", w->e.exception.vector,
			     cases[i].with_np == DOUBLE ? VECTOR_DF : VECTOR_NP);
		world_destroy(w);

		/* The first one's stack is missing; the others have IST1. */
		w = world_create();
		world_gate(w, VECTOR_PF, INTERRUPT_GATE, 0, 1, SEL_CODE, HANDLER + VECTOR_PF * 16);
		world_gate(w, cases[i].first, INTERRUPT_GATE, 0, 2, SEL_CODE, HANDLER);
		world_put64(w, TSS_PAGE + 44, 0x8000000);
		deliver(w, x, false);
		CHECK_NUMBER("with #PF", "vector", w->e.exception.vector,
			     cases[i].with_pf == DOUBLE ? VECTOR_DF : VECTOR_PF);
		world_destroy(w);
	}
}

static void a_double_fault_has_error_zero_and_its_ist(void **state)
{
	struct world *w = world_create();
	const uint64_t frame[] = {
		0, RIP_START, SEL_CODE, RFLAGS_FIXED | RFLAGS_IF | RFLAGS_RF, 0x8000000, SEL_DATA};

	(void)state;
	w->regs.rsp = 0x8000000;
	deliver(w, PF(0x7000, 2), false);
	check_frame(w, VECTOR_DF, frame, 6);
	assert_int_equal(w->regs.rsp, IST_TOP - 48);
	assert_int_equal(w->cpu.cr2, 0x8000000 - 48);
	world_destroy(w);
}

static void without_a_way_to_the_double_fault_it_is_a_triple_fault(void **state)
{
	static const uint16_t limits[] = {0, 8 * 16 + 14};
	struct world *w = world_create();
	const struct exception first[] = {
		PF(0x7000, 2), GP(0), PLAIN(VECTOR_UD), {VECTOR_DF, .has_error = true}};

	(void)state;
	for (size_t i = 0; i < COUNT(first); i++)
		for (size_t n = 0; n < COUNT(limits); n++) {
			if (n && first[i].vector == VECTOR_UD)
				continue;
			w->cpu.idtr.limit = limits[n];
			w->regs.rip = RIP_START;
			w->old_regs = w->regs;
			assert_false(deliver_exception(&w->e, &first[i], false));
			assert_memory_equal(&w->regs, &w->old_regs, sizeof(w->regs));
			assert_int_equal(w->cpu.segment[VIRTUAL_CS].selector, SEL_CODE);
			assert_int_equal(w->e.effects, 0);
		}
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
		cmocka_unit_test(a_broken_gate_is_its_own_exception),
		cmocka_unit_test(a_stack_fault_sets_cr2),
		cmocka_unit_test(two_exceptions_make_a_double_fault_by_the_table),
		cmocka_unit_test(a_double_fault_has_error_zero_and_its_ist),
		cmocka_unit_test(without_a_way_to_the_double_fault_it_is_a_triple_fault),
		cmocka_unit_test(the_dpl_of_a_gate_counts_for_software_only),
		cmocka_unit_test(descriptors_are_read_as_the_processor_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
