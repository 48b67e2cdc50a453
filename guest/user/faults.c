/* SPDX-License-Identifier: MIT */
/* Ring 3 of `user`: one access of each kind that must not go through, and what error it gives. */
#include "faults.h"

#include "user.h"
#include "x86.h"

#define P   PF_ERR_PRESENT
#define W   PF_ERR_WRITE
#define U   PF_ERR_USER
#define I   PF_ERR_FETCH
#define RET 0xc3

/* The three ways to touch a page, and the error codes they must give; 0: not tried. */
static void expect_denied(gva_t page, uint64_t read, uint64_t write, uint64_t fetch)
{
	const gva_t gva = page + FAULTS_BYTE;
	const uint64_t error[3] = {read, write, fetch};
	static bool (*const probe[3])(gva_t) = {probe_read, probe_write, probe_call};

	for (unsigned i = 0; i < 3; i++) {
		if (!error[i])
			continue;
		expect("an access that must not go through", 0, probe[i](gva));
		expect("error code", error[i], caught.error);
		expect("CR2", gva, caught.gva);
		if (i == 2)
			expect("RIP of a fetch", gva, caught.rip);
	}
}

static void expect_calls(gva_t hole, gva_t kernel_data, uint64_t pid)
{
	static const char text[] = "user     a line written by ring 3\n";

	expect("SYS_GETPID", pid, syscall3(SYS_GETPID, 0, 0, 0));
	expect("SYS_WRITE", sizeof(text) - 1,
	       syscall3(SYS_WRITE, (uintptr_t)text, sizeof(text) - 1, 0));
	expect("SYS_WRITE of too much", SYS_EINVAL,
	       syscall3(SYS_WRITE, (uintptr_t)text, SYS_TEXT_MAX + 1, 0));
	expect("SYS_WRITE from nowhere", SYS_EFAULT, syscall3(SYS_WRITE, hole, 1, 0));
	expect("SYS_WRITE from the kernel", SYS_EFAULT, syscall3(SYS_WRITE, kernel_data, 1, 0));
	expect("SYS_RESUME without a fault", SYS_EINVAL, syscall3(SYS_RESUME, 0, 0, 0));
	expect("a call that does not exist", SYS_EINVAL, syscall3(SYS_COUNT, 0, 0, 0));
	expect("SYS_WAIT without children", SYS_ECHILD, sys_wait());
}

uint64_t user_faults(gva_t base, gva_t kernel_data, gva_t kernel_text, uint64_t pid)
{
	const gva_t data = base + FAULTS_DATA, constant = base + FAULTS_CONSTANT;
	const gva_t code = base + FAULTS_CODE, hole = base + FAULTS_HOLE;

	catch_faults();
	expect_calls(hole, kernel_data, pid);

	expect_denied(hole, U, U | W, U | I);
	expect("the first word of a constant page", 0, *word_at(constant));
	expect_denied(constant, 0, P | U | W, P | U | I);
	*word_at(data) = 1;
	expect_denied(data, 0, 0, P | U | I);
	*word_at(code) = RET;
	expect("SYS_PROTECT", 0, sys_protect(code, PROT_READ | PROT_EXEC));
	expect("a call of executable code", 1, probe_call(code));
	expect_denied(code, 0, P | U | W, 0);

	expect_denied(kernel_data, P | U, P | U | W, P | U | I);
	expect_denied(kernel_text, P | U, P | U | W, P | U | I);
	expect_denied(0, U, U | W, U | I);
	expect("faults that came back", FAULTS_CAUGHT, caught.count);

	/* The kernel side makes its own probes now. */
	sys_block(1);
	expect("what the kernel wrote to a page that was not there", FAULTS_FROM_KERNEL,
	       *word_at(data + PAGE_SIZE));
	expect("a word the kernel was not to write", 0, *word_at(constant));
	expect("a word the kernel was not to write", 1, *word_at(data));
	return 0;
}

/* Four ways to be killed. The kernel must survive all of them. */
uint64_t user_die(uint64_t how)
{
	switch (how) {
	case DIE_PAGE_FAULT: *word_at(DIE_GVA) = 1; break;
	case DIE_INVALID_OPCODE: __asm__ volatile("ud2"); break;
	case DIE_PROTECTION: __asm__ volatile("cli"); break;
	default: __asm__ volatile("int3"); break;
	}
	return 0;
}
