/* SPDX-License-Identifier: MIT */
/* Who may execute what; flags, HLT, CPUID, TLB instructions. */
#include "test_emulate_fixture.h"

#define UD  FAULT(VECTOR_UD, NO_ERROR)
#define GP0 FAULT(VECTOR_GP, 0)

static void a_program_gets_the_exception_the_manual_names(void **state)
{
	const struct row rows[] = {
		{CODE("mov rax, cr0"), GP0},
		{CODE("mov cr0, rax"), GP0},
		{CODE("mov rax, cr2"), GP0},
		{CODE("mov cr3, rax"), GP0},
		{CODE("mov cr4, rax"), GP0},
		{CODE("mov cr8, rax"), GP0},
		{CODE("mov dr0, rax"), GP0},
		{CODE("mov rax, dr7"), GP0},
		{CODE("clts"), GP0},
		{CODE("lmsw ax"), GP0},
		{CODE("rdmsr"), .rcx = 0xc0000080, GP0},
		{CODE("wrmsr"), .rcx = MSR_STAR, GP0},
		{CODE("lgdt [0x22000]"), GP0},
		{CODE("lidt [0x22000]"), GP0},
		{CODE("lldt ax"), GP0},
		{CODE("ltr ax"), GP0},
		{CODE("invlpg [0x22000]"), GP0},
		{CODE("invpcid rax, [0x22000]"), GP0},
		{CODE("invd"), GP0},
		{CODE("wbinvd"), GP0},
		{CODE(".byte 0xf3, 0x0f, 0x09 # wbnoinvd"), GP0},
		{CODE("cli"), GP0},
		{CODE("sti"), GP0},
		{CODE("hlt"), GP0},
		{CODE("swapgs"), GP0},
		{CODE("sysretq"), .rcx = 0x10000, GP0},
		{CODE("in al, 0x60"), GP0},
		{CODE("in eax, dx"), GP0},
		{CODE("out 0x60, al"), GP0},
		{CODE("out dx, ax"), GP0},
		{CODE("rep insb"), .rcx = 1, GP0},
		{CODE("rep outsd"), .rcx = 1, GP0},
		{CODE("rdpmc"), GP0},
		{CODE("stac"), UD},
		{CODE("clac"), UD},
		{CODE("monitor"), UD},
		{CODE("mwait"), UD},
		{CODE("ud2"), UD},
		{CODE("vmcall"), UD},
		{CODE("vmmcall"), UD},
		{CODE("vmlaunch"), UD},
		{CODE("vmrun"), UD},
		{CODE("rsm"), UD},
		{CODE("xsetbv"), UD},
		{CODE("rdfsbase rax"), UD},
		{CODE("wrgsbase rax"), UD},
		{CODE("int 0x21"), FAULT(VECTOR_GP, 0x21 * 8 + 2)},
		{CODE("int 13"), FAULT(VECTOR_GP, 13 * 8 + 2)},
	};

	(void)state;
	check_rows(rows, COUNT(rows), 3, NULL);
}

static void allow_all(struct world *w)
{
	w->cpu.cr4 |= CR4_OSXSAVE | CR4_FSGSBASE;
}

static void the_kernel_may_execute_all_of_it(void **state)
{
	const struct row rows[] = {
		{CODE("mov rax, cr0"), FINE},
		{CODE("mov cr2, rax"), FINE},
		{CODE("mov cr3, rax"), .effects = EFFECT_CR3},
		{CODE("clts"), .effects = EFFECT_CR0},
		{CODE("rdmsr"), .rcx = 0xc0000080},
		{CODE("invlpg [0x22000]"), .effects = EFFECT_INVLPG},
		{CODE("invd"), .effects = EFFECT_FLUSH_CACHE},
		{CODE("wbinvd"), .effects = EFFECT_FLUSH_CACHE},
		{CODE(".byte 0xf3, 0x0f, 0x09 # wbnoinvd"), .effects = EFFECT_FLUSH_CACHE},
		{CODE("cli"), FINE},
		{CODE("sti"), FINE},
		{CODE("hlt"), .effects = EFFECT_HALT},
		{CODE("swapgs"), .effects = EFFECT_SEGMENTS},
		{CODE("in al, 0x60"), .effects = EFFECT_PORT},
		{CODE("stac"), .effects = EFFECT_PRIVILEGE},
		{CODE("clac"), FINE},
		{CODE("monitor"), FINE},
		{CODE("mwait"), .effects = EFFECT_HALT},
		{CODE("monitor"), .rcx = 1, GP0},
		{CODE("mwait"), .rcx = 2, GP0},
		{CODE("rdfsbase rax"), FINE},
		{CODE("wrfsbase rax"), .effects = EFFECT_SEGMENTS},
		{CODE("xgetbv"), FINE},
		{CODE("xsetbv"), .rax = 1, .effects = EFFECT_XSTATE},
		{CODE("rdpmc"), GP0},
		{CODE("ud2"), UD},
		{CODE("ud1 eax, eax"), UD},
		{CODE("vmcall"), UD},
		{CODE("getsec"), UD},
	};

	(void)state;
	check_rows(rows, COUNT(rows), 0, allow_all);
}

static void offer_nothing(struct world *w)
{
	w->leaf1_ecx = w->leaf1_edx = w->leaf7_ebx = w->leaf7_ecx = w->ext_edx = 0;
	w->cpu.cr4 |= CR4_PKE;
}

static void what_cpuid_does_not_offer_is_undefined(void **state)
{
	const struct row rows[] = {
		{CODE("stac"), UD},
		{CODE("clac"), UD},
		{CODE("monitor"), UD},
		{CODE("mwait"), UD},
		{CODE("rdtscp"), UD},
		{CODE("invpcid rax, [0x20000]"), UD},
		{CODE("rdpid rax"), UD},
		{CODE("sysenter"), UD},
		{CODE(".byte 0x0f, 0x35 # sysexit"), UD},
	};

	(void)state;
	check_rows(rows, COUNT(rows), 0, offer_nothing);
}

static void cli_and_sti_follow_iopl(void **state)
{
	struct world *w = world_create();

	(void)state;
	check_done(w, CODE("cli"));
	assert_false(w->cpu.interrupts);
	assert_true(w->regs.rflags & RFLAGS_IF);
	world_enter_user(w);
	w->cpu.iopl = 3;
	check_done(w, CODE("sti"));
	assert_true(w->cpu.interrupts);
	w->cpu.iopl = 2;
	check_exception(w, CODE("cli"), VECTOR_GP, 0);
	world_destroy(w);
}

static void stac_and_clac_keep_ac_out_of_the_real_flags(void **state)
{
	struct world *w = world_create();

	(void)state;
	check_done(w, CODE("stac"));
	assert_true(w->cpu.ac);
	assert_false(w->regs.rflags & RFLAGS_AC);
	check_done(w, CODE("clac"));
	assert_false(w->cpu.ac);
	assert_int_equal(w->e.effects, EFFECT_PRIVILEGE);
	world_destroy(w);
}

static void pushf_shows_the_virtual_flags_and_popf_loads_them(void **state)
{
	struct world *w = world_create();
	uint64_t rsp = w->regs.rsp;

	(void)state;
	w->regs.rflags = RFLAGS_FIXED | RFLAGS_IF | RFLAGS_CF | RFLAGS_RF;
	w->cpu.interrupts = false;
	w->cpu.iopl = 3;
	w->cpu.ac = true;
	check_done(w, CODE("pushfq"));
	assert_int_equal(w->regs.rsp, rsp - 8);
	assert_int_equal(world_u64(w, rsp - 8), RFLAGS_FIXED | RFLAGS_CF | RFLAGS_IOPL | RFLAGS_AC);

	world_put64(w, rsp - 8, RFLAGS_IF | RFLAGS_ZF | UINT64_C(1) << 12 | RFLAGS_VM | RFLAGS_ID);
	check_done(w, CODE("popfq"));
	assert_int_equal(w->regs.rsp, rsp);
	assert_true(w->cpu.interrupts);
	assert_int_equal(w->cpu.iopl, 1);
	assert_false(w->cpu.ac);
	assert_int_equal(w->regs.rflags, RFLAGS_FIXED | RFLAGS_IF | RFLAGS_ZF | RFLAGS_ID);
	world_destroy(w);
}

static void popf_of_a_program_leaves_if_and_iopl(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_enter_user(w);
	w->cpu.interrupts = true;
	world_put64(w, w->regs.rsp, RFLAGS_IOPL | RFLAGS_AC | RFLAGS_SF);
	check_done(w, CODE("popfq"));
	assert_true(w->cpu.interrupts);
	assert_int_equal(w->cpu.iopl, 0);
	assert_false(w->cpu.ac);
	assert_int_equal(w->regs.rflags, RFLAGS_FIXED | RFLAGS_IF | RFLAGS_AC | RFLAGS_SF);

	world_put64(w, w->regs.rsp, RFLAGS_AC);
	w->regs.rflags &= ~RFLAGS_AC;
	check_done(w, CODE("popf"));
	w->regs.rsp = 0x12340000;
	check_exception(w, CODE("popfq"), VECTOR_PF, PF_ERR_USER);
	world_destroy(w);
}

static void cpuid_mirrors_cr4(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->leaf1_ecx = w->leaf7_ecx = 0;
	w->cpu.cr4 |= CR4_OSXSAVE | CR4_PKE;
	w->regs.rax = UINT64_C(0xdead00000001);
	w->regs.rbx = w->regs.rdx = UINT64_MAX;
	check_done(w, CODE("cpuid"));
	assert_int_equal(w->regs.rax, 0x306c3);
	assert_int_equal(w->regs.rbx, 0);
	assert_int_equal(w->regs.rcx, 1 << 27);
	assert_int_equal(w->regs.rdx, UINT32_MAX);
	w->regs.rax = 7;
	w->regs.rcx = 0;
	check_done(w, CODE("cpuid"));
	assert_int_equal(w->regs.rcx, 1 << 4);
	w->regs.rax = 7;
	w->regs.rcx = 5;
	check_done(w, CODE("cpuid"));
	assert_int_equal(w->regs.rdx, 5);
	assert_int_equal(w->regs.rcx, 0);
	world_destroy(w);
}

static void invlpg_tells_the_linear_address(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rax = 0x1000;
	w->regs.rcx = 3;
	check_done(w, CODE("invlpg [rax + rcx * 8 + 5]"));
	assert_int_equal(w->e.gva, 0x1000 + 24 + 5);
	check_done(w, CODE("invlpg gs:[rax]"));
	assert_int_equal(w->e.gva, DATA_PAGE + 0x1000);
	w->regs.rax = UINT64_C(0x800000000000);
	check_done(w, CODE("invlpg [rax]"));
	assert_int_equal(w->e.effects, 0);
	world_destroy(w);
}

static void invpcid_checks_its_descriptor(void **state)
{
	static const struct {
		uint64_t type, pcid, gva;
		bool pcide;
		bool fits;
	} cases[] = {
		{0, 5, 0x1000, true, true},
		{0, 0, 0x1000, false, true},
		{0, 5, 0x1000, false, false},
		{1, 5, 0x1000, false, false},
		{2, 5, 0x1000, false, true},
		{3, 5, 0x1000, false, true},
		{4, 0, 0, true, false},
		{0, 0x1000, 0, true, false},
		{0, 1, UINT64_C(0x800000000000), true, false},
		{1, 1, UINT64_C(0x800000000000), true, true},
		{UINT64_C(0x100000000), 0, 0, true, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world *w = world_create();

		w->regs.rax = cases[i].type;
		w->cpu.cr4 |= cases[i].pcide ? CR4_PCIDE : 0;
		world_put64(w, DATA_PAGE, cases[i].pcid);
		world_put64(w, DATA_PAGE + 8, cases[i].gva);
		if (cases[i].fits) {
			check_done(w, CODE("invpcid rax, [0x20000]"));
			assert_int_equal(w->e.effects, EFFECT_INVPCID);
			assert_int_equal(w->e.invpcid, cases[i].type);
			assert_int_equal(w->e.pcid, cases[i].pcid);
			assert_int_equal(w->e.gva, cases[i].gva);
		} else {
			check_exception(w, CODE("invpcid rax, [0x20000]"), VECTOR_GP, 0);
		}
		world_destroy(w);
	}
}

static void pkru_needs_cr4_pke(void **state)
{
	struct world *w = world_create();

	(void)state;
	check_exception(w, CODE("wrpkru"), VECTOR_UD, NO_ERROR);
	check_exception(w, CODE("rdpkru"), VECTOR_UD, NO_ERROR);
	w->cpu.cr4 |= CR4_PKE;
	w->regs.rax = 0x55555554;
	check_done(w, CODE("wrpkru"));
	assert_int_equal(w->cpu.pkru, 0x55555554);
	assert_int_equal(w->e.effects, EFFECT_XSTATE);
	w->regs.rax = w->regs.rdx = UINT64_MAX;
	w->regs.rcx = 0;
	check_done(w, CODE("rdpkru"));
	assert_int_equal(w->regs.rax, 0x55555554);
	assert_int_equal(w->regs.rdx, 0);
	w->regs.rdx = 1;
	check_exception(w, CODE("wrpkru"), VECTOR_GP, 0);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_gets_the_exception_the_manual_names),
		cmocka_unit_test(the_kernel_may_execute_all_of_it),
		cmocka_unit_test(what_cpuid_does_not_offer_is_undefined),
		cmocka_unit_test(cli_and_sti_follow_iopl),
		cmocka_unit_test(stac_and_clac_keep_ac_out_of_the_real_flags),
		cmocka_unit_test(pushf_shows_the_virtual_flags_and_popf_loads_them),
		cmocka_unit_test(popf_of_a_program_leaves_if_and_iopl),
		cmocka_unit_test(cpuid_mirrors_cr4),
		cmocka_unit_test(invlpg_tells_the_linear_address),
		cmocka_unit_test(invpcid_checks_its_descriptor),
		cmocka_unit_test(pkru_needs_cr4_pke),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
