/* SPDX-License-Identifier: MIT */
/*
 * General instructions against the processor itself: the same bytes run natively on a buffer, and
 * result, registers and flags must agree.
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

/* Of the flags CF alone, and OF for a count of 1; the others are not touched. Any count. */
#define ROTATES(op)                                                            \
	{CODE(op " byte ptr [rdi], 1"), ARITHMETIC, 0},                        \
		{CODE(op " word ptr [rdi], 1"), ARITHMETIC, 0},                \
		{CODE(op " dword ptr [rdi], 1"), ARITHMETIC, 0},               \
		{CODE(op " qword ptr [rdi], 1"), ARITHMETIC, 0},               \
		{CODE(op " byte ptr [rdi], cl"), ARITHMETIC & ~RFLAGS_OF, 0},  \
		{CODE(op " word ptr [rdi], cl"), ARITHMETIC & ~RFLAGS_OF, 0},  \
		{CODE(op " dword ptr [rdi], cl"), ARITHMETIC & ~RFLAGS_OF, 0}, \
		{CODE(op " qword ptr [rdi], cl"), ARITHMETIC & ~RFLAGS_OF, 0}, \
		{CODE(op " word ptr [rdi], 17"), ARITHMETIC & ~RFLAGS_OF, 0},  \
		{CODE(op " byte ptr [rdi], 16"), ARITHMETIC & ~RFLAGS_OF, 0},  \
		{CODE(op " edx, 31"), ARITHMETIC & ~RFLAGS_OF, 0},             \
	{                                                                      \
		CODE(op " qword ptr [rdi], 63"), ARITHMETIC & ~RFLAGS_OF, 0    \
	}

/* Beyond 16 bits of 16 nothing is defined. */
#define SHIFTS_DOUBLE(op)                                                      \
	{CODE(op " word ptr [rdi], dx, 1"), NO_AF, 0},                         \
		{CODE(op " dword ptr [rdi], edx, 1"), NO_AF, 0},               \
		{CODE(op " qword ptr [rdi], rdx, 1"), NO_AF, 0},               \
		{CODE(op " word ptr [rdi], dx, cl"), NO_AF & ~RFLAGS_OF, 15},  \
		{CODE(op " dword ptr [rdi], edx, cl"), NO_AF & ~RFLAGS_OF, 0}, \
		{CODE(op " qword ptr [rdi], rdx, cl"), NO_AF & ~RFLAGS_OF, 0}, \
		{CODE(op " word ptr [rdi], dx, 16"), NO_AF & ~RFLAGS_OF, 0},   \
		{CODE(op " edx, ebx, 13"), NO_AF & ~RFLAGS_OF, 0},             \
	{                                                                      \
		CODE(op " qword ptr [rdi], rdx, 63"), NO_AF & ~RFLAGS_OF, 0    \
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
		ROTATES("rol"),
		ROTATES("ror"),
		ROTATES("rcl"),
		ROTATES("rcr"),
		SHIFTS_DOUBLE("shld"),
		SHIFTS_DOUBLE("shrd"),
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

/* Each of the sixteen conditions, on random flags. */
static void conditions_agree_with_the_processor(void **state)
{
	const struct compared cases[] = {
		{CODE("seto byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setno byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setb byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setnb byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setz byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setnz byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setbe byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setnbe byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("sets byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setns byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setp byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setnp byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setl byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setnl byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setle byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setnle byte ptr [rdi]"), ARITHMETIC, 0},
		{CODE("setle dh"), ARITHMETIC, 0},
	};

	(void)state;
	compare(cases, COUNT(cases), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic_agrees_with_the_processor),
		cmocka_unit_test(single_operands_agree_with_the_processor),
		cmocka_unit_test(exchanges_agree_with_the_processor),
		cmocka_unit_test(bits_and_moves_agree_with_the_processor),
		cmocka_unit_test(conditions_agree_with_the_processor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
