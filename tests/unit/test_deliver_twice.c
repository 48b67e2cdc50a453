/* SPDX-License-Identifier: MIT */
/* What becomes of a fault on the way to a handler: another exception, a double or triple fault. */
#include "test_emulate_fixture.h"

#define PF(address, code) \
	((struct exception){VECTOR_PF, .has_error = true, .error = (code), .cr2 = (address)})
#define GP(code)       ((struct exception){VECTOR_GP, .has_error = true, .error = (code)})
#define PLAIN(v)       ((struct exception){.vector = (v)})
#define INTERRUPT_GATE 14

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broken_gate_is_its_own_exception),
		cmocka_unit_test(a_stack_fault_sets_cr2),
		cmocka_unit_test(two_exceptions_make_a_double_fault_by_the_table),
		cmocka_unit_test(a_double_fault_has_error_zero_and_its_ist),
		cmocka_unit_test(without_a_way_to_the_double_fault_it_is_a_triple_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
