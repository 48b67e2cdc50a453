/* SPDX-License-Identifier: MIT */
/* Memory as instructions reach it: addresses, checks, atomic steps, strings that stop half way. */
#include "test_emulate_fixture.h"

/* BTS of a random RDX reaches anywhere; the emulator must not be taken there blindly. */
static void a_bit_string_reaches_to_both_sides(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rdi = DATA_PAGE + 64;
	w->regs.rcx = (uint64_t)-65;
	check_done(w, CODE("bts qword ptr [rdi], rcx"));
	assert_int_equal(world_u64(w, DATA_PAGE + 64 - 16), UINT64_C(1) << 63);
	w->regs.rcx = 0xffff8000ffffffdf; /* ECX is -33 */
	check_done(w, CODE("bts dword ptr [rdi], ecx"));
	assert_int_equal(world_u64(w, DATA_PAGE + 56), UINT64_C(1) << 31);
	w->regs.rcx = UINT64_C(1) << 62;
	check_exception(w, CODE("bts qword ptr [rdi], rcx"), VECTOR_GP, 0);
	world_destroy(w);
}

static void byte_registers_with_and_without_rex(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rbx = DATA_PAGE;
	w->regs.rsi = 0x1122;
	w->regs.rdx = 0x3344;
	w->regs.r9 = 0x5566;
	check_done(w, CODE("mov [rbx], sil"));
	check_done(w, CODE("mov [rbx + 1], dh"));
	check_done(w, CODE("mov [rbx + 2], r9b"));
	assert_int_equal(world_u64(w, DATA_PAGE), 0x663322);
	check_done(w, CODE("mov dil, [rbx + 2]"));
	assert_int_equal(w->regs.rdi, 0x66);
	world_destroy(w);
}

static void a_change_is_checked_as_a_write_from_the_start(void **state)
{
	const struct row absent[] = {
		{CODE("add [rax], ecx"), .rax = 0x900000, FAULT(VECTOR_PF, PF_ERR_WRITE)},
		{CODE("cmp [rax], ecx"), .rax = 0x900000, FAULT(VECTOR_PF, 0)},
		{CODE("bt [rax], ecx"), .rax = 0x900000, FAULT(VECTOR_PF, 0)},
		{CODE("bts [rax], ecx"), .rax = 0x900000, FAULT(VECTOR_PF, PF_ERR_WRITE)},
		{CODE("xchg [rax], ecx"), .rax = 0x900000, FAULT(VECTOR_PF, PF_ERR_WRITE)},
		{CODE("cmpxchg [rax], ecx"), .rax = 0x900000, FAULT(VECTOR_PF, PF_ERR_WRITE)},
		{CODE("cmpxchg8b [rax]"), .rax = 0x900000, FAULT(VECTOR_PF, PF_ERR_WRITE)},
		{CODE("cmpxchg16b [rax]"), .rax = DATA_PAGE + 8, FAULT(VECTOR_GP, 0)},
		{CODE("mov [rax], ecx"), .rax = 0x900000, FAULT(VECTOR_PF, PF_ERR_WRITE)},
		{CODE("mov ecx, [rax]"), .rax = UINT64_C(0x800000000000), FAULT(VECTOR_GP, 0)},
		{CODE("mov ecx, [rax]"), .rax = UINT64_C(0x7ffffffffffd), FAULT(VECTOR_GP, 0)},
		{CODE("mov ecx, ss:[rbp]"), FAULT(VECTOR_PF, 0)},
		{CODE("mov [rax], ecx"), .rax = DATA_PAGE, .effects = EFFECT_MEMORY},
	};
	const struct row user[] = {
		{CODE("mov [rax], ecx"), .rax = DATA_PAGE,
		 FAULT(VECTOR_PF, PF_ERR_PRESENT | PF_ERR_WRITE | PF_ERR_USER)},
		{CODE("mov [rax], ecx"), .rax = USER_PAGE, .effects = EFFECT_MEMORY},
	};

	(void)state;
	check_rows(absent, COUNT(absent), 0, NULL);
	check_rows(user, COUNT(user), 3, NULL);
}

static void smap_looks_at_the_virtual_ac(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->cpu.cr4 |= CR4_SMAP;
	w->regs.rax = USER_PAGE;
	check_exception(w, CODE("mov [rax], ecx"), VECTOR_PF, PF_ERR_PRESENT | PF_ERR_WRITE);
	check_done(w, CODE("stac"));
	check_done(w, CODE("mov [rax], ecx"));
	world_destroy(w);
}

static void lock_is_one_atomic_step_tried_until_it_holds(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rdi = DATA_PAGE;
	world_put64(w, DATA_PAGE, 10);
	w->regs.rcx = 5;
	w->exchange_fails = 3;
	check_done(w, CODE("lock add [rdi], rcx"));
	assert_int_equal(w->exchanges, 4);
	assert_int_equal(world_u64(w, DATA_PAGE), 18);
	check_done(w, CODE("add [rdi], rcx"));
	assert_int_equal(w->exchanges, 4);
	w->exchange_fails = 1;
	check_done(w, CODE("xchg [rdi], rcx"));
	assert_int_equal(w->exchanges, 6);
	assert_int_equal(w->regs.rcx, 24);
	assert_int_equal(world_u64(w, DATA_PAGE), 5);
	w->regs.rax = 5;
	w->regs.rdx = 0;
	w->exchange_fails = 1;
	check_done(w, CODE("lock cmpxchg16b [rdi]"));
	assert_false(w->regs.rflags & RFLAGS_ZF);
	assert_int_equal(w->regs.rax, 6);
	world_destroy(w);
}

static void a_string_goes_on_where_it_faulted(void **state)
{
	struct world *w = world_create();
	struct code code = CODE("rep movsq");

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		world_put64(w, DATA_PAGE + i * 8, i);
	w->regs.rsi = DATA_PAGE;
	w->regs.rdi = USER_PAGE + 0xff0;
	w->regs.rcx = 5;
	world_set_page(w, USER_PAGE + 0x1000, PAGE_P);
	assert_int_equal(world_run(w, &code), EMULATE_EXCEPTION);
	assert_int_equal(w->e.exception.error, PF_ERR_PRESENT | PF_ERR_WRITE);
	assert_int_equal(w->regs.rip, RIP_START);
	assert_int_equal(w->regs.rsi, DATA_PAGE + 16);
	assert_int_equal(w->regs.rdi, USER_PAGE + 0x1000);
	assert_int_equal(w->regs.rcx, 3);
	world_set_page(w, USER_PAGE + 0x1000, PAGE_P | PAGE_W);
	assert_int_equal(emulate(&w->e), EMULATE_DONE);
	assert_int_equal(world_u64(w, USER_PAGE + 0x1010), 4);
	assert_int_equal(w->regs.rip, RIP_START + code.len);

	w->regs.rcx = 2;
	w->regs.rdi = USER_PAGE + 0x1ff8;
	world_set_page(w, USER_PAGE + 0x2000, 0);
	code = CODE("rep stosq");
	assert_int_equal(world_run(w, &code), EMULATE_EXCEPTION);
	assert_int_equal(w->regs.rcx, 1);
	assert_int_equal(w->e.exception.error, PF_ERR_WRITE);
	assert_int_equal(w->e.exception.cr2, USER_PAGE + 0x2000);
	world_destroy(w);
}

static void fs_and_gs_have_bases_and_the_others_none(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->cpu.segment[VIRTUAL_DS].base = 0x1000000;
	w->cpu.segment[VIRTUAL_ES].base = 0x1000000;
	world_put64(w, DATA_PAGE + 8, 77);
	w->regs.rax = 8;
	check_done(w, CODE("mov rcx, gs:[rax]"));
	assert_int_equal(w->regs.rcx, 77);
	w->regs.rax = DATA_PAGE + 8;
	check_done(w, CODE("mov rdx, ds:[rax]"));
	assert_int_equal(w->regs.rdx, 77);
	w->regs.rax |= UINT64_C(0x100000000);
	check_done(w, CODE("mov rbx, [eax]"));
	assert_int_equal(w->regs.rbx, 77);
	w->regs.rax = 0xfffffff8;
	w->regs.rcx = DATA_PAGE + 16;
	check_done(w, CODE("mov rdx, [eax + ecx]"));
	assert_int_equal(w->regs.rdx, 77);
	check_done(w, CODE("mov ecx, [rip + 0x20008 - 0x10106]"));
	assert_int_equal(w->regs.rcx, 77);
	world_destroy(w);
}

static void moves_turn_bytes_over(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rdi = DATA_PAGE;
	w->regs.rcx = 0x1122334455667788;
	check_done(w, CODE("movbe [rdi], rcx"));
	assert_int_equal(world_u64(w, DATA_PAGE), 0x8877665544332211);
	check_done(w, CODE("movbe [rdi], cx"));
	assert_int_equal(world_u64(w, DATA_PAGE), 0x8877665544338877);
	check_done(w, CODE("movbe [rdi + 4], ecx"));
	assert_int_equal(world_u64(w, DATA_PAGE), 0x8877665544338877);
	check_done(w, CODE("movbe edx, [rdi]"));
	assert_int_equal(w->regs.rdx, 0x77883344);
	world_destroy(w);
}

static void direct_stores_are_stores(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rdi = DATA_PAGE;
	w->regs.rcx = 0x1122334455667788;
	check_done(w, CODE("movdiri [rdi], rcx"));
	assert_int_equal(world_u64(w, DATA_PAGE), 0x1122334455667788);
	check_done(w, CODE("movdiri [rdi + 8], ecx"));
	assert_int_equal(world_u64(w, DATA_PAGE + 8), 0x55667788);
	world_destroy(w);
}

/* What has more than general registers to store is left to who asked; text names it. */
static void other_stores_are_nothing_here(void **state)
{
	const struct code codes[] = {
		CODE("movaps [rdi], xmm1"),   CODE("movntdq [rdi], xmm1"),
		CODE("vmovups [rdi], ymm1"),  CODE("vmovups [rdi], zmm1"),
		CODE("movdir64b rdi, [rsi]"), CODE("maskmovdqu xmm1, xmm2"),
		CODE("fstp qword ptr [rdi]"), CODE("fxsave [rdi]"),
		CODE("xsave [rdi]"),	      CODE("xsaveopt [rdi]"),
		CODE("movsd [rdi], xmm1"),    CODE("movq [rdi], xmm1"),
		CODE("movd [rdi], xmm1"),     CODE("pextrq [rdi], xmm1, 1"),
		CODE("stmxcsr [rdi]"),	      CODE("fnstcw [rdi]"),
	};
	struct world *w = world_create();

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		CHECK_NUMBER(codes[i].text, "end", world_run(w, &codes[i]), EMULATE_UNPRIVILEGED);
		CHECK_TRUE(codes[i].text, w->e.text[0] != 0);
	}
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bit_string_reaches_to_both_sides),
		cmocka_unit_test(byte_registers_with_and_without_rex),
		cmocka_unit_test(a_change_is_checked_as_a_write_from_the_start),
		cmocka_unit_test(smap_looks_at_the_virtual_ac),
		cmocka_unit_test(lock_is_one_atomic_step_tried_until_it_holds),
		cmocka_unit_test(a_string_goes_on_where_it_faulted),
		cmocka_unit_test(fs_and_gs_have_bases_and_the_others_none),
		cmocka_unit_test(moves_turn_bytes_over),
		cmocka_unit_test(direct_stores_are_stores),
		cmocka_unit_test(other_stores_are_nothing_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
