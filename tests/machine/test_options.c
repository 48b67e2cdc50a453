/* SPDX-License-Identifier: MIT */
/* The command `penumbra run`: its options, its statuses, its one-line failures, its signals. */
#include "fixture.h"
#include "groups.h"
#include "process.h"

#include "clock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct process process, *const p = &process;

struct refusal {
	const char *arguments[8];
	const char *says[2]; /* in the one line */
};

static const struct refusal refusals[] = {
	{{"run"}, {"which guest", "--help"}},
	{{"run", "--"}, {"which guest", "--help"}},
	{{"run", "--nonsense", SCRIPT}, {"--nonsense", "no such option"}},
	{{"run", "--nonsense=5", SCRIPT}, {"--nonsense=5", "no such option"}},
	{{"run", "-x", SCRIPT}, {"-x", "no such option"}},
	{{"run", "-xyz", SCRIPT}, {"-xyz", "no such option"}},
	{{"run", "--help=1", SCRIPT}, {"--help=1", ""}},
	{{"run", "--mem"}, {"--mem", "value"}},
	{{"run", "--mem=", SCRIPT}, {"--mem=", "64M"}},
	{{"run", "--mem=lots", SCRIPT}, {"--mem=lots", "64M"}},
	{{"run", "--mem=-64M", SCRIPT}, {"--mem=-64M", "64M"}},
	{{"run", "--mem=0", SCRIPT}, {"--mem=0", "64M"}},
	{{"run", "--mem=16777216T", SCRIPT}, {"--mem=16777216T", "64M"}},
	{{"run", "--mem=1M", SCRIPT}, {"1048576", "2 MiB"}},
	{{"run", "--mem=2T", SCRIPT}, {"2199023255552", "1 TiB"}},
	{{"run", "--mem=5000001", SCRIPT}, {"5000001", "4 KiB"}},
	{{"run", "--hugepages=3M", SCRIPT}, {"--hugepages=3M", "2M or 1G"}},
	{{"run", "--hugepages=2M", "--mem=65M", SCRIPT}, {"68157440", "2 MiB"}},
	{{"run", "--levels=3", SCRIPT}, {"--levels=3", "4 or 5"}},
	{{"run", "--levels=five", SCRIPT}, {"--levels=five", "4 or 5"}},
	{{"run", "--timeout=0", SCRIPT}, {"--timeout=0", "seconds"}},
	{{"run", "--timeout=-1", SCRIPT}, {"--timeout=-1", "seconds"}},
	{{"run", "--timeout=1s", SCRIPT}, {"--timeout=1s", "seconds"}},
	{{"run", "--timeout=nan", SCRIPT}, {"--timeout=nan", "seconds"}},
	{{"run", "--max-exits=0", SCRIPT}, {"--max-exits=0", "above 0"}},
	{{"run", "--max-exits=many", SCRIPT}, {"--max-exits=many", "above 0"}},
	{{"run", "--max-exits=-1", SCRIPT}, {"--max-exits=-1", "above 0"}},
	{{"run", "--stats=xml", SCRIPT}, {"--stats=xml", "json"}},
	{{"run", "--mmu=fast", SCRIPT}, {"--mmu=fast", "hw, shadow, ept, npt or tdp"}},
	{{"run", "/no/such/guest.elf"}, {"/no/such/guest.elf", "No such file"}},
	{{"run", SCRIPT, "--mem=64M"}, {"--mem=64M", "behind --"}},
	{{"run", "build"}, {"build", "not a regular file"}},
	{{"run", PENUMBRA}, {PENUMBRA, "dynamic linker"}},
	{{"run", "/proc/self/cmdline"}, {"/proc/self/cmdline", ""}},
	{{"fly"}, {"fly", "--help"}},
	{{NULL}, {"which command", "--help"}},
};

static void each_wrong_command_line_is_refused_in_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		const struct refusal *r = &refusals[i];
		char name[128] = "penumbra";

		for (unsigned k = 0; r->arguments[k]; k++) {
			strcat(name, " ");
			strcat(name, r->arguments[k]);
		}
		process_run(p, r->arguments);
		expect_failure(p, name, 125, r->says[0]);
		CHECK_CONTAINS(name, p->err, r->says[1]);
		CHECK_NUMBER(name, "bytes on standard output", p->out_len, 0);
	}
}

static void help_fits_80_columns_and_names_every_option(void **state)
{
	static const char *const options[] = {
		"--mmu",       "--mem",	  "--hugepages",  "--levels",	   "--timeout",
		"--max-exits", "--stats", "--stats-file", "--no-warnings", "--help"};

	(void)state;
	RUN(p, "run", "--help");
	assert_int_equal(p->status, 0);
	assert_int_equal(p->err_len, 0);
	assert_true(fits_80_columns(p->out));
	for (size_t i = 0; i < COUNT(options); i++)
		CHECK_CONTAINS("help", p->out, options[i]);
	RUN(p, "--help");
	assert_int_equal(p->status, 0);
	assert_true(fits_80_columns(p->out));
	RUN(p, "--version");
	assert_string_equal(p->out, "penumbra " PN_VERSION "\n");
}

static void the_guest_s_output_and_status_are_the_command_s(void **state)
{
	(void)state;
	RUN(p, "run", SCRIPT, "--", "say", "hello", "exit", "2a");
	assert_int_equal(p->status, 42);
	assert_string_equal(p->out, "hello\n");
	assert_string_equal(p->err, "");
	/* A status past the guest's range: 99, and a line that says why. */
	RUN(p, "run", SCRIPT, "--", "exit", "64");
	assert_int_equal(p->status, 99);
	RUN(p, "run", "--timeout", "60", "--mem", "16M", "--levels", "4", "--mmu", "hw", SCRIPT);
	assert_int_equal(p->status, 0);
}

static void a_status_that_was_cut_is_said_so(void **state)
{
	(void)state;
	RUN(p, "run", SCRIPT, "--", "exit", "64");
	expect_failure(p, "exit 100", 99, "100");
}

/* 2047 bytes fit, as <penumbra/guest.h> says; one more does not. */
static void arguments_of_the_longest_length_fit(void **state)
{
	static char word[PN_CMDLINE_MAX + 1];

	(void)state;
	memset(word, 'x', PN_CMDLINE_MAX);
	memcpy(word, "exit 5 ", 7);
	word[PN_CMDLINE_MAX - 1] = 0;
	RUN(p, "run", SCRIPT, "--", word);
	if (p->status != 5)
		fail_msg("2047 bytes in one word: status %d: %s", p->status, p->err);
	word[PN_CMDLINE_MAX - 8] = 0;
	RUN(p, "run", SCRIPT, "--", "exit 5", word + 6);
	CHECK_NUMBER("2047 bytes in two words", "status", p->status, 5);
	word[PN_CMDLINE_MAX - 8] = 'x';
	word[PN_CMDLINE_MAX - 1] = 'x';
	RUN(p, "run", SCRIPT, "--", word);
	expect_failure(p, "2048 bytes", 125, "2047");
}

static void a_guest_that_died_gives_127_and_its_report(void **state)
{
	(void)state;
	RUN(p, "run", SCRIPT, "--", "say", "x", "r4", "d0000000");
	assert_int_equal(p->status, 127);
	assert_string_equal(p->out, "x\n");
	CHECK_CONTAINS("stderr", p->err, "GPA 0xd0000000");
	CHECK_CONTAINS("stderr", p->err, "walk of RSP");
	assert_true(strncmp(p->err, "penumbra: " SCRIPT ": ", strlen(SCRIPT) + 12) == 0);
	/* The first line is as long as it must be; the report keeps to 80 columns. */
	assert_true(fits_80_columns(strchr(p->err, '\n') + 1));
}

static void a_time_out_gives_124_in_time(void **state)
{
	uint64_t begin = clock_ns();

	(void)state;
	RUN(p, "run", "--timeout=0.2", SCRIPT, "--", "say", "x", "spin");
	expect_failure(p, "timeout", 124, "0.2 s");
	assert_string_equal(p->out, "x\n");
	assert_true(clock_ns() - begin > 200000000);
	assert_true(clock_ns() - begin < patience() * UINT64_C(1000000000) / 2);
	/* A guest that exits all the time is stopped alike. */
	RUN(p, "run", "--timeout=0.2", SCRIPT, "--", "outs", "ffffffff");
	expect_failure(p, "timeout", 124, "0.2 s");
	/* The least time there is does not mean no limit. */
	RUN(p, "run", "--timeout=0.000000001", SCRIPT, "--", "spin");
	expect_failure(p, "timeout", 124, "1e-09 s");
}

static void the_exit_limit_gives_124(void **state)
{
	(void)state;
	RUN(p, "run", "--max-exits=5", SCRIPT, "--", "say", "abcdefgh");
	expect_failure(p, "max-exits", 124, "5 exits");
	assert_string_equal(p->out, "abcde");
	RUN(p, "run", "--max-exits=0xa", SCRIPT, "--", "say", "abcdefgh");
	assert_int_equal(p->status, 0);
}

static const struct {
	int number;
	const char *name;
} stopping[] = {{SIGINT, "Interrupt"}, {SIGTERM, "Terminated"}, {SIGHUP, "Hangup"}};

static void a_signal_stops_the_guest_and_gives_128_and_its_number(void **state)
{
	static const char *const spins[] = {"run", SCRIPT, "--", "say", "ready", "spin", NULL};

	(void)state;
	for (size_t i = 0; i < COUNT(stopping); i++) {
		process_start(p, NULL, spins);
		process_await(p, "ready\n");
		kill(p->pid, stopping[i].number);
		process_wait(p);
		expect_failure(p, stopping[i].name, 128 + stopping[i].number, stopping[i].name);
	}
}

/* nohup and the shell's & have it so. */
static void a_signal_that_was_ignored_stays_ignored(void **state)
{
	static const char *const spins[] = {"run", "--timeout=0.5", SCRIPT, "--",
					    "say", "ready",	    "spin", NULL};

	(void)state;
	signal(SIGHUP, SIG_IGN);
	process_start(p, NULL, spins);
	signal(SIGHUP, SIG_DFL);
	process_await(p, "ready\n");
	kill(p->pid, SIGHUP);
	process_wait(p);
	expect_failure(p, "SIGHUP under nohup", 124, "0.5 s");
}

/* Whoever starts us may block what it likes. */
static void a_blocked_alarm_still_ends_a_run(void **state)
{
	static const char *const spins[] = {"run", "--timeout=0.5", SCRIPT, "--", "spin", NULL};
	sigset_t alarm_signal, before;

	(void)state;
	sigemptyset(&alarm_signal);
	sigaddset(&alarm_signal, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_signal, &before);
	process_start(p, NULL, spins);
	sigprocmask(SIG_SETMASK, &before, NULL);
	process_wait(p);
	expect_failure(p, "SIGALRM blocked", 124, "0.5 s");
}

/* A pipe takes 64 KiB; the guest prints twice that, and nobody reads. */
static void a_time_out_ends_a_run_whose_output_nobody_reads(void **state)
{
	static const char *const prints[] = {"run",    "--timeout=1", SCRIPT, "--", "print",
					     "200000", "20000",	      "spin", NULL};
	char directory[] = "/tmp/penumbra-test.XXXXXX", path[64];
	int reader;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	process_start(p, path, prints);
	process_wait(p);
	close(reader);
	unlink(path);
	rmdir(directory);
	expect_failure(p, "nobody reads", 124, "time limit of 1 s");
}

static void lost_output_gives_125_and_a_line(void **state)
{
	static const char *const says[] = {"run", SCRIPT, "--", "say", "x", NULL};
	static const char *const help[] = {"run", "--help", NULL};

	(void)state;
	process_start(p, "/dev/full", says);
	process_wait(p);
	expect_failure(p, "/dev/full", 125, "No space left");
	process_start(p, "/dev/full", help);
	process_wait(p);
	expect_failure(p, "--help to /dev/full", 125, "No space left");
	process_start(p, "", says);
	process_wait(p);
	expect_failure(p, "closed standard output", 125, "standard output");
	process_start(p, "", help);
	process_wait(p);
	expect_failure(p, "--help to a closed output", 125, "standard output");
}

static void tdp_is_refused_where_there_is_none(void **state)
{
	static const struct {
		const char *option;
		bool ept, npt;
	} choices[] = {
		{"--mmu=ept", true, false}, {"--mmu=npt", false, true}, {"--mmu=tdp", true, true}};
	struct subject *s = *state;
	enum pn_paging paging;

	subject_make(s, NULL);
	paging = pn_host_paging(s->m);
	subject_unmake(s);
	for (size_t i = 0; i < COUNT(choices); i++) {
		bool has = (paging == PN_PAGING_EPT && choices[i].ept) ||
			   (paging == PN_PAGING_NPT && choices[i].npt);

		RUN(p, "run", choices[i].option, SCRIPT, "--", "exit", "3");
		if (has)
			CHECK_NUMBER(choices[i].option, "status", p->status, 3);
		else
			expect_failure(p, choices[i].option, 126, choices[i].option);
		if (!has)
			CHECK_CONTAINS(choices[i].option, p->err, pn_paging_name(paging));
	}
}

static void five_levels_run_or_are_refused_with_126(void **state)
{
	(void)state;
	RUN(p, "run", "--levels=5", SCRIPT, "--", "exit", "3");
	if (p->status != 3)
		expect_failure(p, "--levels=5", 126, "--levels=5");
}

static void huge_pages_that_are_not_there_are_refused_with_126(void **state)
{
	char text[16] = "";
	int fd = open("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", O_RDONLY);

	(void)state;
	if (fd >= 0) {
		assert_true(read(fd, text, sizeof(text) - 1) > 0);
		close(fd);
	}
	if (atoi(text) > 0)
		skip();
	RUN(p, "run", "--hugepages=1G", "--mem=1G", SCRIPT);
	expect_failure(p, "--hugepages=1G", 126, "1 GiB");
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(each_wrong_command_line_is_refused_in_one_line),
	SUBJECT_TEST(help_fits_80_columns_and_names_every_option),
	SUBJECT_TEST(the_guest_s_output_and_status_are_the_command_s),
	SUBJECT_TEST(a_status_that_was_cut_is_said_so),
	SUBJECT_TEST(arguments_of_the_longest_length_fit),
	SUBJECT_TEST(a_guest_that_died_gives_127_and_its_report),
	SUBJECT_TEST(a_time_out_gives_124_in_time),
	SUBJECT_TEST(the_exit_limit_gives_124),
	SUBJECT_TEST(a_signal_stops_the_guest_and_gives_128_and_its_number),
	SUBJECT_TEST(a_signal_that_was_ignored_stays_ignored),
	SUBJECT_TEST(a_blocked_alarm_still_ends_a_run),
	SUBJECT_TEST(a_time_out_ends_a_run_whose_output_nobody_reads),
	SUBJECT_TEST(lost_output_gives_125_and_a_line),
	SUBJECT_TEST(tdp_is_refused_where_there_is_none),
	SUBJECT_TEST(five_levels_run_or_are_refused_with_126),
	SUBJECT_TEST(huge_pages_that_are_not_there_are_refused_with_126),
};

GROUP_OF(options, tests);
