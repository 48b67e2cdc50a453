/* SPDX-License-Identifier: MIT */
/* Port I/O: permission by IOPL and the TSS's bitmap, and the string forms' restarts. */
#include "test_emulate_fixture.h"

static void check_access(const struct world *w, unsigned index, uint16_t port, unsigned size,
			 bool in, uint32_t value)
{
	assert_true(index < w->ports);
	assert_int_equal(w->log[index].port, port);
	assert_int_equal(w->log[index].size, size);
	assert_int_equal(w->log[index].in, in);
	assert_int_equal(w->log[index].value, value);
}

static void in_and_out_reach_the_port(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rax = 0xfedcba9876543210;
	w->regs.rdx = 0xffff1234;
	check_done(w, CODE("out 0xfe, al"));
	check_done(w, CODE("out dx, ax"));
	check_done(w, CODE("out dx, eax"));
	check_access(w, 0, 0xfe, 1, false, 0x10);
	check_access(w, 1, 0x1234, 2, false, 0x3210);
	check_access(w, 2, 0x1234, 4, false, 0x76543210);
	check_done(w, CODE("in al, dx"));
	assert_int_equal(w->regs.rax, 0xfedcba9876543244);
	check_done(w, CODE("in ax, 0x80"));
	assert_int_equal(w->regs.rax, 0xfedcba9876543345);
	check_done(w, CODE("in eax, dx"));
	assert_int_equal(w->regs.rax, 0x11223346);
	check_access(w, 4, 0x80, 2, true, 0x11223345);
	world_destroy(w);
}

static void the_end_of_a_run_comes_after_the_instruction(void **state)
{
	struct world *w = world_create();
	struct code code = CODE("out 0xf4, al");

	(void)state;
	w->stop_after = 1;
	assert_int_equal(world_run(w, &code), EMULATE_STOP);
	assert_int_equal(w->regs.rip, RIP_START + 2);
	assert_int_equal(w->e.effects, EFFECT_PORT);
	world_destroy(w);
}

static void a_program_needs_iopl_or_the_bitmap(void **state)
{
	static const struct {
		const char *name;
		uint16_t map;	/* offset in the TSS */
		uint32_t limit; /* of the TSS */
		uint16_t port;
		unsigned iopl;
		bool allowed;
	} cases[] = {
		{"no bitmap", 0x68, 0x67, 0, 0, false},
		{"IOPL 3", 0x68, 0x67, 0, 3, true},
		{"IOPL 2", 0x68, 0x67, 0, 2, false},
		{"clear bits", 0x68, 0x200, 0x20, 0, true},
		{"a set bit", 0x68, 0x200, 0x3e, 0, false},
		{"the next word's bits are clear", 0x68, 0x200, 0x40, 0, true},
		{"across bytes", 0x68, 0x200, 0x3c, 0, true},
		{"across bytes, one set", 0x68, 0x200, 0x3d, 0, false},
		{"last byte of the limit", 0x68, 0x68 + 9, 0x40, 0, true},
		{"one byte short", 0x68, 0x68 + 8, 0x40, 0, false},
		{"bitmap far off", 0xffff, 0x200, 0, 0, false},
		{"TSS too short to say", 0, 102, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world *w = world_create();
		struct code code = CODE("out dx, ax");

		world_enter_user(w);
		w->cpu.iopl = (uint8_t)cases[i].iopl;
		w->cpu.segment[VIRTUAL_TR].limit = cases[i].limit;
		w->regs.rdx = cases[i].port;
		memcpy(world_at(w, TSS_PAGE + 102), &cases[i].map, 2);
		*(uint8_t *)world_at(w, TSS_PAGE + 0x68 + 7) = 0x40; /* port 0x3e */
		code.text = cases[i].name;
		if (cases[i].allowed)
			check_done(w, code);
		else
			check_exception(w, code, VECTOR_GP, 0);
		assert_int_equal(w->ports, cases[i].allowed);
		world_destroy(w);
	}
}

static void width_counts_in_the_bitmap(void **state)
{
	struct world *w = world_create();
	static const uint16_t map = 0x68;

	(void)state;
	world_enter_user(w);
	w->cpu.segment[VIRTUAL_TR].limit = 0x200;
	memcpy(world_at(w, TSS_PAGE + 102), &map, 2);
	*(uint8_t *)world_at(w, TSS_PAGE + 0x68) = 0x08; /* port 3 */
	w->regs.rdx = 0;
	check_done(w, CODE("in al, dx"));
	check_done(w, CODE("in ax, dx"));
	check_exception(w, CODE("in eax, dx"), VECTOR_GP, 0);
	w->regs.rdx = 3;
	check_exception(w, CODE("in al, dx"), VECTOR_GP, 0);
	world_set_page(w, TSS_PAGE, 0);
	check_exception(w, CODE("in al, dx"), VECTOR_PF, 0);
	world_destroy(w);
}

static void rep_outs_goes_element_by_element(void **state)
{
	struct world *w = world_create();

	(void)state;
	memcpy(world_at(w, DATA_PAGE), "\1\2\3\4\5\6\7", 8);
	w->regs.rdx = 0x3f8;
	w->regs.rsi = DATA_PAGE;
	w->regs.rcx = 3;
	check_done(w, CODE("rep outsb"));
	assert_int_equal(w->ports, 3);
	check_access(w, 2, 0x3f8, 1, false, 3);
	assert_int_equal(w->regs.rsi, DATA_PAGE + 3);
	assert_int_equal(w->regs.rcx, 0);
	assert_int_equal(w->regs.rip, RIP_START + 2);
	check_done(w, CODE("rep outsb"));
	assert_int_equal(w->ports, 3);
	assert_int_equal(w->regs.rip, RIP_START + 2);

	w->regs.rflags |= RFLAGS_DF;
	w->regs.rsi = DATA_PAGE + 4;
	w->regs.rcx = UINT64_C(0x900000002);
	check_done(w, CODE(".byte 0x67, 0xf3, 0x6f # rep outsd, 32-bit addresses"));
	check_access(w, 3, 0x3f8, 4, false, 0x00070605);
	check_access(w, 4, 0x3f8, 4, false, 0x04030201);
	assert_int_equal(w->regs.rsi, DATA_PAGE - 4);
	assert_int_equal(w->regs.rcx, 0);
	w->regs.rsi = 0;
	check_done(w, CODE("outs dx, byte ptr gs:[rsi]"));
	check_access(w, 5, 0x3f8, 1, false, 1);
	assert_int_equal(w->ports, 6);
	assert_int_equal(w->regs.rsi, UINT64_MAX);
	world_destroy(w);
}

static void rep_ins_is_restartable_and_loses_nothing(void **state)
{
	struct world *w = world_create();
	struct code code = CODE("rep insw");

	(void)state;
	world_set_page(w, DATA_PAGE + 0x1000, 0);
	w->regs.rdi = DATA_PAGE + 0xffc;
	w->regs.rcx = 4;
	w->regs.rdx = 0x60;
	assert_int_equal(world_run(w, &code), EMULATE_EXCEPTION);
	assert_int_equal(w->e.exception.vector, VECTOR_PF);
	assert_int_equal(w->e.exception.error, PF_ERR_WRITE);
	assert_int_equal(w->e.exception.cr2, DATA_PAGE + 0x1000);
	assert_int_equal(w->regs.rip, RIP_START);
	assert_int_equal(w->regs.rdi, DATA_PAGE + 0x1000);
	assert_int_equal(w->regs.rcx, 2);
	assert_int_equal(w->ports, 2);
	world_set_page(w, DATA_PAGE + 0x1000, PAGE_P | PAGE_W);
	assert_int_equal(emulate(&w->e), EMULATE_DONE);
	assert_int_equal(w->regs.rip, RIP_START + code.len);
	assert_int_equal(w->ports, 4);
	assert_int_equal(world_u64(w, DATA_PAGE + 0xffc), 0x3347334633453344);
	world_destroy(w);
}

static void a_stop_in_the_middle_can_be_gone_on_from(void **state)
{
	struct world *w = world_create();
	struct code code = CODE("rep outsb");

	(void)state;
	w->regs.rsi = DATA_PAGE;
	w->regs.rcx = 5;
	w->stop_after = 2;
	assert_int_equal(world_run(w, &code), EMULATE_STOP);
	assert_int_equal(w->regs.rcx, 3);
	assert_int_equal(w->regs.rip, RIP_START);
	assert_int_equal(emulate(&w->e), EMULATE_DONE);
	assert_int_equal(w->ports, 5);
	assert_int_equal(w->regs.rip, RIP_START + 2);
	world_destroy(w);
}

static void a_long_one_comes_back_now_and_then(void **state)
{
	struct world *w = world_create();
	struct code code = CODE("rep outsb");
	unsigned calls = 1;

	(void)state;
	w->regs.rsi = DATA_PAGE;
	w->regs.rcx = 3000;
	assert_int_equal(world_run(w, &code), EMULATE_DONE);
	for (; w->regs.rip == RIP_START; calls++)
		assert_int_equal(emulate(&w->e), EMULATE_DONE);
	assert_int_equal(w->ports, 3000);
	assert_int_equal(calls, 3);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_and_out_reach_the_port),
		cmocka_unit_test(the_end_of_a_run_comes_after_the_instruction),
		cmocka_unit_test(a_program_needs_iopl_or_the_bitmap),
		cmocka_unit_test(width_counts_in_the_bitmap),
		cmocka_unit_test(rep_outs_goes_element_by_element),
		cmocka_unit_test(rep_ins_is_restartable_and_loses_nothing),
		cmocka_unit_test(a_stop_in_the_middle_can_be_gone_on_from),
		cmocka_unit_test(a_long_one_comes_back_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
