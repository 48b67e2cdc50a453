/* SPDX-License-Identifier: MIT */
/* Control and debug registers, XCR0, MSRs. */
#include "test_emulate_fixture.h"

#define GP0	   FAULT(VECTOR_GP, 0)
#define UD	   FAULT(VECTOR_UD, NO_ERROR)
#define CR0_USUAL  (CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG)
#define HIGH(bits) (UINT64_C(1) << (bits))
#define DR7_GD_BIT UINT64_C(0x2000)

static void cr0_refuses_what_the_manual_refuses(void **state)
{
	const struct row rows[] = {
		{CODE("mov cr0, rax"), .rax = CR0_USUAL, .effects = EFFECT_CR0},
		{CODE("mov cr0, rax"), .rax = CR0_USUAL & ~CR0_WP, .effects = EFFECT_CR0},
		{CODE("mov cr0, rax"), .rax = CR0_USUAL | CR0_CD, .effects = EFFECT_CR0},
		{CODE("mov cr0, rax"), .rax = CR0_USUAL | CR0_CD | CR0_NW, .effects = EFFECT_CR0},
		{CODE("mov cr0, rax"), .rax = CR0_USUAL | CR0_NW, GP0},
		{CODE("mov cr0, rax"), .rax = CR0_USUAL & ~CR0_PE, GP0},
		{CODE("mov cr0, rax"), .rax = CR0_USUAL & ~CR0_PG, GP0},
		{CODE("mov cr0, rax"), .rax = CR0_USUAL | HIGH(32), GP0},
		{CODE("mov cr0, rax"), .rax = CR0_USUAL | HIGH(63), GP0},
		{CODE("lmsw ax"), .rax = CR0_TS | CR0_PE, .effects = EFFECT_CR0},
	};

	(void)state;
	check_rows(rows, COUNT(rows), 0, NULL);
}

static void cr0_reads_back_as_the_guest_wrote_it(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rax = (CR0_USUAL & ~CR0_ET) | CR0_AM | CR0_TS | HIGH(6) | HIGH(28);
	check_done(w, CODE("mov cr0, rax"));
	check_done(w, CODE("mov rdx, cr0"));
	assert_int_equal(w->regs.rdx, CR0_USUAL | CR0_AM | CR0_TS);
	check_done(w, CODE("clts"));
	assert_int_equal(w->cpu.cr0, CR0_USUAL | CR0_AM);
	w->regs.rax = CR0_TS | CR0_MP | HIGH(5);
	check_done(w, CODE("lmsw ax"));
	assert_int_equal(w->cpu.cr0, CR0_USUAL | CR0_AM | CR0_TS | CR0_MP);
	w->regs.rax = 0;
	check_done(w, CODE("lmsw ax"));
	assert_int_equal(w->cpu.cr0, CR0_USUAL | CR0_AM);
	w->regs.rbx = UINT64_MAX;
	check_done(w, CODE("smsw ebx"));
	assert_int_equal(w->regs.rbx, CR0_USUAL | CR0_AM);
	w->regs.rbx = UINT64_MAX;
	check_done(w, CODE("smsw bx"));
	assert_int_equal(w->regs.rbx, (UINT64_MAX << 16) | ((CR0_USUAL | CR0_AM) & 0xffff));
	world_put64(w, DATA_PAGE, UINT64_MAX);
	check_done(w, CODE("smsw [0x20000]"));
	assert_int_equal(world_u64(w, DATA_PAGE),
			 (UINT64_MAX << 16) | ((CR0_USUAL | CR0_AM) & 0xffff));
	world_enter_user(w);
	check_done(w, CODE("smsw eax"));
	w->cpu.cr4 |= CR4_UMIP;
	check_exception(w, CODE("smsw eax"), VECTOR_GP, 0);
	world_destroy(w);
}

static void cr4_refuses_what_the_manual_refuses(void **state)
{
	const struct row rows[] = {
		{CODE("mov cr4, rax"), .rax = CR4_PAE | CR4_PGE, .effects = EFFECT_CR4},
		{CODE("mov cr4, rax"), .rax = CR4_PAE | CR4_SMEP | CR4_SMAP | CR4_PKE,
		 .effects = EFFECT_CR4},
		{CODE("mov cr4, rax"), .rax = CR4_PAE | CR4_PCIDE, .effects = EFFECT_CR4},
		{CODE("mov cr4, rax"), .rax = CR4_PGE, GP0},
		{CODE("mov cr4, rax"), .rax = CR4_PAE | CR4_LA57, GP0},
		{CODE("mov cr4, rax"), .rax = CR4_PAE | CR4_VMXE, GP0},
		{CODE("mov cr4, rax"), .rax = CR4_PAE | HIGH(15), GP0},
		{CODE("mov cr4, rax"), .rax = CR4_PAE | HIGH(19), GP0},
		{CODE("mov cr4, rax"), .rax = CR4_PAE | HIGH(23), GP0},
		{CODE("mov cr4, rax"), .rax = CR4_PAE | HIGH(32), GP0},
		{CODE("mov cr4, rax"), .rax = CR4_PAE | HIGH(63), GP0},
	};

	(void)state;
	check_rows(rows, COUNT(rows), 0, NULL);
}

static void offer_nothing(struct world *w)
{
	w->leaf1_ecx = w->leaf1_edx = w->leaf7_ebx = w->leaf7_ecx = w->ext_edx = 0;
}

static void a_bit_that_cpuid_does_not_offer_is_reserved(void **state)
{
	static const uint64_t bits[] = {CR4_VME,  CR4_PVI,	CR4_TSD,	CR4_DE,
					CR4_PSE,  CR4_MCE,	CR4_PGE,	CR4_OSFXSR,
					CR4_UMIP, CR4_FSGSBASE, CR4_PCIDE,	CR4_SMEP,
					CR4_SMAP, CR4_PKE,	CR4_OSXMMEXCPT, CR4_OSXSAVE};

	(void)state;
	for (size_t i = 0; i < COUNT(bits); i++) {
		const struct row row = {CODE("mov cr4, rax"), .rax = CR4_PAE | bits[i], GP0};
		const struct row offered = {CODE("mov cr4, rax"), .rax = CR4_PAE | bits[i],
					    .effects = EFFECT_CR4};

		check_rows(&row, 1, 0, offer_nothing);
		check_rows(&offered, 1, 0, NULL);
	}
}

static void pge_is_on(struct world *w)
{
	offer_nothing(w);
	w->cpu.cr4 |= CR4_PGE;
}

static void offer_leaf_1_only(struct world *w)
{
	w->last_leaf = 1;
}

static void a_bit_may_stay_and_a_leaf_may_be_missing(void **state)
{
	const struct row stays = {CODE("mov cr4, rax"), .rax = CR4_PAE | CR4_PGE,
				  .effects = EFFECT_CR4};
	const struct row missing = {CODE("mov cr4, rax"), .rax = CR4_PAE | CR4_SMEP, GP0};

	(void)state;
	check_rows(&stays, 1, 0, pge_is_on);
	check_rows(&stays, 1, 0, offer_leaf_1_only);
	check_rows(&missing, 1, 0, offer_leaf_1_only);
}

static void five_levels(struct world *w)
{
	w->cpu.cr4 |= CR4_LA57;
}

static void dirty_pcid(struct world *w)
{
	w->cpu.cr3 |= 0x10;
}

static void pcide_on(struct world *w)
{
	w->cpu.cr4 |= CR4_PCIDE;
}

static void what_depends_on_the_mode(void **state)
{
	const struct row la57 = {CODE("mov cr4, rax"), .rax = CR4_PAE, GP0};
	const struct row pcide = {CODE("mov cr4, rax"), .rax = CR4_PAE | CR4_PCIDE, GP0};
	const struct row stay = {CODE("mov cr4, rax"), .rax = CR4_PAE | CR4_LA57,
				 .effects = EFFECT_CR4};

	(void)state;
	check_rows(&la57, 1, 0, five_levels);
	check_rows(&stay, 1, 0, five_levels);
	check_rows(&pcide, 1, 0, dirty_pcid);
}

static void cr3_is_kept_and_bounded(void **state)
{
	const struct row plain[] = {
		{CODE("mov cr3, rax"), .rax = 0x5018, .effects = EFFECT_CR3},
		{CODE("mov cr3, rax"), .rax = 0x5fff, .effects = EFFECT_CR3},
		{CODE("mov cr3, rax"), .rax = HIGH(40) - 0x1000, .effects = EFFECT_CR3},
		{CODE("mov cr3, rax"), .rax = HIGH(40), GP0},
		{CODE("mov cr3, rax"), .rax = CR3_NOFLUSH | 0x5000, GP0},
	};
	const struct row with_pcid[] = {
		{CODE("mov cr3, rax"), .rax = CR3_NOFLUSH | 0x5001, .effects = EFFECT_CR3},
		{CODE("mov cr3, rax"), .rax = HIGH(62), GP0},
	};
	struct world *w = world_create();

	(void)state;
	check_rows(plain, COUNT(plain), 0, NULL);
	check_rows(with_pcid, COUNT(with_pcid), 0, pcide_on);
	pcide_on(w);
	w->regs.r9 = CR3_NOFLUSH | 0x5007;
	check_done(w, CODE("mov cr3, r9"));
	assert_int_equal(w->cpu.cr3, 0x5007);
	assert_true(w->e.no_flush);
	w->regs.r9 = 0x6007;
	check_done(w, CODE("mov cr3, r9"));
	assert_false(w->e.no_flush);
	check_done(w, CODE("mov r15, cr3"));
	assert_int_equal(w->regs.r15, 0x6007);
	world_destroy(w);
}

static void cr2_and_cr8_hold_what_is_written(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rcx = 0xdeadbeefdeadbeef;
	check_done(w, CODE("mov cr2, rcx"));
	check_done(w, CODE("mov rdx, cr2"));
	assert_int_equal(w->regs.rdx, 0xdeadbeefdeadbeef);
	w->regs.rcx = 15;
	check_done(w, CODE("mov cr8, rcx"));
	check_done(w, CODE("mov rdx, cr8"));
	assert_int_equal(w->regs.rdx, 15);
	w->regs.rcx = 16;
	check_exception(w, CODE("mov cr8, rcx"), VECTOR_GP, 0);
	world_destroy(w);
}

static void debug_registers(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->regs.rax = UINT64_C(0xffff800012345678);
	check_done(w, CODE("mov dr3, rax"));
	assert_int_equal(w->e.effects, EFFECT_DEBUG);
	check_done(w, CODE("mov rbx, dr3"));
	assert_int_equal(w->regs.rbx, w->regs.rax);
	check_exception(w, CODE("mov dr7, rax"), VECTOR_GP, 0);
	check_exception(w, CODE("mov dr6, rax"), VECTOR_GP, 0);
	w->regs.rax = 0xffffffff & ~DR7_GD_BIT;
	check_done(w, CODE("mov dr7, rax"));
	assert_int_equal(w->cpu.dr[7], 0xffff07ff);
	w->regs.rax = 0;
	check_done(w, CODE("mov dr4, rax"));
	assert_int_equal(w->cpu.dr[6], 0xffff0ff0);
	check_done(w, CODE("mov dr5, rax"));
	assert_int_equal(w->cpu.dr[7], 0x400);
	w->cpu.cr4 |= CR4_DE;
	check_exception(w, CODE("mov dr4, rax"), VECTOR_UD, NO_ERROR);
	check_exception(w, CODE("mov rax, dr5"), VECTOR_UD, NO_ERROR);
	w->cpu.dr[7] |= DR7_GD_BIT;
	check_exception(w, CODE("mov rax, dr0"), VECTOR_DB, NO_ERROR);
	assert_int_equal(w->cpu.dr[6], 0xffff2ff0);
	world_destroy(w);
}

static void osxsave_on(struct world *w)
{
	w->cpu.cr4 |= CR4_OSXSAVE;
}

static void xcr0_components_go_together(void **state)
{
	const struct row rows[] = {
		{CODE("xsetbv"), .rax = 1, .effects = EFFECT_XSTATE},
		{CODE("xsetbv"), .rax = 3, .effects = EFFECT_XSTATE},
		{CODE("xsetbv"), .rax = 7, .effects = EFFECT_XSTATE},
		{CODE("xsetbv"), .rax = 0xe7, .effects = EFFECT_XSTATE},
		{CODE("xsetbv"), .rax = 0, GP0},
		{CODE("xsetbv"), .rax = 2, GP0},
		{CODE("xsetbv"), .rax = 5, GP0},
		{CODE("xsetbv"), .rax = 0x27, GP0},
		{CODE("xsetbv"), .rax = 0xe3, GP0},
		{CODE("xsetbv"), .rax = 0x1f, GP0},
		{CODE("xsetbv"), .rax = 3, .rdx = 1, GP0},
		{CODE("xsetbv"), .rax = 3, .rcx = 1, GP0},
		{CODE("xgetbv"), .rcx = 1, GP0},
	};
	const struct row at_cpl3 = {CODE("xsetbv"), .rax = 3, GP0};
	struct world *w = world_create();

	(void)state;
	check_rows(rows, COUNT(rows), 0, osxsave_on);
	check_rows(&at_cpl3, 1, 3, osxsave_on);
	osxsave_on(w);
	w->regs.rax = 7;
	check_done(w, CODE("xsetbv"));
	world_enter_user(w);
	w->regs.rax = w->regs.rdx = UINT64_MAX;
	check_done(w, CODE("xgetbv"));
	assert_int_equal(w->regs.rax, 7);
	assert_int_equal(w->regs.rdx, 0);
	world_destroy(w);
}

static void msr_writes_follow_their_rules(void **state)
{
	const struct row rows[] = {
		{CODE("wrmsr"), .rcx = MSR_EFER, .rax = EFER_SCE | EFER_LME | EFER_LMA,
		 .effects = EFFECT_EFER},
		{CODE("wrmsr"), .rcx = MSR_EFER, .rax = EFER_LME, .effects = EFFECT_EFER},
		{CODE("wrmsr"), .rcx = MSR_EFER, .rax = EFER_LMA, GP0},
		{CODE("wrmsr"), .rcx = MSR_EFER, .rax = EFER_LME | HIGH(12), GP0},
		{CODE("wrmsr"), .rcx = MSR_EFER, .rax = EFER_LME | HIGH(1), GP0},
		{CODE("wrmsr"), .rcx = MSR_EFER, .rax = EFER_LME, .rdx = 1, GP0},
		{CODE("wrmsr"), .rcx = MSR_STAR, .rdx = UINT32_MAX, FINE},
		{CODE("wrmsr"), .rcx = MSR_LSTAR, .rdx = 0xffff8000, FINE},
		{CODE("wrmsr"), .rcx = MSR_LSTAR, .rdx = 0x8000, GP0},
		{CODE("wrmsr"), .rcx = MSR_CSTAR, .rdx = 0x8000, GP0},
		{CODE("wrmsr"), .rcx = MSR_SFMASK, .rax = 0x700, .rdx = 1, FINE},
		{CODE("wrmsr"), .rcx = MSR_FS_BASE, .effects = EFFECT_SEGMENTS},
		{CODE("wrmsr"), .rcx = MSR_FS_BASE, .rdx = 0x8000, GP0},
		{CODE("wrmsr"), .rcx = MSR_GS_BASE, .effects = EFFECT_SEGMENTS},
		{CODE("wrmsr"), .rcx = MSR_GS_BASE, .rdx = 0x10000, GP0},
		{CODE("wrmsr"), .rcx = MSR_KERNEL_GS_BASE, .rdx = 0xffff8000, FINE},
		{CODE("wrmsr"), .rcx = MSR_KERNEL_GS_BASE, .rdx = 0xffff0000, GP0},
		{CODE("wrmsr"), .rcx = MSR_PAT, .rax = 0x00010406, .rdx = 0x05070000, FINE},
		{CODE("wrmsr"), .rcx = MSR_PAT, .rax = 2, GP0},
		{CODE("wrmsr"), .rcx = MSR_PAT, .rdx = 0x03000000, GP0},
		{CODE("wrmsr"), .rcx = MSR_PAT, .rax = 0x800, GP0},
		{CODE("wrmsr"), .rcx = MSR_TSC_AUX, .rax = 7, .effects = EFFECT_TSC_AUX},
		{CODE("wrmsr"), .rcx = MSR_TSC_AUX, .rdx = 1, GP0},
		{CODE("wrmsr"), .rcx = 0x10, .effects = EFFECT_TSC},
		{CODE("wrmsr"), .rcx = 0x1b, .rax = 0xfee00100, FINE},
		{CODE("wrmsr"), .rcx = 0x1b, .rax = 0xfee00900, GP0},
		{CODE("wrmsr"), .rcx = 0x1a0, .rax = 0x1, FINE},
		{CODE("wrmsr"), .rcx = 0x174, .rax = 8, FINE},
		{CODE("wrmsr"), .rcx = 0x175, .rdx = 0x8000, GP0},
		{CODE("wrmsr"), .rcx = 0x176, .rdx = 0x8000, GP0},
		{CODE("wrmsr"), .rcx = 0x2ff, GP0},
		{CODE("wrmsr"), .rcx = 0xc0000105, GP0},
		{CODE("rdmsr"), .rcx = 0xc0000105, GP0},
		{CODE("rdmsr"), .rcx = 0x3b, GP0},
		{CODE("rdmsr"), .rcx = 0xfe, FINE},
		{CODE("rdmsr"), .rcx = 0x20f, FINE},
		{CODE("rdmsr"), .rcx = 0x210, GP0},
	};

	(void)state;
	check_rows(rows, COUNT(rows), 0, NULL);
}

static void msrs_read_back(void **state)
{
	static const struct {
		uint32_t msr;
		uint64_t written, read;
	} cases[] = {
		{MSR_EFER, EFER_LME, EFER_LME | EFER_LMA},
		{MSR_STAR, 0x0123456789abcdef, 0x0123456789abcdef},
		{MSR_LSTAR, 0xffffffff81000000, 0xffffffff81000000},
		{MSR_CSTAR, 0x1000, 0x1000},
		{MSR_SFMASK, 0x1000047700, 0x47700},
		{MSR_FS_BASE, 0x7fffffffffff, 0x7fffffffffff},
		{MSR_GS_BASE, 0xffff800000000000, 0xffff800000000000},
		{MSR_KERNEL_GS_BASE, 0x1234, 0x1234},
		{MSR_PAT, 0x0606060606060606, 0x0606060606060606},
		{MSR_TSC_AUX, 0x12345678, 0x12345678},
		{0x174, 0x10, 0x10},
		{0x175, 0xffff800000000010, 0xffff800000000010},
		{0x176, 0x20, 0x20},
		{0x1a0, 0x400000000, 0x1801},
		{0x10, 5, 0x123456789abcdef0},
	};
	struct world *w = world_create();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		w->regs.rcx = UINT64_C(0xabcd00000000) | cases[i].msr;
		w->regs.rax = UINT64_C(0xffff00000000) | (uint32_t)cases[i].written;
		w->regs.rdx = UINT64_C(0xffff00000000) | cases[i].written >> 32;
		check_done(w, CODE("wrmsr"));
		check_done(w, CODE("rdmsr"));
		CHECK_NUMBER("rdmsr", "EAX", w->regs.rax, (uint32_t)cases[i].read);
		CHECK_NUMBER("rdmsr", "EDX", w->regs.rdx, cases[i].read >> 32);
	}
	assert_int_equal(w->e.tsc, 5);
	assert_int_equal(w->cpu.segment[VIRTUAL_FS].base, 0x7fffffffffff);
	assert_int_equal(w->cpu.segment[VIRTUAL_GS].base, 0xffff800000000000);
	world_destroy(w);
}

static void time_stamps(void **state)
{
	struct world *w = world_create();

	(void)state;
	world_enter_user(w);
	w->cpu.tsc_aux = 9;
	check_done(w, CODE("rdtscp"));
	assert_int_equal(w->regs.rax, 0x9abcdef0);
	assert_int_equal(w->regs.rdx, 0x12345678);
	assert_int_equal(w->regs.rcx, 9);
	check_done(w, CODE("rdpid rbx"));
	assert_int_equal(w->regs.rbx, 9);
	w->cpu.cr4 |= CR4_TSD;
	check_exception(w, CODE("rdtsc"), VECTOR_GP, 0);
	check_exception(w, CODE("rdtscp"), VECTOR_GP, 0);
	w->cpu.cpl = 0;
	check_done(w, CODE("rdtsc"));
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cr0_refuses_what_the_manual_refuses),
		cmocka_unit_test(cr0_reads_back_as_the_guest_wrote_it),
		cmocka_unit_test(cr4_refuses_what_the_manual_refuses),
		cmocka_unit_test(a_bit_that_cpuid_does_not_offer_is_reserved),
		cmocka_unit_test(a_bit_may_stay_and_a_leaf_may_be_missing),
		cmocka_unit_test(what_depends_on_the_mode),
		cmocka_unit_test(cr3_is_kept_and_bounded),
		cmocka_unit_test(cr2_and_cr8_hold_what_is_written),
		cmocka_unit_test(debug_registers),
		cmocka_unit_test(xcr0_components_go_together),
		cmocka_unit_test(msr_writes_follow_their_rules),
		cmocka_unit_test(msrs_read_back),
		cmocka_unit_test(time_stamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
