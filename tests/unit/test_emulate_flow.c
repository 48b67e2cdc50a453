/* SPDX-License-Identifier: MIT */
/* Far transfers, system calls, software interrupts. */
#include "test_emulate_fixture.h"

#define RETFQ	     CODE(".byte 0x48, 0xcb # retfq")
#define NONCANONICAL UINT64_C(0x800000000000)

static void syscall_and_sysret(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_enter_user(w);
	w->regs.rflags |= RFLAGS_CF | RFLAGS_DF | RFLAGS_AC | RFLAGS_RF;
	w->regs.rip = 0x5002;
	assert_true(emulate_syscall(&w->e));
	assert_int_equal(w->regs.rip, w->cpu.lstar);
	assert_int_equal(w->regs.rcx, 0x5002);
	assert_int_equal(w->regs.r11, 0x203 | RFLAGS_DF | RFLAGS_AC);
	assert_int_equal(w->regs.rflags, 0x203);
	assert_int_equal(w->cpu.cpl, 0);
	assert_false(w->cpu.interrupts);
	assert_false(w->cpu.ac);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].selector, SEL_CODE);
	assert_int_equal(w->cpu.segment[VIRTUAL_SS].selector, SEL_DATA);
	assert_int_equal(w->e.effects, EFFECT_SEGMENTS | EFFECT_PRIVILEGE);

	w->regs.r11 |= RFLAGS_RF | RFLAGS_VM;
	check_done(w, CODE("sysretq"));
	assert_int_equal(w->regs.rip, 0x5002);
	assert_int_equal(w->cpu.cpl, 3);
	assert_true(w->cpu.interrupts);
	assert_int_equal(w->regs.rflags, 0x203 | RFLAGS_DF | RFLAGS_AC);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].selector, 0x23);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].access, 0xaffb);
	assert_int_equal(w->cpu.segment[VIRTUAL_SS].selector, 0x1b);

	check_done(w, CODE("syscall"));
	assert_int_equal(w->regs.rcx, RIP_START + 2);
	w->regs.rcx = NONCANONICAL;
	check_exception(w, CODE("sysretq"), VECTOR_GP, 0);
	check_done(w, CODE(".byte 0x0f, 0x07 # sysretl"));
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].selector, 0x13);
	world_destroy(w);
}

static void without_sce_there_is_no_syscall(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->cpu.efer &= ~EFER_SCE;
	check_exception(w, CODE("syscall"), VECTOR_UD, NO_ERROR);
	check_exception(w, CODE("sysretq"), VECTOR_UD, NO_ERROR);
	w->regs.rip = 0x5002;
	assert_false(emulate_syscall(&w->e));
	assert_int_equal(w->e.exception.vector, VECTOR_UD);
	assert_int_equal(w->regs.rip, 0x5000);
	world_destroy(w);
}

static void sysenter_exists_on_intel(void **state)
{
	struct world *w = world_create();

	(void)state;
	check_exception(w, CODE("sysenter"), VECTOR_GP, 0);
	w->cpu.sysenter_cs = SEL_CODE;
	w->cpu.sysenter_eip = 0xffff800000001000;
	w->cpu.sysenter_esp = 0xffff800000002000;
	world_enter_user(w);
	check_done(w, CODE("sysenter"));
	assert_int_equal(w->regs.rip, 0xffff800000001000);
	assert_int_equal(w->regs.rsp, 0xffff800000002000);
	assert_int_equal(w->cpu.cpl, 0);
	assert_false(w->cpu.interrupts);
	w->regs.rcx = 0x9000;
	w->regs.rdx = 0x7000;
	check_done(w, CODE(".byte 0x48, 0x0f, 0x35 # sysexitq"));
	assert_int_equal(w->regs.rip, 0x7000);
	assert_int_equal(w->regs.rsp, 0x9000);
	assert_int_equal(w->cpu.cpl, 3);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].selector, (SEL_CODE + 32) | 3);
	check_exception(w, CODE(".byte 0x48, 0x0f, 0x35 # sysexitq"), VECTOR_GP, 0);
	w->amd = true;
	check_exception(w, CODE("sysenter"), VECTOR_UD, NO_ERROR);
	world_destroy(w);
}

static void far_returns_check_the_selector(void **state)
{
	static const struct {
		const char *name;
		uint64_t rip, cs;
		int vector;
		long error;
	} cases[] = {
		{"same privilege", 0x7000, SEL_CODE, 0, 0},
		{"null", 0x7000, 0, VECTOR_GP, 0},
		{"data", 0x7000, SEL_DATA, VECTOR_GP, SEL_DATA},
		{"absent", 0x7000, SEL_CODE_ABSENT, VECTOR_NP, SEL_CODE_ABSENT},
		{"beyond", 0x7000, SEL_BEYOND, VECTOR_GP, SEL_BEYOND},
		{"RIP", NONCANONICAL, SEL_CODE, VECTOR_GP, 0},
		{"outer DPL", 0x7000, SEL_USER_CODE, VECTOR_GP, SEL_USER_CODE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world *w = world_create();
		struct code code = RETFQ;
		uint64_t rsp = w->regs.rsp;

		code.text = cases[i].name;
		world_put64(w, rsp, cases[i].rip);
		world_put64(w, rsp + 8, cases[i].cs);
		if (cases[i].vector) {
			check_exception(w, code, (unsigned)cases[i].vector, cases[i].error);
		} else {
			check_done(w, code);
			assert_int_equal(w->regs.rip, cases[i].rip);
			assert_int_equal(w->regs.rsp, rsp + 16);
		}
		world_destroy(w);
	}
}

static void a_far_return_outwards_takes_the_stack_along(void **state)
{
	struct world *w = world_create();
	uint64_t rsp = w->regs.rsp;

	(void)state;
	w->cpu.ac = true;
	world_put64(w, rsp, 0x7000);
	world_put64(w, rsp + 8, SEL_USER_CODE | 3);
	world_put64(w, rsp + 24, 0x9000);
	world_put64(w, rsp + 32, SEL_USER_DATA | 3);
	check_done(w, CODE(".byte 0x48, 0xca, 8, 0 # retfq 8"));
	assert_int_equal(w->regs.rip, 0x7000);
	assert_int_equal(w->regs.rsp, 0x9008);
	assert_int_equal(w->cpu.cpl, 3);
	assert_false(w->cpu.ac);
	assert_true(w->regs.rflags & RFLAGS_AC);
	world_put64(w, USER_STACK_TOP - 0x100, 0x7000);
	world_put64(w, USER_STACK_TOP - 0xf8, SEL_CODE);
	w->regs.rsp = USER_STACK_TOP - 0x100;
	check_exception(w, RETFQ, VECTOR_GP, SEL_CODE);
	world_destroy(w);
}

static void far_calls_and_jumps(void **state)
{
	struct world *w = world_create();
	uint64_t rsp = w->regs.rsp;
	struct code code = CODE(".byte 0x48, 0xff, 0x18 # call far [rax], 64 bits");

	(void)state;
	w->regs.rax = DATA_PAGE;
	world_put64(w, DATA_PAGE, 0xffffffff81000000);
	world_put64(w, DATA_PAGE + 8, SEL_CODE_CONFORMING | 3);
	check_done(w, code);
	assert_int_equal(w->regs.rip, 0xffffffff81000000);
	assert_int_equal(w->cpu.segment[VIRTUAL_CS].selector, SEL_CODE_CONFORMING);
	assert_int_equal(w->regs.rsp, rsp - 16);
	assert_int_equal(world_u64(w, rsp - 16), RIP_START + code.len);
	assert_int_equal(world_u64(w, rsp - 8), SEL_CODE);

	world_put64(w, DATA_PAGE, UINT64_C(0x000800007000));
	check_done(w, CODE("jmp fword ptr [rax]"));
	assert_int_equal(w->regs.rip, 0x7000);
	assert_int_equal(w->regs.rsp, rsp - 16);
	check_done(w, CODE("call fword ptr [rax]"));
	assert_int_equal(w->regs.rsp, rsp - 24);
	assert_int_equal(world_u64(w, rsp - 24), (RIP_START + 2) | UINT64_C(8) << 32);

	world_put64(w, DATA_PAGE, UINT64_C(0x000b00007000));
	check_exception(w, CODE("jmp fword ptr [rax]"), VECTOR_GP, SEL_CODE);
	world_put64(w, DATA_PAGE, UINT64_C(0x001000007000));
	check_exception(w, CODE("jmp fword ptr [rax]"), VECTOR_GP, SEL_DATA);
	world_put64(w, DATA_PAGE, UINT64_C(0x000000007000));
	check_exception(w, CODE("jmp fword ptr [rax]"), VECTOR_GP, 0);
	world_put64(w, DATA_PAGE, UINT64_C(0x005000007000));
	check_exception(w, CODE("call fword ptr [rax]"), VECTOR_NP, SEL_CODE_ABSENT);
	world_put64(w, DATA_PAGE, UINT64_C(0x002000007000));
	check_exception(w, CODE("call fword ptr [rax]"), VECTOR_GP, SEL_USER_CODE);
	world_put64(w, DATA_PAGE, NONCANONICAL);
	world_put64(w, DATA_PAGE + 8, SEL_CODE);
	check_exception(w, code, VECTOR_GP, 0);
	world_put64(w, DATA_PAGE, 0x7000);
	w->regs.rsp = 0x8000000;
	check_exception(w, code, VECTOR_PF, PF_ERR_WRITE);

	code = CODE("jmp fword ptr [rax]");
	world_put64(w, DATA_PAGE, UINT64_C(0x007800007000));
	assert_int_equal(world_run(w, &code), EMULATE_UNKNOWN);
	CHECK_CONTAINS("call gate", w->e.text, "jmp far");
	world_destroy(w);
}

static void software_interrupts(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_enter_user(w);
	w->regs.rflags |= RFLAGS_RF | RFLAGS_TF;
	check_done(w, CODE("int 0x80"));
	assert_int_equal(w->regs.rip, HANDLER + 0x80 * 16);
	assert_int_equal(world_u64(w, w->regs.rsp), RIP_START + 2);
	assert_int_equal(world_u64(w, w->regs.rsp + 16), 0x202 | RFLAGS_TF);
	assert_int_equal(w->regs.rsp, RSP0_TOP - 40);
	assert_int_equal(w->e.effects, EFFECT_SEGMENTS | EFFECT_PRIVILEGE);
	world_enter_user(w);
	check_done(w, CODE("int3"));
	assert_int_equal(w->regs.rip, HANDLER + 3 * 16);
	assert_int_equal(world_u64(w, w->regs.rsp), RIP_START + 1);
	world_enter_user(w);
	check_done(w, CODE(".byte 0xf1 # int1"));
	assert_int_equal(w->regs.rip, HANDLER + 16);
	assert_int_equal(world_u64(w, w->regs.rsp), RIP_START + 1);
	world_enter_user(w);
	check_exception(w, CODE("int 0x81"), VECTOR_GP, 0x81 * 8 + 2);
	world_gate(w, 3, 14, 0, 0, SEL_CODE, HANDLER);
	check_exception(w, CODE("int3"), VECTOR_GP, 3 * 8 + 2);
	w->cpu.cpl = 0;
	w->cpu.idtr.limit = 0x80 * 16 + 14;
	check_exception(w, CODE("int 0x80"), VECTOR_GP, 0x80 * 8 + 2);
	world_destroy(w);
}

static void compatibility_mode_decodes_32_bits(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_enter_user(w);
	w->cpu.segment[VIRTUAL_CS].access = 0xcffb;
	check_exception(w, CODE("cli"), VECTOR_GP, 0);
	check_exception(w, CODE("swapgs"), VECTOR_UD, NO_ERROR);
	check_exception(w, CODE("syscall"), VECTOR_UD, NO_ERROR);

	/* Bases count, and 16-bit addresses leave the upper half of a register alone. */
	w->cpu.segment[VIRTUAL_ES].base = USER_PAGE;
	w->regs.rax = 0x55;
	w->regs.rdi = 0x10010;
	w->regs.rcx = 0x10002;
	check_done(w, CODE(".byte 0x67, 0xf3, 0xaa # rep stosb, 16-bit addresses"));
	assert_int_equal(world_u64(w, USER_PAGE + 0x10), 0x5555);
	assert_int_equal(w->regs.rdi, 0x10012);
	assert_int_equal(w->regs.rcx, 0x10000);

	w->regs.rflags |= RFLAGS_OF;
	check_done(w, CODE(".byte 0xce # into"));
	assert_int_equal(w->regs.rip, HANDLER + VECTOR_OF * 16);
	assert_true(virtual_is_64bit(&w->cpu));
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syscall_and_sysret),
		cmocka_unit_test(without_sce_there_is_no_syscall),
		cmocka_unit_test(sysenter_exists_on_intel),
		cmocka_unit_test(far_returns_check_the_selector),
		cmocka_unit_test(a_far_return_outwards_takes_the_stack_along),
		cmocka_unit_test(far_calls_and_jumps),
		cmocka_unit_test(software_interrupts),
		cmocka_unit_test(compatibility_mode_decodes_32_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
