/* SPDX-License-Identifier: MIT */
/* What is said of a guest whose text shadow mode cannot run rightly, and of one that is clean. */
#include "fixture.h"
#include "groups.h"
#include "process.h"

#include "kvm/vendor.h"
#include "x86.h"

#define SILENT "build/tests/guests/silent.elf"
#define PREFIX "penumbra: " SILENT ": "

static struct process process, *const p = &process;

static const char heading[] = PREFIX "shadow mode cannot trap these (docs/guest-rules.md):\n";
static const char flags[] = PREFIX "PUSHFQ at flags (2 times) may show IF = 1, IOPL = 0\n" PREFIX
				   "POPFQ at flags+0x3 may leave IF and IOPL alone\n";
static const char selectors[] = PREFIX "LAR at selectors+0x5 may look into another GDT\n";

/* The flags are the guest's own wherever IOPL is honoured. */
static bool flags_are_silent(void)
{
	return kvm_vendor_paging() == PN_PAGING_SHADOW_PVM;
}

static void expect_warnings(const char *name)
{
	char want[512];

	snprintf(want, sizeof(want), "%s%s%s", heading, flags_are_silent() ? flags : "", selectors);
	CHECK_NUMBER(name, "status", p->status, 0);
	if (strcmp(p->err, want) != 0)
		fail_msg("%s: \"%s\", and not \"%s\"", name, p->err, want);
}

static void silent_instructions_are_told_where_shadow_mode_may_be(void **state)
{
	(void)state;
	RUN(p, "run", "--mmu=shadow", SILENT);
	expect_warnings("shadow");
	RUN(p, "run", "--mmu=hw", "--toggle-every=1", SILENT);
	expect_warnings("toggling");
}

static void nothing_is_told_in_hw_mode_or_where_it_is_not_wanted(void **state)
{
	(void)state;
	RUN(p, "run", SILENT);
	assert_int_equal(p->status, 0);
	assert_string_equal(p->err, "");
	RUN(p, "run", "--mmu=shadow", "--no-warnings", SILENT);
	assert_int_equal(p->status, 0);
	assert_string_equal(p->err, "");
}

static void our_own_guests_give_no_cause(void **state)
{
	static const char *const guests[] = {
		"build/guest/pagelab.elf", "build/guest/pagelab-high.elf",
		"build/examples/hello.elf", "build/examples/fault.elf"};

	(void)state;
	for (size_t i = 0; i < COUNT(guests); i++) {
		RUN(p, "run", "--mmu=shadow", guests[i]);
		CHECK_NUMBER(guests[i], "status", p->status, 0);
		if (p->err_len)
			fail_msg("%s: %s", guests[i], p->err);
	}
}

static void the_library_tells_as_well(void **state)
{
	const struct pn_config shadow = {.mode = PN_MODE_SHADOW};
	struct subject *s = *state;
	size_t count;

	subject_make(s, &shadow);
	assert_int_equal(pn_warnings(s->m), 0);
	assert_null(pn_warning(s->m, 0));
	assert_int_equal(pn_load_elf(s->m, SILENT, &s->err), PN_OK);
	count = pn_warnings(s->m);
	assert_int_equal(count, flags_are_silent() ? 3 : 1);
	assert_string_equal(pn_warning(s->m, count - 1),
			    "LAR at selectors+0x5 may look into another GDT");
	assert_null(pn_warning(s->m, count));
	subject_unmake(s);

	subject_make(s, NULL);
	assert_int_equal(pn_load_elf(s->m, SILENT, &s->err), PN_OK);
	assert_int_equal(pn_warnings(s->m), 0);
}

static bool is_told(const struct pn_machine *m, const char *start)
{
	for (size_t i = 0; i < pn_warnings(m); i++)
		if (strncmp(pn_warning(m, i), start, strlen(start)) == 0)
			return true;
	return false;
}

/* The script guest keeps what its first instructions read. */
static void what_is_told_is_so_on_this_host(void **state)
{
	const struct pn_config shadow = {.mode = PN_MODE_SHADOW};
	struct subject *s = *state;
	struct script_initial i;
	uint64_t gdt, rflags;

	subject_pass(s, &shadow, "");
	assert_int_equal(pn_read(s->m, subject_symbol(s, "initial"), &i, sizeof(i)), PN_OK);
	rflags = i.rflags & (RFLAGS_IF | RFLAGS_IOPL);
	assert_true(is_told(s->m, "PUSHFQ") ? rflags == RFLAGS_IF : rflags == RFLAGS_IOPL);
	memcpy(&gdt, i.gdt.base, sizeof(gdt));
	assert_true(is_told(s->m, "SGDT") == (gdt >= PN_BOOT_AREA_END));
	assert_true(is_told(s->m, "MOV from CS") && i.cs != PN_BOOT_CS && (i.cs & 3) == 3);
	assert_true(is_told(s->m, "MOV from SS") && i.ss != PN_BOOT_DS && (i.ss & 3) == 3);
	assert_true(is_told(s->m, "MOV from DS/ES/FS/GS") && i.ds != PN_BOOT_DS);
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(silent_instructions_are_told_where_shadow_mode_may_be),
	SUBJECT_TEST(nothing_is_told_in_hw_mode_or_where_it_is_not_wanted),
	SUBJECT_TEST(our_own_guests_give_no_cause),
	SUBJECT_TEST(the_library_tells_as_well),
	SUBJECT_TEST(what_is_told_is_so_on_this_host),
};

GROUP_OF(warnings, tests);
