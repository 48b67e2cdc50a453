/* SPDX-License-Identifier: MIT */
/*
 * General instructions on memory. The oracle of the arithmetic is the processor itself: the same
 * bytes run natively on a buffer, and result, registers and flags must agree.
 */
#include "test_emulate_fixture.h"

#include <sys/mman.h>

/* What the trampoline loads and stores; the order is native_run's. */
struct native {
	uint64_t rax, rcx, rdx, rbx, rsi, rdi, rflags;
	const void *code;
};

void native_run(struct native *n);

__asm__(".text\n"
	".globl native_run\n"
	"native_run:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	mov %rdi, %rbp\n"
	"	mov 0(%rbp), %rax\n"
	"	mov 8(%rbp), %rcx\n"
	"	mov 16(%rbp), %rdx\n"
	"	mov 24(%rbp), %rbx\n"
	"	mov 32(%rbp), %rsi\n"
	"	mov 40(%rbp), %rdi\n"
	"	push 48(%rbp)\n"
	"	popf\n"
	"	call *56(%rbp)\n"
	"	pushf\n"
	"	pop 48(%rbp)\n"
	"	cld\n"
	"	mov %rax, 0(%rbp)\n"
	"	mov %rcx, 8(%rbp)\n"
	"	mov %rdx, 16(%rbp)\n"
	"	mov %rbx, 24(%rbp)\n"
	"	mov %rsi, 32(%rbp)\n"
	"	mov %rdi, 40(%rbp)\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n");

#define ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define NO_AF	   (ARITHMETIC & ~RFLAGS_AF)
#define ROUNDS	   2000
#define BUFFER	   256
#define MIDDLE	   128

static uint64_t seed = 0x2545f4914f6cdd1d;

/* Random, and often one of the values where carries and signs turn. */
static uint64_t operand(void)
{
	static const uint64_t edges[] = {0,
					 1,
					 0x7f,
					 0x80,
					 0xff,
					 0x7fff,
					 0x8000,
					 0xffff,
					 0x7fffffff,
					 0x80000000,
					 0xffffffff,
					 INT64_MAX,
					 UINT64_C(1) << 63,
					 UINT64_MAX};

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed & 0x300 ? seed * 0x9e3779b97f4a7c15 : edges[(seed >> 12) % COUNT(edges)];
}

struct compared {
	struct code code;
	uint64_t flags;	   /* that are defined */
	uint64_t rcx_mask; /* bounds RCX for shifts and bit strings; 0: none */
};

static void compare_once(struct world *w, const struct compared *c, uint8_t *page)
{
	uint8_t *buffer = page + 64;
	struct native n = {.rax = operand(), .rcx = operand(), .rdx = operand(), .rbx = operand()};

	for (unsigned i = 0; i < BUFFER; i += 8) {
		uint64_t value = operand();

		memcpy(buffer + i, &value, 8);
	}
	if (c->rcx_mask)
		n.rcx &= c->rcx_mask;
	/* Often a match for CMPXCHG. */
	if (seed & 1)
		memcpy(buffer + MIDDLE, &n.rax, 8);
	if (seed & 2)
		memcpy(buffer + MIDDLE + 8, &n.rdx, 8);
	n.rflags = RFLAGS_FIXED | RFLAGS_IF | (operand() & ARITHMETIC);
	memcpy(world_at(w, DATA_PAGE), buffer, BUFFER);
	w->regs.rax = n.rax;
	w->regs.rcx = n.rcx;
	w->regs.rdx = n.rdx;
	w->regs.rbx = n.rbx;
	w->regs.rdi = DATA_PAGE + MIDDLE;
	w->regs.rsi = DATA_PAGE + 16;
	w->regs.rflags = n.rflags;
	n.rdi = (uintptr_t)buffer + MIDDLE;
	n.rsi = (uintptr_t)buffer + 16;
	n.code = page + 2048;
	native_run(&n);
	check_done(w, c->code);

	CHECK_NUMBER(c->code.text, "RAX", w->regs.rax, n.rax);
	CHECK_NUMBER(c->code.text, "RCX", w->regs.rcx, n.rcx);
	CHECK_NUMBER(c->code.text, "RDX", w->regs.rdx, n.rdx);
	CHECK_NUMBER(c->code.text, "RBX", w->regs.rbx, n.rbx);
	CHECK_NUMBER(c->code.text, "RDI", w->regs.rdi - DATA_PAGE, n.rdi - (uintptr_t)buffer);
	CHECK_NUMBER(c->code.text, "RSI", w->regs.rsi - DATA_PAGE, n.rsi - (uintptr_t)buffer);
	CHECK_NUMBER(c->code.text, "flags", w->regs.rflags & c->flags, n.rflags & c->flags);
	CHECK_NUMBER(c->code.text, "memory differs",
		     memcmp(world_at(w, DATA_PAGE), buffer, BUFFER) != 0, 0);
}

static void compare(const struct compared *cases, size_t count, bool exchange)
{
	uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct world *w = world_create();

	assert_true(page != MAP_FAILED);
	world_use_exchange(w, exchange);
	for (size_t i = 0; i < count; i++) {
		memcpy(page + 2048, cases[i].code.bytes, cases[i].code.len);
		page[2048 + cases[i].code.len] = 0xc3;
		for (unsigned round = 0; round < ROUNDS; round++)
			compare_once(w, &cases[i], page);
	}
	world_destroy(w);
	assert_int_equal(munmap(page, 4096), 0);
}

#define SIZES(op, flags)                                               \
	{CODE(op " byte ptr [rdi], cl"), (flags), 0},                  \
		{CODE(op " word ptr [rdi], cx"), (flags), 0},          \
		{CODE(op " dword ptr [rdi], ecx"), (flags), 0},        \
		{CODE(op " qword ptr [rdi], rcx"), (flags), 0},        \
		{CODE(op " byte ptr [rdi - 3], 0x85"), (flags), 0},    \
		{CODE(op " dword ptr [rdi], 0x81234567"), (flags), 0}, \
	{                                                              \
		CODE(op " qword ptr [rdi + 7], -2"), (flags), 0        \
	}

#define SIZES_OF_ONE(op, flags)                                                             \
	{CODE(op " byte ptr [rdi]"), (flags), 0}, {CODE(op " word ptr [rdi]"), (flags), 0}, \
		{CODE(op " dword ptr [rdi]"), (flags), 0},                                  \
	{                                                                                   \
		CODE(op " qword ptr [rdi]"), (flags), 0                                     \
	}

/* OF is defined for a count of 1 only, AF never, CF up to the operand's width. */
#define SHIFTS(op)                                                                            \
	{CODE(op " byte ptr [rdi], 1"), NO_AF, 0}, {CODE(op " word ptr [rdi], 1"), NO_AF, 0}, \
		{CODE(op " dword ptr [rdi], 1"), NO_AF, 0},                                   \
		{CODE(op " qword ptr [rdi], 1"), NO_AF, 0},                                   \
		{CODE(op " byte ptr [rdi], cl"), NO_AF & ~RFLAGS_OF, 7},                      \
		{CODE(op " word ptr [rdi], cl"), NO_AF & ~RFLAGS_OF, 15},                     \
		{CODE(op " dword ptr [rdi], cl"), NO_AF & ~RFLAGS_OF, 0},                     \
		{CODE(op " qword ptr [rdi], cl"), NO_AF & ~RFLAGS_OF, 0},                     \
	{                                                                                     \
		CODE(op " qword ptr [rdi], 63"), NO_AF & ~RFLAGS_OF, 0                        \
	}

#define BITS(op)                                                      \
	{CODE(op " word ptr [rdi], cx"), RFLAGS_CF, 0x7f},            \
		{CODE(op " dword ptr [rdi], ecx"), RFLAGS_CF, 0x1ff}, \
		{CODE(op " qword ptr [rdi], rcx"), RFLAGS_CF, 0x1ff}, \
		{CODE(op " dword ptr [rdi], 0x45"), RFLAGS_CF, 0},    \
	{                                                             \
		CODE(op " qword ptr [rdi], 0xff"), RFLAGS_CF, 0       \
	}

static void arithmetic_agrees_with_the_processor(void **state)
{
	const struct compared cases[] = {
		SIZES("add", ARITHMETIC),
		SIZES("adc", ARITHMETIC),
		SIZES("sub", ARITHMETIC),
		SIZES("sbb", ARITHMETIC),
		SIZES("cmp", ARITHMETIC),
		SIZES("and", NO_AF),
		SIZES("or", NO_AF),
		SIZES("xor", NO_AF),
		SIZES("test", NO_AF),
		SIZES("mov", ARITHMETIC),
		{CODE("add rcx, [rdi]"), ARITHMETIC, 0},
		{CODE("sub ecx, [rdi]"), ARITHMETIC, 0},
		{CODE("cmp ch, [rdi]"), ARITHMETIC, 0},
		{CODE("xor dh, bl"), NO_AF, 0},
		{CODE("lock add [rdi], ah"), ARITHMETIC, 0},
		{CODE("lock sbb [rdi], rdx"), ARITHMETIC, 0},
	};

	(void)state;
	compare(cases, COUNT(cases), true);
}

static void single_operands_agree_with_the_processor(void **state)
{
	const struct compared cases[] = {
		SIZES_OF_ONE("inc", ARITHMETIC),
		SIZES_OF_ONE("dec", ARITHMETIC),
		SIZES_OF_ONE("neg", ARITHMETIC),
		SIZES_OF_ONE("not", ARITHMETIC),
		SHIFTS("shl"),
		SHIFTS("shr"),
		SHIFTS("sar"),
	};

	(void)state;
	compare(cases, COUNT(cases), true);
}

static void exchanges_agree_with_the_processor(void **state)
{
	const struct compared cases[] = {
		{CODE("xchg [rdi], cl"), ARITHMETIC, 0},
		{CODE("xchg rdx, [rdi]"), ARITHMETIC, 0},
		{CODE("xchg ecx, edx"), ARITHMETIC, 0},
		{CODE("xadd [rdi], ch"), ARITHMETIC, 0},
		{CODE("lock xadd [rdi], ecx"), ARITHMETIC, 0},
		{CODE("xadd [rdi], rbx"), ARITHMETIC, 0},
		{CODE("xadd rcx, rdx"), ARITHMETIC, 0},
		{CODE("xadd ecx, ecx"), ARITHMETIC, 0},
		{CODE("cmpxchg [rdi], cl"), ARITHMETIC, 0},
		{CODE("lock cmpxchg [rdi], dx"), ARITHMETIC, 0},
		{CODE("cmpxchg [rdi], ecx"), ARITHMETIC, 0},
		{CODE("lock cmpxchg [rdi], rcx"), ARITHMETIC, 0},
		{CODE("cmpxchg rbx, rcx"), ARITHMETIC, 0},
		{CODE("lock cmpxchg8b [rdi]"), ARITHMETIC, 0},
		{CODE("cmpxchg8b [rdi + 1]"), ARITHMETIC, 0},
		{CODE("lock cmpxchg16b [rdi]"), ARITHMETIC, 0},
	};

	(void)state;
	compare(cases, COUNT(cases), true);
	compare(cases, COUNT(cases), false);
}

static void bits_and_moves_agree_with_the_processor(void **state)
{
	const struct compared cases[] = {
		BITS("bt"),
		BITS("bts"),
		BITS("btr"),
		BITS("btc"),
		{CODE("lock bts dword ptr [rdi], ecx"), RFLAGS_CF, 0x1ff},
		{CODE("btc dx, cx"), RFLAGS_CF, 0},
		{CODE("movzx ecx, byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("movzx rcx, word ptr [rdi]"), ARITHMETIC, 0},
		{CODE("movsx cx, byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("movsx ecx, word ptr [rdi]"), ARITHMETIC, 0},
		{CODE("movsxd rcx, dword ptr [rdi]"), ARITHMETIC, 0},
		{CODE("movnti [rdi], rcx"), ARITHMETIC, 0},
		{CODE("movsb"), ARITHMETIC, 0},
		{CODE("movsq"), ARITHMETIC, 0},
		{CODE("stosw"), ARITHMETIC, 0},
		{CODE("lodsb"), ARITHMETIC, 0},
		{CODE("lodsd"), ARITHMETIC, 0},
		{CODE("rep stosb"), ARITHMETIC, 63},
		{CODE("rep stosq"), ARITHMETIC, 7},
		{CODE("rep movsw"), ARITHMETIC, 31},
	};

	(void)state;
	compare(cases, COUNT(cases), true);
}

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

static void a_non_canonical_stack_is_a_stack_fault(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rsp = UINT64_C(0x800000000000) + 4;
	check_exception(w, CODE("push rax"), VECTOR_SS, 0);
	check_exception(w, CODE("mov eax, [rsp]"), VECTOR_SS, 0);
	check_exception(w, CODE("pop fs"), VECTOR_SS, 0);
	check_exception(w, CODE("pushfq"), VECTOR_SS, 0);
	w->regs.rbp = UINT64_C(0x800000000000);
	check_exception(w, CODE("add [rbp], eax"), VECTOR_SS, 0);
	world_destroy(w);
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

static void push_and_pop_move_rsp(void **state)
{
	struct world *w = world_create();
	uint64_t rsp = w->regs.rsp;

	(void)state;
	w->regs.rax = 0x1122334455667788;
	check_done(w, CODE("push rax"));
	assert_int_equal(world_u64(w, rsp - 8), 0x1122334455667788);
	check_done(w, CODE("push -2"));
	assert_int_equal(world_u64(w, rsp - 16), UINT64_MAX - 1);
	check_done(w, CODE("push rsp"));
	assert_int_equal(world_u64(w, rsp - 24), rsp - 16);
	check_done(w, CODE("push gs"));
	assert_int_equal(w->regs.rsp, rsp - 32);
	check_done(w, CODE("push qword ptr [rsp + 8]"));
	assert_int_equal(world_u64(w, rsp - 40), rsp - 16);
	check_done(w, CODE("pop qword ptr [rsp + 8]"));
	assert_int_equal(world_u64(w, rsp - 32 + 8), rsp - 16);
	check_done(w, CODE("pop rcx"));
	check_done(w, CODE("pop rsp"));
	assert_int_equal(w->regs.rsp, rsp - 16);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic_agrees_with_the_processor),
		cmocka_unit_test(single_operands_agree_with_the_processor),
		cmocka_unit_test(exchanges_agree_with_the_processor),
		cmocka_unit_test(bits_and_moves_agree_with_the_processor),
		cmocka_unit_test(a_bit_string_reaches_to_both_sides),
		cmocka_unit_test(byte_registers_with_and_without_rex),
		cmocka_unit_test(a_change_is_checked_as_a_write_from_the_start),
		cmocka_unit_test(a_non_canonical_stack_is_a_stack_fault),
		cmocka_unit_test(smap_looks_at_the_virtual_ac),
		cmocka_unit_test(push_and_pop_move_rsp),
		cmocka_unit_test(lock_is_one_atomic_step_tried_until_it_holds),
		cmocka_unit_test(a_string_goes_on_where_it_faulted),
		cmocka_unit_test(fs_and_gs_have_bases_and_the_others_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
