/* SPDX-License-Identifier: MIT */
/* Fetch and decode, of anything. */
#include "test_emulate_fixture.h"

static void a_fetch_goes_no_further_than_the_instruction(void **state)
{
	static const uint8_t cli_at_the_end[] = {0xfa};
	static const uint8_t across[] = {0x0f, 0x22}; /* mov cr3, rax */
	struct world *w = world_create();

	(void)state;
	world_set_page(w, CODE_PAGE + 0x1000, 0);
	w->regs.rip = CODE_PAGE + 0xfff;
	memcpy(world_at(w, w->regs.rip), cli_at_the_end, 1);
	assert_int_equal(emulate(&w->e), EMULATE_DONE);
	assert_int_equal(w->regs.rip, CODE_PAGE + 0x1000);

	assert_int_equal(emulate(&w->e), EMULATE_EXCEPTION);
	assert_int_equal(w->e.exception.vector, VECTOR_PF);
	assert_int_equal(w->e.exception.error, PF_ERR_FETCH);

	w->regs.rip = CODE_PAGE + 0xffe;
	memcpy(world_at(w, w->regs.rip), across, 2);
	assert_int_equal(emulate(&w->e), EMULATE_EXCEPTION);
	assert_int_equal(w->e.exception.cr2, CODE_PAGE + 0x1000);
	assert_int_equal(w->regs.rip, CODE_PAGE + 0xffe);

	world_set_page(w, CODE_PAGE + 0x1000, PAGE_P | PAGE_X);
	*(uint8_t *)world_at(w, CODE_PAGE + 0x1000) = 0xd8;
	w->regs.rax = 0x7000;
	assert_int_equal(emulate(&w->e), EMULATE_DONE);
	assert_int_equal(w->cpu.cr3, 0x7000);
	assert_int_equal(w->regs.rip, CODE_PAGE + 0x1001);
	world_destroy(w);
}

static void what_cannot_be_decoded_is_told_apart(void **state)
{
	struct world *w = world_create();
	struct code code;

	(void)state;
	check_exception(w, CODE(".fill 15, 1, 0x66\n.byte 0x90"), VECTOR_GP, 0);
	check_exception(w, CODE(".byte 0x06 # push es"), VECTOR_UD, NO_ERROR);
	check_exception(w, CODE("lock; .byte 0xf4 # lock hlt"), VECTOR_UD, NO_ERROR);
	check_exception(w, CODE(".byte 0x0f, 0x20, 0xc8 # mov rax, cr1"), VECTOR_UD, NO_ERROR);

	code = CODE("movaps [rax], xmm0");
	assert_int_equal(world_run(w, &code), EMULATE_UNPRIVILEGED);
	assert_string_equal(w->e.text, "movaps [rax], xmm0");
	code = CODE("jmp rax");
	assert_int_equal(world_run(w, &code), EMULATE_UNPRIVILEGED);
	code = CODE("ret");
	assert_int_equal(world_run(w, &code), EMULATE_UNPRIVILEGED);
	code = CODE("xsaves [rax]");
	assert_int_equal(world_run(w, &code), EMULATE_UNKNOWN);
	CHECK_CONTAINS("xsaves", w->e.text, "xsaves");
	assert_memory_equal(&w->regs, &w->old_regs, sizeof(w->regs));
	w->regs.rip = UINT64_C(0x800000000000);
	assert_int_equal(emulate(&w->e), EMULATE_EXCEPTION);
	assert_int_equal(w->e.exception.vector, VECTOR_GP);
	world_destroy(w);
}

static void rf_ends_and_tf_steps(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rflags |= RFLAGS_RF | RFLAGS_TF;
	check_done(w, CODE("cli"));
	assert_false(w->regs.rflags & RFLAGS_RF);
	assert_int_equal(w->e.effects, EFFECT_STEP);
	assert_int_equal(w->cpu.dr[6], 0xffff4ff0);
	w->regs.rflags &= ~RFLAGS_TF;
	check_done(w, CODE("cli"));
	assert_int_equal(w->e.effects, 0);
	world_destroy(w);
}

/* Random bytes, at both privileges: nothing but an answer may come of it. */
static void any_bytes_come_to_an_end(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct world *w = world_create();

		if (round & 1)
			world_enter_user(w);
		w->cpu.iopl = round & 2 ? 3 : 0;
		w->cpu.cr4 |= round & 4 ? CR4_SMAP | CR4_FSGSBASE | CR4_OSXSAVE | CR4_PKE : 0;
		for (unsigned i = 0; i < 200; i++) {
			__u64 *regs = &w->regs.rax;
			uint8_t *at = world_at(w, RIP_START);

			for (unsigned n = 0; n < 16; n++) {
				seed = seed * 6364136223846793005 + 1442695040888963407;
				at[n] = (uint8_t)(seed >> 56);
				regs[n] = seed >> 60 & 1 ? DATA_PAGE + (seed >> 40 & 0xfff) : seed;
			}
			if (i & 1)
				at[0] = 0x0f;
			w->regs.rcx &= 0xff;
			w->regs.rip = RIP_START;
			w->ports = 0;
			if (emulate(&w->e) == EMULATE_EXCEPTION)
				deliver_exception(&w->e,
						  &(struct exception){w->e.exception.vector,
								      w->e.exception.has_error,
								      w->e.exception.error, 0},
						  false);
		}
		world_destroy(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fetch_goes_no_further_than_the_instruction),
		cmocka_unit_test(what_cannot_be_decoded_is_told_apart),
		cmocka_unit_test(rf_ends_and_tf_steps),
		cmocka_unit_test(any_bytes_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
