/* SPDX-License-Identifier: MIT */
/* Shadow mode: the same guests, unmodified, on tables that Penumbra builds. */
#include "fixture.h"
#include "groups.h"
#include "machine.h"
#include "process.h"
#include "x86.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGELAB	     "build/guest/pagelab.elf"
#define PAGELAB_HIGH "build/guest/pagelab-high.elf"

static struct process process, *const p = &process;

static const char *const strategies[] = {"vtlb", "wp", "unsync"};

/* Runs pagelab with options up to NULL and returns its statistics; its exit status must be 0. */
static json_t *run_pagelab(const char *guest, const char *mmu, const char *strategy,
			   const char *words)
{
	char path[] = "/tmp/penumbra-stats.XXXXXX", file[64], with[64];
	int fd = mkstemp(path);
	json_error_t error;
	json_t *root;

	assert_true(fd >= 0);
	snprintf(file, sizeof(file), "--stats-file=%s", path);
	snprintf(with, sizeof(with), "--shadow-strategy=%s", strategy);
	RUN(p, "run", "--timeout=100", file, mmu, with, guest, "--", words);
	root = json_loadfd(fd, 0, &error);
	close(fd);
	unlink(path);
	if (p->status != 0)
		fail_msg("%s %s %s %s: status %d: %s%s", mmu, strategy, guest, words, p->status,
			 p->out, p->err);
	if (!root)
		fail_msg("%s %s: no statistics: %s", guest, words, error.text);
	return root;
}

static json_int_t number(const json_t *root, const char *object, const char *member)
{
	return json_integer_value(
		json_object_get(object ? json_object_get(root, object) : root, member));
}

static void check_all(const char *guest, const char *strategy)
{
	json_t *root = run_pagelab(guest, "--mmu=shadow", strategy, "all");

	CHECK_CONTAINS(strategy, p->out, "all      ok  workloads=10 failed=0");
	assert_string_equal(json_string_value(json_object_get(root, "mode")), "shadow");
	CHECK_TRUE(strategy, number(root, NULL, "hidden_faults") > 0);
	/* Proof of shadow: CR3 is a frame of the VMM area, far above RAM, and the guest's is not. */
	CHECK_TRUE(strategy, number(root, "shadow", "guest_cr3") < (json_int_t)MIB(64));
	CHECK_TRUE(strategy, number(root, "shadow", "real_cr3") > (json_int_t)GIB(4));
	json_decref(root);
}

static void every_workload_passes_with_each_strategy(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	for (size_t i = 0; i < COUNT(strategies); i++)
		check_all(PAGELAB, strategies[i]);
}

/* Proved right at every exit; in a rig, where a proof takes 50 times as long, at every 64th. */
static void every_workload_passes_under_audit(void **state)
{
	const char *audit = repeats(1, 0) ? "--audit" : "--audit=64";

	(void)state;
	skip_without(PAGELAB);
	for (size_t i = 0; i < COUNT(strategies); i++) {
		char strategy[64];

		snprintf(strategy, sizeof(strategy), "--shadow-strategy=%s", strategies[i]);
		RUN(p, "run", "--timeout=110", "--mmu=shadow", audit, "--shadow-mem=2M", strategy,
		    PAGELAB, "--", "all");
		if (p->status != 0)
			fail_msg("%s: status %d: %s%s", strategies[i], p->status, p->out, p->err);
	}
}

static void every_workload_passes_in_the_high_half(void **state)
{
	(void)state;
	skip_without(PAGELAB_HIGH);
	for (size_t i = 0; i < COUNT(strategies); i++)
		check_all(PAGELAB_HIGH, strategies[i]);
}

/* What the guest did to its own tables and registers does not depend on the mode. */
static void the_guest_does_the_same_in_both_modes(void **state)
{
	static const char *const words[] = {"touch",   "warm", "file",	 "remap",
					    "protect", "fork", "switch", "spawn"};
	static const char *const members[] = {"pt_writes", "cr3_loads", "flushes"};

	(void)state;
	skip_without(PAGELAB);
	for (size_t i = 0; i < COUNT(words); i++) {
		json_t *hw = run_pagelab(PAGELAB, "--mmu=hw", "unsync", words[i]);
		json_t *shadow = run_pagelab(PAGELAB, "--mmu=shadow", "unsync", words[i]);
		const char *host = json_string_value(json_object_get(hw, "host_paging"));

		for (size_t k = 0; k < COUNT(members); k++)
			CHECK_TRUE(words[i], json_equal(json_object_get(hw, members[k]),
							json_object_get(shadow, members[k])));
		/* kvm_pvm's hw mode has a page fault for each SYSCALL (docs/hosts.md). */
		if (!strstr(host, "pvm"))
			CHECK_NUMBER(words[i], "guest faults", number(shadow, NULL, "guest_faults"),
				     number(hw, NULL, "guest_faults"));
		json_decref(hw);
		json_decref(shadow);
	}
}

/* The vCPU's own CR3 against what the guest reads from it. */
static void the_real_cr3_is_a_frame_of_the_pool(void **state)
{
	const struct pn_config config = {.mode = PN_MODE_SHADOW, .cmdline = "exit 0"};
	struct script_initial initial;
	struct subject *s = *state;
	uint64_t real;

	subject_make(s, &config);
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_OK);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	real = vcpu_sregs(&s->m->vcpu)->cr3;
	assert_in_range(real, area_pool_gpa(&s->m->vcpu.deprivileged->area),
			s->m->vcpu.deprivileged->area.gpa + s->m->vcpu.deprivileged->area.size - 1);
	assert_int_equal(pn_read(s->m, subject_symbol(s, "initial"), &initial, sizeof(initial)),
			 PN_OK);
	assert_in_range(initial.cr3, PN_BOOT_TABLES_GPA, PN_BOOT_AREA_END - 1);
	assert_int_equal(initial.cr0, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG);
	assert_int_equal(initial.cr4, CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT);
}

/* Nobody can be mapped over the VMM area. */
static void the_vmm_area_is_out_of_reach_of_map(void **state)
{
	const struct pn_config config = {.mode = PN_MODE_SHADOW};
	static _Alignas(4096) char page[4096];
	struct subject *s = *state;

	subject_make(s, &config);
	assert_in_range(s->m->mem.gpa_limit, GIB(4), s->m->vcpu.deprivileged->area.gpa);
	assert_int_equal(
		pn_mmu_map(s->m, s->m->mem.gpa_limit, page, sizeof(page), PN_PROT_READ_WRITE),
		PN_ERR_OVERFLOW);
	assert_int_equal(pn_mmu_map(s->m, s->m->mem.gpa_limit - sizeof(page), page, sizeof(page),
				    PN_PROT_READ_WRITE),
			 PN_OK);
}

struct end_case {
	const char *words;
	int status;
	const char *says[2];
};

/* On kvm_amd as well: here it is not the host that sees the triple fault. */
static const struct end_case ends[] = {
	{"triple", 127, {"triple fault at RIP 0x", "run_triple"}},
	{"halt", 127, {"halted for good", "run_halt"}},
	{"mmio gpa=0xd0000000", 127, {"GPA 0xd0000000", "run_mmio"}},
	{"exit status=42", 42, {"", ""}},
	{"panic", 3, {"", ""}},
	{"overflow", 3, {"", ""}},
};

static void a_guest_ends_as_in_hw_mode(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	for (size_t i = 0; i < COUNT(ends); i++) {
		RUN(p, "run", "--mmu=shadow", "--timeout=60", PAGELAB, "--", ends[i].words);
		CHECK_NUMBER(ends[i].words, "status", p->status, ends[i].status);
		for (unsigned k = 0; k < 2; k++)
			CHECK_CONTAINS(ends[i].words, p->err, ends[i].says[k]);
	}
}

static void a_spinning_guest_is_stopped(void **state)
{
	(void)state;
	skip_without(PAGELAB);
	RUN(p, "run", "--mmu=shadow", "--timeout=0.5", PAGELAB, "--", "spin");
	assert_int_equal(p->status, 124);
}

static void the_examples_run(void **state)
{
	(void)state;
	RUN(p, "run", "--mmu=shadow", "build/examples/hello.elf");
	assert_int_equal(p->status, 0);
	assert_string_equal(p->out, "Hello from ring 0.\n");
	RUN(p, "run", "--mmu=shadow", "build/examples/fault.elf");
	assert_int_equal(p->status, 0);
	CHECK_CONTAINS("fault", p->out, "GVA 0x0000000100001238");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(every_workload_passes_with_each_strategy),
	SUBJECT_TEST(every_workload_passes_under_audit),
	SUBJECT_TEST(every_workload_passes_in_the_high_half),
	SUBJECT_TEST(the_guest_does_the_same_in_both_modes),
	SUBJECT_TEST(the_real_cr3_is_a_frame_of_the_pool),
	SUBJECT_TEST(the_vmm_area_is_out_of_reach_of_map),
	SUBJECT_TEST(a_guest_ends_as_in_hw_mode),
	SUBJECT_TEST(a_spinning_guest_is_stopped),
	SUBJECT_TEST(the_examples_run),
};

GROUP_OF(shadow, tests);
