/* SPDX-License-Identifier: MIT */
/* IRET: what it loads and what it refuses. */
#include "test_emulate_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iretq_returns_or_faults_as_the_manual_tells),
		cmocka_unit_test(iretq_loads_the_flags_its_privilege_allows),
		cmocka_unit_test(iretq_of_nt_faults_and_ac_finds_its_place),
		cmocka_unit_test(a_return_outwards_empties_inner_segments),
		cmocka_unit_test(iretd_takes_words_of_32_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
