/* SPDX-License-Identifier: MIT */
/* The command `penumbra explain`: what it says of addresses whose translation is known. */
#include "fixture.h"
#include "groups.h"
#include "process.h"

#include "machine.h"

#include <jansson.h>

#define PAGELAB "build/guest/pagelab.elf"
#define WINDOW	"0x8000000000"

static struct process process, *const p = &process;

static const char *const modes[] = {"--mmu=hw", "--mmu=shadow"};

/* One translation at the end of a script, the same in both modes. */
struct known {
	const char *name, *script[4], *gva, *access, *user;
	const char *says[4];
	unsigned one, two; /* references of the guest's walk, in hw mode */
};

static const struct known knowns[] = {
	{"the guest's text",
	 {"exit", "0"},
	 "0x100000",
	 "x",
	 NULL,
	 {"is    GPA 0x100000", "PTE   [256]", "page  of 4 KiB", "slot 0x0-0x3ffffff"},
	 4,
	 24},
	{"page 0",
	 {"exit", "0"},
	 "0x10",
	 "r",
	 NULL,
	 {"entry not present, by the PTE", "error code 0x0: not present | read | supervisor"},
	 4,
	 20},
	{"no table",
	 {"exit", "0"},
	 "0x8000000000",
	 "w",
	 "--user",
	 {"entry not present, by the PML4E", "error code 0x6: not present | write | user"},
	 1,
	 5},
	{"a read-only page",
	 {"mapro", "0", "200000"},
	 WINDOW,
	 "w",
	 NULL,
	 {"write to a read-only page, by the PTE", "error code 0x3: protection | write"},
	 4,
	 20},
	{"a read-only page, read",
	 {"mapro", "0", "200000"},
	 WINDOW,
	 "r",
	 NULL,
	 {"is    GPA 0x200000", "read-only, supervisor, executable"},
	 4,
	 24},
	{"a no-execute page",
	 {"map", "0", "8000000000200000"},
	 WINDOW,
	 "x",
	 NULL,
	 {"fetch from a no-execute page, by the PTE", "error code 0x11: protection | fetch"},
	 4,
	 20},
	{"a supervisor page",
	 {"map", "0", "200000"},
	 WINDOW,
	 "r",
	 "--user",
	 {"user access to a supervisor page, by the PTE",
	  "error code 0x5: protection | user | read"},
	 4,
	 20},
	{"a reserved bit",
	 {"map", "0", "8000000000000"},
	 WINDOW,
	 "r",
	 NULL,
	 {"reserved bit set in an entry, by the PTE", "bits that should be 0: 0x8000000000000"},
	 4,
	 20},
	{"a GPA in no slot",
	 {"map", "0", "80000000"},
	 WINDOW,
	 "r",
	 NULL,
	 {"is    GPA 0x80000000", "in no memory slot", "MMIO"},
	 4,
	 24},
	{"a large page",
	 {"exit", "0"},
	 "0x612345",
	 "r",
	 NULL,
	 {"is    GPA 0x612345", "page  of 2 MiB", "large"},
	 3,
	 19},
};

/* The two numbers behind a name. */
static bool numbers_after(const char *text, const char *name, unsigned *one, unsigned *two)
{
	const char *at = strstr(text, name);

	return at && sscanf(at + strlen(name), "%u %u", one, two) == 2;
}

static void explain_known(const struct known *k, const char *mode)
{
	char gva[40], access[16];

	snprintf(gva, sizeof(gva), "--gva=%s", k->gva);
	snprintf(access, sizeof(access), "--access=%s", k->access);
	if (k->user)
		RUN(p, "explain", mode, gva, access, k->user, SCRIPT, "--", k->script[0],
		    k->script[1], k->script[2], k->script[3]);
	else
		RUN(p, "explain", mode, gva, access, SCRIPT, "--", k->script[0], k->script[1],
		    k->script[2], k->script[3]);
	if (p->status)
		fail_msg("%s: status %d: %s", k->name, p->status, p->err);
	CHECK_TRUE(k->name, fits_80_columns(p->out));
	for (unsigned i = 0; i < COUNT(k->says) && k->says[i]; i++)
		CHECK_CONTAINS(k->name, p->out, k->says[i]);
}

static void known_addresses_are_explained_in_both_modes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(knowns); i++) {
		const struct known *k = &knowns[i];
		unsigned one, two;

		explain_known(k, "--mmu=hw");
		CHECK_TRUE(k->name, numbers_after(p->out, "nothing cached", &one, &two));
		CHECK_NUMBER(k->name, "one dimension", one, k->one);
		CHECK_NUMBER(k->name, "two", two, k->two);
		CHECK_TRUE(k->name, !strstr(p->out, "shadow's tables"));
		explain_known(k, "--mmu=shadow");
		CHECK_CONTAINS(k->name, p->out, "The shadow's tables, ");
	}
}

static void a_non_canonical_address_reads_no_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		RUN(p, "explain", modes[i], "--gva=0x800000000000", SCRIPT);
		assert_int_equal(p->status, 0);
		CHECK_CONTAINS(modes[i], p->out, "non-canonical address");
		CHECK_CONTAINS(modes[i], p->out, "#GP");
		assert_null(strstr(p->out, "PML4E"));
	}
}

static void a_table_in_no_slot_is_named(void **state)
{
	(void)state;
	RUN(p, "explain", "--gva=0x8000200000", SCRIPT, "--", "map", "0", "200000", "table", "0",
	    "80000000");
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("table", p->out, "The PTE would be at GPA 0x80000000, in no memory slot");
}

/* The processor's tables lead where the guest's lead. */
static void the_shadow_s_own_path_is_shown(void **state)
{
	(void)state;
	RUN(p, "explain", "--mmu=shadow", "--json", "--gva=" WINDOW, SCRIPT, "--", "map", "0",
	    "200000", "w8", "8000000000", "1");
	assert_int_equal(p->status, 0);
	json_t *o = json_loads(p->out, 0, NULL), *shadow = json_object_get(o, "shadow");

	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(shadow, "end")), "a page");
	assert_string_equal(json_string_value(json_object_get(shadow, "gpa")), "0x200000");
	assert_string_equal(json_string_value(json_object_get(shadow, "view")), "kernel");
	assert_int_equal(json_array_size(json_object_get(shadow, "steps")), 4);
	assert_int_equal(json_array_size(json_object_get(o, "steps")), 4);
	json_decref(o);
	RUN(p, "explain", "--mmu=shadow", "--at=user_touch", "--gva=user_touch", PAGELAB);
	CHECK_CONTAINS("other view", p->out, "kernel view, from ");
	CHECK_CONTAINS("other view", p->out, ", not in the real CR3 now\n");
	/* Nobody has come here: the guest's tables have it, the shadow has not. */
	RUN(p, "explain", "--mmu=shadow", "--gva=" WINDOW, SCRIPT, "--", "map", "0", "200000");
	CHECK_CONTAINS("untouched", p->out, "is    GPA 0x200000");
	CHECK_CONTAINS("untouched", p->out, "the next access comes to Penumbra");
	RUN(p, "explain", "--mmu=shadow", "--gva=" WINDOW, "--user", SCRIPT);
	CHECK_CONTAINS("user", p->out, "nobody has looked through this view yet");
}

static void the_guest_stops_at_a_mark(void **state)
{
	static const char *const at[] = {"--at=mark:1", "--at=mark:2", NULL};
	static const char *const is[] = {"entry not present", "GPA 0x200000"};

	(void)state;
	for (size_t mode = 0; mode < COUNT(modes); mode++)
		for (unsigned i = 0; at[i]; i++) {
			RUN(p, "explain", modes[mode], at[i], "--gva=" WINDOW, SCRIPT, "--", "call",
			    "2", "1", "0", "map", "0", "200000", "call", "2", "2", "0", "map", "0",
			    "300000");
			assert_int_equal(p->status, 0);
			CHECK_CONTAINS(at[i], p->out, is[i]);
			CHECK_CONTAINS(at[i], p->out, at[i] + 5 + 5);
		}
}

static void the_guest_stops_before_a_symbol_is_executed(void **state)
{
	static const char *const guests[] = {SCRIPT, SCRIPT_HIGH, SCRIPT_PIE};

	(void)state;
	for (size_t mode = 0; mode < COUNT(modes); mode++)
		for (size_t i = 0; i < COUNT(guests); i++) {
			RUN(p, "explain", modes[mode], "--at=do_w_or_map", "--gva=0", guests[i]);
			expect_failure(p, guests[i], 125, "--at=do_w_or_map: neither");
			RUN(p, "explain", modes[mode], "--at=do_write", "--gva=" WINDOW, guests[i],
			    "--", "map", "0", "200000", "w8", "8000000000", "1", "map", "0",
			    "300000");
			assert_int_equal(p->status, 0);
			CHECK_CONTAINS(guests[i], p->out, "is    GPA 0x200000");
			CHECK_CONTAINS(guests[i], p->out, "(do_write)\n");
			/* The write has not been done yet: no D. */
			CHECK_CONTAINS(guests[i], p->out, "clean");
		}
}

/* What was stopped at is whole again: the byte explained is the instruction's own. */
static void a_stopped_guest_runs_on(void **state)
{
	struct subject *s = *state;
	uint8_t before, after;

	for (int mode = PN_MODE_HW; mode <= PN_MODE_SHADOW; mode++) {
		gva_t gva;

		subject_script(s, &(struct pn_config){.mode = (enum pn_mode)mode},
			       "r1 100000 w8 300000 7 exit 3");
		assert_true(pn_symbol(s->m, "do_write", &gva));
		assert_int_equal(pn_read(s->m, gva, &before, 1), 0);
		assert_int_equal(machine_stop_at(s->m, gva, &s->err), 0);
		assert_int_equal(subject_run(s), PN_END_STOPPED);
		assert_true(s->m->vcpu.stop_at.reached);
		assert_int_equal(mode_of(&s->m->vcpu)->registers(&s->m->vcpu).regs.rip, gva);
		assert_int_equal(pn_read(s->m, gva, &after, 1), 0);
		assert_int_equal(before, after);
		assert_int_equal(subject_read(s, 0x300000), 0);
		assert_int_equal(subject_run(s), PN_END_STATUS);
		assert_int_equal(s->result.status, 3);
		assert_int_equal(subject_read(s, 0x300000), 7);
		subject_unmake(s);
	}
	subject_script(s, &(struct pn_config){.mode = PN_MODE_SHADOW},
		       "r8 8000000000 w8 8000000000 1 exit 4");
	stop_at_fault(&s->m->vcpu, 2);
	assert_int_equal(subject_run(s), PN_END_STOPPED);
	assert_int_equal(s->m->vcpu.stop_at.fault.access, WALK_WRITE);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(s->result.status, 4);
	assert_int_equal(machine_stop_at(s->m, 0x100000, &s->err), PN_ERR_STATE);
}

static void the_guest_stops_at_a_fault_and_explains_it(void **state)
{
	(void)state;
	RUN(p, "explain", "--mmu=shadow", "--at=fault:2", SCRIPT, "--", "r8", "8000000000", "w8",
	    "8000000008", "1");
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("fault", p->out, "GVA 0x8000000008, write by the supervisor");
	CHECK_CONTAINS("fault", p->out, "error code 0x2");
	CHECK_CONTAINS("fault", p->out, "(do_write");
	RUN(p, "explain", "--mmu=shadow", "--at=fault:3", SCRIPT, "--", "r8", "8000000000");
	expect_failure(p, "fault:3", 125, "never came to the point");
}

/* pagelab's first faults are its process's own, at ring 3. */
static void pagelab_is_stopped_in_ring_3(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	RUN(p, "explain", "--mmu=shadow", "--at=user_touch", "--gva=user_touch", "--user",
	    "--access=x", PAGELAB, "--", "touch", "pages=4");
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("pagelab", p->out, "(user_touch)\n");
	CHECK_CONTAINS("pagelab", p->out, "The shadow's tables, user view, from ");
	CHECK_CONTAINS("pagelab", p->out, ", in the real CR3 now\n");
	assert_true(fits_80_columns(p->out));
	RUN(p, "explain", "--mmu=shadow", "--at=fault:3", PAGELAB, "--", "touch", "pages=4");
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("pagelab", p->out, "by user code");
	CHECK_CONTAINS("pagelab", p->out, "| user");
	RUN(p, "explain", "--gva=syscall_entry", PAGELAB, "--", "touch", "pages=4");
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("pagelab", p->out, "read-only, supervisor, executable");
}

static void a_guest_that_died_is_explained(void **state)
{
	(void)state;
	RUN(p, "explain", "--mmu=shadow", "--gva=0x100000", SCRIPT, "--", "triple");
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("died", p->out, "the end of the run: triple fault");
	CHECK_CONTAINS("died", p->out, "is    GPA 0x100000");
	/* kvm_amd resets the vCPU: then there is nothing to explain, and it says so. */
	RUN(p, "explain", "--gva=0x100000", SCRIPT, "--", "triple");
	if (p->status)
		expect_failure(p, "died in hw mode", 125, "registers are lost");
	else
		CHECK_CONTAINS("died in hw mode", p->out, "is    GPA 0x100000");
}

static void the_picture_is_one_piece_of_xml(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		RUN(p, "explain", modes[i], "--svg", "--gva=0x100000", SCRIPT);
		assert_int_equal(p->status, 0);
		assert_int_equal(strncmp(p->out, "<svg ", 5), 0);
		assert_string_equal(p->out + p->out_len - 7, "</svg>\n");
		CHECK_CONTAINS("svg", p->out, "prefers-color-scheme: dark");
		CHECK_CONTAINS("svg", p->out, "PTE [256]");
	}
}

static void a_console_is_not_mixed_with_the_explanation(void **state)
{
	(void)state;
	RUN(p, "explain", "--json", "--gva=0x100000", SCRIPT, "--", "say", "hello");
	assert_int_equal(p->status, 0);
	assert_string_equal(p->err, "hello\n");
	json_t *o = json_loads(p->out, 0, NULL);

	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "outcome")), "translation");
	json_decref(o);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(known_addresses_are_explained_in_both_modes),
	cmocka_unit_test(a_non_canonical_address_reads_no_table),
	cmocka_unit_test(a_table_in_no_slot_is_named),
	cmocka_unit_test(the_shadow_s_own_path_is_shown),
	cmocka_unit_test(the_guest_stops_at_a_mark),
	cmocka_unit_test(the_guest_stops_before_a_symbol_is_executed),
	SUBJECT_TEST(a_stopped_guest_runs_on),
	cmocka_unit_test(the_guest_stops_at_a_fault_and_explains_it),
	cmocka_unit_test(pagelab_is_stopped_in_ring_3),
	cmocka_unit_test(a_guest_that_died_is_explained),
	cmocka_unit_test(the_picture_is_one_piece_of_xml),
	cmocka_unit_test(a_console_is_not_mixed_with_the_explanation),
};

GROUP_OF(explain, tests);
