/* SPDX-License-Identifier: MIT */
/* The embedding API: a machine's life from creation to the end, and what each misuse gives. */
#include "fixture.h"
#include "groups.h"

#include <signal.h>
#include <time.h>

static void creating_and_destroying_leaves_no_descriptor(void **state)
{
	struct subject *s = *state;
	unsigned before;

	/* The first machine may make the C library open what it keeps. */
	subject_make(s, NULL);
	subject_unmake(s);
	before = open_descriptors();
	for (unsigned i = 0; i < repeats(100, 5); i++) {
		subject_make(s, NULL);
		subject_unmake(s);
	}
	assert_int_equal(open_descriptors(), before);
	pn_machine_destroy(NULL);
}

struct config_case {
	const char *name;
	struct pn_config config;
	int code;
	const char *says;
};

static char cmdline_2048[PN_CMDLINE_MAX + 1];

static const struct config_case config_cases[] = {
	{"one byte of RAM", {.ram_size = 1}, PN_ERR_ARGUMENT, "1 byte"},
	{"RAM below 2 MiB", {.ram_size = MIB(1)}, PN_ERR_ARGUMENT, "1048576"},
	{"RAM that ends in a page", {.ram_size = MIB(2) + 1}, PN_ERR_ARGUMENT, "2097153"},
	{"RAM of half a page too many", {.ram_size = MIB(2) + 2048}, PN_ERR_ARGUMENT, "2099200"},
	{"RAM of no 2 MiB pages",
	 {.ram_size = MIB(3), .backing = PN_BACKING_2M},
	 PN_ERR_ARGUMENT,
	 "2 MiB"},
	{"RAM of no 1 GiB pages",
	 {.ram_size = MIB(512), .backing = PN_BACKING_1G},
	 PN_ERR_ARGUMENT,
	 "1 GiB"},
	{"three levels", {.levels = 3}, PN_ERR_ARGUMENT, "3"},
	{"six levels", {.levels = 6}, PN_ERR_ARGUMENT, "6"},
	{"no such backing", {.backing = PN_BACKING_1G + 1}, PN_ERR_ARGUMENT, "3"},
	{"no such mode", {.mode = (enum pn_mode)7}, PN_ERR_ARGUMENT, "7"},
	{"a command line too long", {.cmdline = cmdline_2048}, PN_ERR_ARGUMENT, "2048"},
};

static void each_bad_configuration_is_refused_with_its_value(void **state)
{
	unsigned before = open_descriptors();

	(void)state;
	memset(cmdline_2048, 'x', PN_CMDLINE_MAX);
	for (size_t i = 0; i < COUNT(config_cases); i++) {
		const struct config_case *c = &config_cases[i];
		struct pn_error err = {0};
		struct pn_machine *m = pn_machine_create(&c->config, &err);

		pn_machine_destroy(m);
		CHECK_TRUE(c->name, !m);
		CHECK_CODE(c->name, err.code, c->code);
		CHECK_ONE_LINE(c->name, err.text);
		CHECK_CONTAINS(c->name, err.text, c->says);
	}
	assert_int_equal(open_descriptors(), before);
}

/* RAM that no host has, or that this one's processor cannot address. */
static void ram_past_all_reason_is_refused_with_a_documented_code(void **state)
{
	const uint64_t sizes[] = {UINT64_C(1) << 46, UINT64_C(1) << 53, UINT64_C(1) << 63,
				  UINT64_MAX - 4095};
	unsigned before = open_descriptors();

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct pn_config config = {.ram_size = sizes[i]};
		struct pn_error err = {0};
		struct pn_machine *m = pn_machine_create(&config, &err);
		char name[40];

		snprintf(name, sizeof(name), "%llu bytes", (unsigned long long)sizes[i]);
		pn_machine_destroy(m);
		CHECK_TRUE(name, !m);
		CHECK_ONE_LINE(name, err.text);
		if (err.code != PN_ERR_ARGUMENT && err.code != PN_ERR_SYSTEM &&
		    err.code != PN_ERR_NOMEM && err.code != PN_ERR_HOST_LACKS)
			fail_msg("%s: %s, which pn_machine_create does not document", name,
				 pn_code_name(err.code));
	}
	assert_int_equal(open_descriptors(), before);
}

static void zeroes_are_64_mib_and_four_levels(void **state)
{
	struct subject *s = *state;
	char byte;

	subject_pass(s, NULL, "exit 0");
	assert_int_equal(pn_read(s->m, MIB(64) - 1, &byte, 1), PN_OK);
	assert_int_equal(pn_read(s->m, MIB(64), &byte, 1), PN_ERR_NOT_MAPPED);
}

static void a_guest_runs_to_its_status_and_no_further(void **state)
{
	struct subject *s = *state;
	struct pn_result result;

	subject_script(s, NULL, "say hello exit 2a");
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(s->result.status, 42);
	assert_string_equal(s->console, "hello\n");
	CHECK_ONE_LINE("reason", s->result.reason);
	CHECK_CONTAINS("reason", s->result.reason, "42");
	assert_string_equal(s->result.report, "");
	assert_int_equal(pn_run(s->m, &result, &s->err), PN_ERR_STATE);
	assert_int_equal(s->err.code, PN_ERR_STATE);
	CHECK_ONE_LINE("second run", s->err.text);
}

static void a_dead_guest_cannot_be_run_on(void **state)
{
	struct subject *s = *state;
	struct pn_result result;

	subject_script(s, NULL, "hlt");
	assert_int_equal(subject_run(s), PN_END_DIED);
	assert_int_equal(pn_run(s->m, &result, &s->err), PN_ERR_STATE);
}

static void a_machine_takes_one_guest(void **state)
{
	struct subject *s = *state;

	subject_script(s, NULL, "exit 5");
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_ERR_STATE);
	CHECK_ONE_LINE("second load", s->err.text);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(s->result.status, 5);
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_ERR_STATE);
}

static void a_machine_without_a_guest_does_not_run(void **state)
{
	struct subject *s = *state;
	struct pn_result result;
	gva_t gva = 17;

	subject_make(s, NULL);
	assert_int_equal(pn_run(s->m, &result, &s->err), PN_ERR_STATE);
	CHECK_ONE_LINE("run", s->err.text);
	assert_false(pn_symbol(s->m, "start", &gva));
	assert_int_equal(gva, 17);
}

static void a_load_refused_leaves_a_machine_that_takes_the_next(void **state)
{
	static uint8_t ram[MIB(2)];
	const struct pn_config config = {.ram_size = MIB(2), .cmdline = "exit 3"};
	struct subject *s = *state;

	subject_make(s, &config);
	assert_int_equal(pn_load_elf(s->m, "/proc/self/exe", &s->err), PN_ERR_IMAGE);
	assert_int_equal(pn_load_elf(s->m, "/no/such/file", &s->err), PN_ERR_IMAGE);
	assert_int_equal(pn_load_elf(s->m, ".", &s->err), PN_ERR_IMAGE);
	assert_int_equal(pn_read(s->m, 0, ram, sizeof(ram)), PN_OK);
	assert_true(ram[0] == 0 && memcmp(ram, ram + 1, sizeof(ram) - 1) == 0);
	assert_int_equal(pn_load_elf(s->m, SCRIPT, &s->err), PN_OK);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(s->result.status, 3);
}

static void the_exit_limit_counts_exactly_and_anew_in_each_run(void **state)
{
	/* 16 OUTs and the one that ends: 6, 6 and 5 exits. */
	const struct pn_config config = {.max_exits = 6};
	struct subject *s = *state;

	subject_script(s, &config, "outs 10 exit 5");
	assert_int_equal(subject_run(s), PN_END_MAX_EXITS);
	CHECK_ONE_LINE("reason", s->result.reason);
	CHECK_CONTAINS("reason", s->result.reason, "6");
	assert_int_equal(subject_run(s), PN_END_MAX_EXITS);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(s->result.status, 5);
}

static void an_end_at_the_limit_is_the_guest_s_own(void **state)
{
	const struct pn_config config = {.max_exits = 17};
	struct subject *s = *state;

	subject_script(s, &config, "outs 10 exit 5");
	assert_int_equal(subject_run(s), PN_END_STATUS);
}

static void a_stop_before_the_run_ends_it_at_once_and_once(void **state)
{
	struct subject *s = *state;

	subject_script(s, NULL, "exit 5");
	pn_stop(s->m);
	pn_stop(s->m);
	assert_int_equal(subject_run(s), PN_END_STOPPED);
	CHECK_ONE_LINE("reason", s->result.reason);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(s->result.status, 5);
}

static void a_spinning_guest_is_stopped_and_run_on_again_and_again(void **state)
{
	struct subject *s = *state;
	gpa_t count;

	subject_script(s, NULL, "hammer 1000");
	count = subject_symbol(s, "hammered");
	for (unsigned i = 0; i < repeats(10, 3); i++) {
		uint64_t before = subject_read(s, count);

		subject_start(s);
		assert_true(subject_await(s, count, before + 10));
		pn_stop(s->m);
		assert_int_equal(subject_wait(s), PN_END_STOPPED);
	}
}

/* Whether the run on the other thread ends; it is left running if not. */
static bool ends_in(struct subject *s, unsigned seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	s->running = pthread_timedjoin_np(s->thread, NULL, &until) != 0;
	return !s->running;
}

/* As threads of programs that have a thread for signals run. */
static void a_thread_that_blocks_every_signal_is_stopped_alike(void **state)
{
	struct subject *s = *state;
	uint32_t leave = 2;
	sigset_t all, before;
	bool ended;

	subject_script(s, NULL, "serve 200000 exit 0");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	subject_start(s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* Once it has served, it is inside KVM_RUN and stays there. */
	assert_int_equal(pn_write(s->m, subject_symbol(s, "serve_command"), &(uint32_t){1}, 4), 0);
	assert_true(subject_await(s, 0x200000, 1));
	pn_stop(s->m);
	ended = ends_in(s, patience());
	if (!ended)
		pn_write(s->m, subject_symbol(s, "serve_command"), &leave, sizeof(leave));
	assert_true(ended);
	assert_int_equal(s->result.end, PN_END_STOPPED);
}

/* Stops twice, so that the second comes while the run is ending because of the first. */
struct stopper {
	struct pn_machine *m;
	unsigned delay; /* turns of a loop between the two */
};

static void *stop_twice(void *arg)
{
	const struct stopper *s = arg;

	pn_stop(s->m);
	for (unsigned i = 0; i < s->delay; i++)
		__asm__ volatile("pause");
	pn_stop(s->m);
	return NULL;
}

static void stops_that_cross_the_end_of_a_run_do_not_hang_the_next(void **state)
{
	const struct pn_config config = {.max_exits = 50};
	struct subject *s = *state;

	subject_script(s, &config, "outs fffffff");
	for (unsigned i = 0; i < repeats(200, 20); i++) {
		struct stopper stopper = {.m = s->m, .delay = i};
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, stop_twice, &stopper), 0);
		while (subject_run(s) != PN_END_STOPPED)
			assert_int_equal(s->result.end, PN_END_MAX_EXITS);
		pthread_join(thread, NULL);
		/* The second stop may be due in the next run; the one after it must get on. */
		for (unsigned k = 0; k < 2; k++) {
			subject_start(s);
			if (!ends_in(s, patience()))
				fail_msg("a run hangs after %u that were stopped", i + 1);
		}
		assert_int_equal(s->result.end, PN_END_MAX_EXITS);
	}
}

static void memory_is_read_and_written_from_outside(void **state)
{
	struct subject *s = *state;
	uint64_t value = UINT64_C(0x1122334455667788);
	char byte = 'x';

	subject_make(s, NULL);
	assert_int_equal(pn_write(s->m, MIB(64) - 8, &value, 8), PN_OK);
	value = 0;
	assert_int_equal(pn_read(s->m, MIB(64) - 8, &value, 8), PN_OK);
	assert_int_equal(value, UINT64_C(0x1122334455667788));
	assert_int_equal(pn_write(s->m, MIB(64) - 4, "abcdefgh", 8), PN_ERR_NOT_MAPPED);
	assert_int_equal(pn_read(s->m, MIB(64) - 8, &value, 8), PN_OK);
	assert_int_equal(value, UINT64_C(0x1122334455667788));
	assert_int_equal(pn_read(s->m, MIB(64), &byte, 1), PN_ERR_NOT_MAPPED);
	assert_int_equal(pn_read(s->m, UINT64_MAX, &byte, 1), PN_ERR_NOT_MAPPED);
	assert_int_equal(pn_read(s->m, 0, &byte, 0), PN_OK);
	assert_int_equal(byte, 'x');
}

static void two_machines_run_side_by_side(void **state)
{
	static struct subject other;
	struct subject *s = *state;

	other = (struct subject){0};
	subject_script(s, NULL, "outs 100 say one exit 1");
	subject_script(&other, NULL, "outs 100 say two exit 2");
	subject_start(&other);
	assert_int_equal(subject_run(s), PN_END_STATUS);
	assert_int_equal(subject_wait(&other), PN_END_STATUS);
	assert_int_equal(s->result.status, 1);
	assert_int_equal(other.result.status, 2);
	assert_string_equal(s->console, "one\n");
	assert_string_equal(other.console, "two\n");
	subject_unmake(&other);
}

static void symbols_are_found_by_name(void **state)
{
	struct subject *s = *state;
	gva_t gva = 17;

	subject_script(s, NULL, "exit 0");
	assert_true(pn_symbol(s->m, "start", &gva));
	assert_in_range(gva, 0x100000, 0x110000);
	gva = 17;
	assert_false(pn_symbol(s->m, "no_such_symbol", &gva));
	assert_int_equal(gva, 17);
}

static void this_host_has_a_name_for_its_second_dimension(void **state)
{
	struct subject *s = *state;

	subject_make(s, NULL);
	CHECK_ONE_LINE("paging", pn_paging_name(pn_host_paging(s->m)));
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(creating_and_destroying_leaves_no_descriptor),
	SUBJECT_TEST(each_bad_configuration_is_refused_with_its_value),
	SUBJECT_TEST(ram_past_all_reason_is_refused_with_a_documented_code),
	SUBJECT_TEST(zeroes_are_64_mib_and_four_levels),
	SUBJECT_TEST(a_guest_runs_to_its_status_and_no_further),
	SUBJECT_TEST(a_dead_guest_cannot_be_run_on),
	SUBJECT_TEST(a_machine_takes_one_guest),
	SUBJECT_TEST(a_machine_without_a_guest_does_not_run),
	SUBJECT_TEST(a_load_refused_leaves_a_machine_that_takes_the_next),
	SUBJECT_TEST(the_exit_limit_counts_exactly_and_anew_in_each_run),
	SUBJECT_TEST(an_end_at_the_limit_is_the_guest_s_own),
	SUBJECT_TEST(a_stop_before_the_run_ends_it_at_once_and_once),
	SUBJECT_TEST(a_spinning_guest_is_stopped_and_run_on_again_and_again),
	SUBJECT_TEST(a_thread_that_blocks_every_signal_is_stopped_alike),
	SUBJECT_TEST(stops_that_cross_the_end_of_a_run_do_not_hang_the_next),
	SUBJECT_TEST(memory_is_read_and_written_from_outside),
	SUBJECT_TEST(two_machines_run_side_by_side),
	SUBJECT_TEST(symbols_are_found_by_name),
	SUBJECT_TEST(this_host_has_a_name_for_its_second_dimension),
};

GROUP_OF(embed, tests);
