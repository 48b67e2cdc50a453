/* SPDX-License-Identifier: MIT */
/*
 * What works on the stack, against the processor itself: its code, data and stack lie natively where
 * the emulated guest has them, so that every address that is pushed is the same.
 */
#include "test_emulate_fixture.h"

#include <sys/mman.h>

#define SIZE   0x2000 /* of the code's and the data's pages */
#define STACK  (DATA_PAGE + 0x400)
#define FRAME  (DATA_PAGE + 0x600)
#define ROUNDS 50

/* What the trampoline loads and stores; the order is stack_run's. */
struct native {
	uint64_t rcx, rdi, rsp, rbp, code;
};

void stack_run(struct native *n);

/* RSP and RBP wait in RDX and RBX until the code has swapped them in, and until it has swapped them
 * out again. */
#define SWAP "xchg rsp, rdx\n\txchg rbp, rbx"

__asm__(".text\n"
	".globl stack_run\n"
	"stack_run:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	mov %rdi, %r12\n"
	"	mov 0(%r12), %rcx\n"
	"	mov 8(%r12), %rdi\n"
	"	mov 16(%r12), %rdx\n"
	"	mov 24(%r12), %rbx\n"
	"	call *32(%r12)\n"
	"	mov %rcx, 0(%r12)\n"
	"	mov %rdi, 8(%r12)\n"
	"	mov %rdx, 16(%r12)\n"
	"	mov %rbx, 24(%r12)\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n");

static uint64_t seed = 0x2545f4914f6cdd1d;

static uint64_t roll(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Code and data at their guest addresses. False if this kernel gives no memory there. */
static bool map_pages(void)
{
	const gva_t at[] = {CODE_PAGE, DATA_PAGE};

	for (size_t i = 0; i < COUNT(at); i++) {
		void *want = (void *)(uintptr_t)at[i]; /* NOLINT(performance-no-int-to-ptr) */

		if (mmap(want, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != want)
			return false;
	}
	return true;
}

static void unmap_pages(void)
{
	munmap((void *)(uintptr_t)CODE_PAGE, SIZE); /* NOLINT(performance-no-int-to-ptr) */
	munmap((void *)(uintptr_t)DATA_PAGE, SIZE); /* NOLINT(performance-no-int-to-ptr) */
}

static void compare_once(struct world *w, const struct code *code)
{
	const struct code swap = CODE(SWAP);
	uint8_t *data = (uint8_t *)(uintptr_t)DATA_PAGE; /* NOLINT(performance-no-int-to-ptr) */
	uint8_t *text = (uint8_t *)(uintptr_t)RIP_START; /* NOLINT(performance-no-int-to-ptr) */
	struct native n = {.rcx = RIP_START + code->len,
			   .rdi = DATA_PAGE + 0x800,
			   .rsp = STACK + roll() % 16,
			   .rbp = FRAME + roll() % 16,
			   .code = RIP_START - swap.len};

	for (unsigned i = 0; i < SIZE; i += 8) {
		uint64_t value = roll();

		memcpy(data + i, &value, 8);
	}
	/* CALL goes on behind itself. */
	memcpy(data + 0x800, &n.rcx, 8);
	memcpy(world_at(w, DATA_PAGE), data, SIZE);
	w->regs.rcx = n.rcx;
	w->regs.rdi = n.rdi;
	w->regs.rsp = n.rsp;
	w->regs.rbp = n.rbp;
	memcpy(text - swap.len, swap.bytes, swap.len);
	memcpy(text, code->bytes, code->len);
	memcpy(text + code->len, swap.bytes, swap.len);
	text[code->len + swap.len] = 0xc3;
	stack_run(&n);
	check_done(w, *code);

	CHECK_NUMBER(code->text, "RCX", w->regs.rcx, n.rcx);
	CHECK_NUMBER(code->text, "RDI", w->regs.rdi, n.rdi);
	CHECK_NUMBER(code->text, "RSP", w->regs.rsp, n.rsp);
	CHECK_NUMBER(code->text, "RBP", w->regs.rbp, n.rbp);
	CHECK_NUMBER(code->text, "RIP", w->regs.rip, RIP_START + code->len);
	CHECK_NUMBER(code->text, "memory differs", memcmp(world_at(w, DATA_PAGE), data, SIZE) != 0,
		     0);
}

static void the_stack_is_as_the_processor_leaves_it(void **state)
{
	const struct code codes[] = {
		CODE("push rcx"),
		CODE("push cx"),
		CODE("push 0x12345678"),
		CODE("push -2"),
		CODE("push rsp"),
		CODE("push qword ptr [rdi + 8]"),
		CODE("push word ptr [rdi]"),
		CODE("push qword ptr [rsp + 8]"),
		CODE("pop qword ptr [rdi]"),
		CODE("pop word ptr [rdi + 3]"),
		CODE("pop qword ptr [rsp]"),
		CODE("pop qword ptr [rsp - 8]"),
		CODE("pop rcx"),
		CODE(".byte 0xe8, 0, 0, 0, 0 # call behind itself"),
		CODE("call rcx"),
		CODE("call qword ptr [rdi]"),
		CODE("enter 0, 0"),
		CODE("enter 0x40, 0"),
		CODE("enter 8, 1"),
		CODE("enter 0x10, 2"),
		CODE("enter 0x20, 7"),
		CODE("enter 0, 31"),
		CODE("enter 0, 33"),
	};
	struct world *w = world_create();

	(void)state;
	if (!map_pages()) {
		print_message("skipped: no memory at 0x%x (vm.mmap_min_addr)\n", CODE_PAGE);
		world_destroy(w);
		skip();
	}
	for (size_t i = 0; i < COUNT(codes); i++)
		for (unsigned round = 0; round < ROUNDS; round++)
			compare_once(w, &codes[i]);
	unmap_pages();
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

static void a_non_canonical_stack_is_a_stack_fault(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rsp = UINT64_C(0x800000000000) + 4;
	check_exception(w, CODE("push rax"), VECTOR_SS, 0);
	check_exception(w, CODE("mov eax, [rsp]"), VECTOR_SS, 0);
	check_exception(w, CODE("pop fs"), VECTOR_SS, 0);
	check_exception(w, CODE("pushfq"), VECTOR_SS, 0);
	check_exception(w, CODE("call rcx"), VECTOR_SS, 0);
	check_exception(w, CODE("enter 16, 0"), VECTOR_SS, 0);
	w->regs.rbp = UINT64_C(0x800000000000);
	check_exception(w, CODE("add [rbp], eax"), VECTOR_SS, 0);
	world_destroy(w);
}

/* Nothing has changed when the last of several stores cannot be done, but the memory below RSP. */
static void a_call_or_a_frame_that_faults_starts_again(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rsp = DATA_PAGE + 16;
	w->regs.rbp = DATA_PAGE + 0x100;
	world_set_page(w, DATA_PAGE - 0x1000, PAGE_P);
	check_exception(w, CODE("enter 0, 4"), VECTOR_PF, PF_ERR_PRESENT | PF_ERR_WRITE);
	assert_int_equal(w->e.exception.cr2, DATA_PAGE - 8);
	w->regs.rsp = DATA_PAGE + 4;
	check_exception(w, CODE("call rcx"), VECTOR_PF, PF_ERR_PRESENT | PF_ERR_WRITE);
	w->regs.rsp = DATA_PAGE + 16;
	w->regs.rcx = UINT64_C(0x800000000000);
	check_exception(w, CODE("call rcx"), VECTOR_GP, 0);
	check_exception(w, CODE("call qword ptr [rcx]"), VECTOR_GP, 0);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stack_is_as_the_processor_leaves_it),
		cmocka_unit_test(push_and_pop_move_rsp),
		cmocka_unit_test(a_non_canonical_stack_is_a_stack_fault),
		cmocka_unit_test(a_call_or_a_frame_that_faults_starts_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
