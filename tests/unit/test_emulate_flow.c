/* SPDX-License-Identifier: MIT */
/* Far transfers, IRET, system calls, software interrupts. */
#include "test_emulate_fixture.h"

#define RETFQ	     CODE(".byte 0x48, 0xcb # retfq")
#define NONCANONICAL UINT64_C(0x800000000000)

/* RIP, CS, RFLAGS, RSP, SS on the stack, and what IRETQ makes of it. */
struct iret_case {
	const char *name;
	uint64_t rip, cs, rflags, rsp, ss;
	int vector;
	long error;
};

static void push_frame(struct world *w, const struct iret_case *c)
{
	world_put64(w, w->regs.rsp, c->rip);
	world_put64(w, w->regs.rsp + 8, c->cs);
	world_put64(w, w->regs.rsp + 16, c->rflags);
	world_put64(w, w->regs.rsp + 24, c->rsp);
	world_put64(w, w->regs.rsp + 32, c->ss);
}

static void check_irets(const struct iret_case *cases, size_t count, unsigned cpl)
{
	for (size_t i = 0; i < count; i++) {
		const struct iret_case *c = &cases[i];
		struct world *w = world_create();

		if (cpl == 3)
			world_enter_user(w);
		w->cpu.nmi_blocked = true;
		push_frame(w, c);
		if (c->vector) {
			struct code code = CODE("iretq");

			code.text = c->name;
			check_exception(w, code, (unsigned)c->vector, c->error);
		} else {
			check_done(w, CODE("iretq"));
			CHECK_NUMBER(c->name, "RIP", w->regs.rip, c->rip);
			CHECK_NUMBER(c->name, "CS", w->cpu.segment[VIRTUAL_CS].selector, c->cs);
			CHECK_NUMBER(c->name, "SS", w->cpu.segment[VIRTUAL_SS].selector, c->ss);
			CHECK_NUMBER(c->name, "RSP", w->regs.rsp, c->rsp);
			CHECK_NUMBER(c->name, "CPL", w->cpu.cpl, c->cs & 3);
			CHECK_NUMBER(c->name, "effects", w->e.effects,
				     (unsigned)EFFECT_SEGMENTS |
					     ((c->cs & 3) != cpl ? EFFECT_PRIVILEGE : 0U));
			CHECK_NUMBER(c->name, "NMI blocked", w->cpu.nmi_blocked, false);
		}
		world_destroy(w);
	}
}

static void iretq_returns_or_faults_as_the_manual_tells(void **state)
{
	static const struct iret_case cases[] = {
		{"to CPL 3", 0x7000, 0x23, 0x202, 0x9000, 0x1b, 0, 0},
		{"to CPL 0", 0x7000, 0x08, 0x202, 0x9000, 0x10, 0, 0},
		{"to CPL 0, null SS", 0x7000, 0x08, 0x202, 0x9000, 0, 0, 0},
		{"to a high address", 0xffffffff81000000, 0x08, 0x202, 0xffff888000000000, 0, 0, 0},
		{"conforming", 0x7000, SEL_CODE_CONFORMING, 0x202, 0x9000, 0x10, 0, 0},
		{"conforming, at CPL 3", 0x7000, SEL_CODE_CONFORMING | 3, 2, 0x9000, 0x1b, 0, 0},
		{"to compatibility mode", 0x7000, 0x2b, 0x202, 0x9000, 0x1b, 0, 0},
		{"null CS", 0x7000, 0, 2, 0x9000, 0x10, VECTOR_GP, 0},
		{"null CS, RPL 3", 0x7000, 3, 2, 0x9000, 0x10, VECTOR_GP, 0},
		{"CS beyond", 0x7000, SEL_BEYOND, 2, 0x9000, 0x10, VECTOR_GP, SEL_BEYOND},
		{"CS data", 0x7000, SEL_DATA, 2, 0x9000, 0x10, VECTOR_GP, SEL_DATA},
		{"CS absent", 0x7000, SEL_CODE_ABSENT, 2, 0x9000, 0x10, VECTOR_NP, SEL_CODE_ABSENT},
		{"DPL is not RPL", 0x7000, SEL_CODE | 3, 2, 0x9000, 0x1b, VECTOR_GP, SEL_CODE},
		{"RPL is not DPL", 0x7000, SEL_USER_CODE, 2, 0x9000, 0x10, VECTOR_GP,
		 SEL_USER_CODE},
		{"conforming, DPL > RPL", 0x7000, SEL_USER_CONFORMING, 2, 0x9000, 0x10, VECTOR_GP,
		 SEL_USER_CONFORMING},
		{"L and D", 0x7000, SEL_CODE_LD, 2, 0x9000, 0x10, VECTOR_GP, SEL_CODE_LD},
		{"RIP", NONCANONICAL, 0x23, 2, 0x9000, 0x1b, VECTOR_GP, 0},
		{"null SS at CPL 3", 0x7000, 0x23, 2, 0x9000, 0, VECTOR_GP, 0},
		{"null SS, RPL 3, at CPL 3", 0x7000, 0x23, 2, 0x9000, 3, VECTOR_GP, 0},
		{"null SS, RPL 3, at CPL 0", 0x7000, 0x08, 2, 0x9000, 3, VECTOR_GP, 0},
		{"SS of CPL 0", 0x7000, 0x23, 2, 0x9000, 0x10, VECTOR_GP, 0x10},
		{"SS RPL", 0x7000, 0x23, 2, 0x9000, 0x18, VECTOR_GP, 0x18},
		{"SS absent", 0x7000, 0x23, 2, 0x9000, SEL_USER_DATA_ABSENT | 3, VECTOR_SS,
		 SEL_USER_DATA_ABSENT},
		{"SS code", 0x7000, 0x08, 2, 0x9000, SEL_CODE, VECTOR_GP, SEL_CODE},
		{"SS beyond", 0x7000, 0x08, 2, 0x9000, SEL_BEYOND, VECTOR_GP, SEL_BEYOND},
	};
	static const struct iret_case user[] = {
		{"CPL 3 to CPL 3", 0x7000, 0x23, 0x202, 0x9000, 0x1b, 0, 0},
		{"CPL 3 to CPL 0", 0x7000, 0x08, 0x202, 0x9000, 0x10, VECTOR_GP, 0x08},
	};

	(void)state;
	check_irets(cases, COUNT(cases), 0);
	check_irets(user, COUNT(user), 3);
}

static void iretq_loads_the_flags_its_privilege_allows(void **state)
{
	static const struct {
		unsigned cpl, iopl;
		uint64_t popped;
		bool interrupts;
		unsigned iopl_after;
		uint64_t real;
	} cases[] = {
		/* IF is set before. */
		{0, 0, 0, false, 0, 0x202},
		{0, 0, RFLAGS_IF | RFLAGS_IOPL, true, 3, 0x202},
		{0, 0, RFLAGS_RF | RFLAGS_NT | RFLAGS_TF | RFLAGS_ID, false, 0,
		 0x202 | RFLAGS_RF | RFLAGS_NT | RFLAGS_TF | RFLAGS_ID},
		{0, 0, RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP | UINT64_C(1) << 40, false, 0, 0x202},
		{3, 0, 0, true, 0, 0x202},
		{3, 3, RFLAGS_CF, false, 3, 0x203},
		{3, 0, RFLAGS_IOPL | RFLAGS_AC, true, 0, 0x202 | RFLAGS_AC},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world *w = world_create();
		const struct iret_case frame = {"",	0x7000, 0x23, cases[i].popped,
						0x9000, 0x1b,	0,    0};

		if (cases[i].cpl)
			world_enter_user(w);
		w->cpu.iopl = (uint8_t)cases[i].iopl;
		push_frame(w, &frame);
		check_done(w, CODE("iretq"));
		CHECK_NUMBER("iretq", "IF", w->cpu.interrupts, cases[i].interrupts);
		CHECK_NUMBER("iretq", "IOPL", w->cpu.iopl, cases[i].iopl_after);
		CHECK_NUMBER("iretq", "RFLAGS", w->regs.rflags, cases[i].real);
		world_destroy(w);
	}
}

static void iretq_of_nt_faults_and_ac_finds_its_place(void **state)
{
	struct world *w = world_create();
	const struct iret_case kernel = {"", 0x7000, 8, RFLAGS_AC, STACK_TOP - 0x200, 0x10, 0, 0};
	const struct iret_case user = {"", 0x7000, 0x23, RFLAGS_AC, 0x9000, 0x1b, 0, 0};

	(void)state;
	push_frame(w, &kernel);
	w->regs.rflags |= RFLAGS_NT;
	check_exception(w, CODE("iretq"), VECTOR_GP, 0);
	w->regs.rflags &= ~RFLAGS_NT;
	check_done(w, CODE("iretq"));
	assert_true(w->cpu.ac);
	assert_false(w->regs.rflags & RFLAGS_AC);
	assert_int_equal(w->e.effects, EFFECT_SEGMENTS | EFFECT_PRIVILEGE);
	push_frame(w, &user);
	check_done(w, CODE("iretq"));
	assert_false(w->cpu.ac);
	assert_true(w->regs.rflags & RFLAGS_AC);
	assert_int_equal(w->e.effects, EFFECT_SEGMENTS | EFFECT_PRIVILEGE);
	world_destroy(w);
}

static void a_return_outwards_empties_inner_segments(void **state)
{
	struct world *w = world_create();
	const struct iret_case user = {"", 0x7000, 0x23, 0x202, 0x9000, 0x1b, 0, 0};

	(void)state;
	w->regs.rax = SEL_DATA;
	check_done(w, CODE("mov ds, ax"));
	w->regs.rax = SEL_USER_DATA | 3;
	check_done(w, CODE("mov es, ax"));
	w->regs.rax = SEL_CODE_CONFORMING;
	check_done(w, CODE("mov fs, ax"));
	push_frame(w, &user);
	check_done(w, CODE("iretq"));
	assert_int_equal(w->cpu.segment[VIRTUAL_DS].selector, 0);
	assert_int_equal(w->cpu.segment[VIRTUAL_ES].selector, SEL_USER_DATA | 3);
	assert_int_equal(w->cpu.segment[VIRTUAL_FS].selector, SEL_CODE_CONFORMING);
	world_destroy(w);
}

static void iretd_takes_words_of_32_bits(void **state)
{
	struct world *w = world_create();
	static const uint32_t frame[] = {0x7000, 0x23, 0x202, 0x9000, 0x1b};

	(void)state;
	memcpy(world_at(w, w->regs.rsp), frame, sizeof(frame));
	check_done(w, CODE("iretd"));
	assert_int_equal(w->regs.rip, 0x7000);
	assert_int_equal(w->regs.rsp, 0x9000);
	assert_int_equal(w->cpu.cpl, 3);
	w->regs.rsp = 0x8000000;
	w->cpu.cpl = 0;
	w->cpu.segment[VIRTUAL_CS].access = 0xaf9b;
	check_exception(w, CODE("iretq"), VECTOR_PF, 0);
	w->regs.rsp = NONCANONICAL - 8;
	check_exception(w, CODE("iretq"), VECTOR_SS, 0);
	world_destroy(w);
}

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
		cmocka_unit_test(iretq_returns_or_faults_as_the_manual_tells),
		cmocka_unit_test(iretq_loads_the_flags_its_privilege_allows),
		cmocka_unit_test(iretq_of_nt_faults_and_ac_finds_its_place),
		cmocka_unit_test(a_return_outwards_empties_inner_segments),
		cmocka_unit_test(iretd_takes_words_of_32_bits),
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
