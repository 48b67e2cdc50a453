/* SPDX-License-Identifier: MIT */
/* Progress: on a terminal one line that is rewritten and goes away; anywhere else nothing. */
#include "check.h"

#include "cli/progress.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int before = -1;

/* Makes `fd` standard error; the old one is kept. */
static void take_stderr(int fd)
{
	fflush(stderr);
	before = dup(STDERR_FILENO);
	assert_true(before >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
}

static void give_stderr_back(void)
{
	fflush(stderr);
	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	close(before);
}

/* Works for 0.9 s, a tenth of it at a time. */
static void work(uint64_t all, bool quiet)
{
	const struct timespec tenth = {.tv_nsec = 100000000};
	struct progress p;

	progress_begin(&p, "file.pnt", all, quiet);
	progress_show(&p, 0);
	for (unsigned i = 1; i <= 9; i++) {
		nanosleep(&tenth, NULL);
		progress_show(&p, all / 10 * i);
	}
	progress_end(&p);
}

/* All that was said: what goes through a terminal may take a while to come out. */
static size_t said(int fd, char *text, size_t size)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	size_t all = 0;
	ssize_t n;

	while (poll(&ready, 1, 300) > 0 && (n = read(fd, text + all, size - 1 - all)) > 0)
		all += (size_t)n;
	text[all] = 0;
	return all;
}

static int open_terminal(int *master)
{
	int fd;

	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*master >= 0);
	assert_int_equal(grantpt(*master) | unlockpt(*master), 0);
	fd = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void a_terminal_has_one_line_that_goes_away(void **state)
{
	char text[4096];
	int master, fd = open_terminal(&master);
	size_t n;

	(void)state;
	take_stderr(fd);
	work(50000000, false);
	give_stderr_back();
	n = said(master, text, sizeof(text));
	CHECK_CONTAINS("how far", text, "\rfile.pnt: ");
	CHECK_CONTAINS("how far", text, "0% of 50.0 MB");
	assert_null(strchr(text, '\n'));
	/* Nothing in the first half second, and at the end an empty line. */
	assert_null(strstr(text, "  0%"));
	assert_true(n > 4);
	assert_string_equal(text + n - 4, "\r\033[K");
	close(fd);
	close(master);
}

static void a_pipe_has_nothing(void **state)
{
	char text[64];
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	take_stderr(fd[1]);
	work(50000000, false);
	give_stderr_back();
	assert_int_equal(said(fd[0], text, sizeof(text)), 0);
	close(fd[0]);
	close(fd[1]);
}

/* Of an unknown size, or beside lines that run over the same terminal. */
static void a_terminal_has_nothing_where_there_is_nothing_to_say(void **state)
{
	char text[64];
	int master, fd = open_terminal(&master);

	(void)state;
	take_stderr(fd);
	work(0, false);
	work(1000, true);
	give_stderr_back();
	assert_int_equal(said(master, text, sizeof(text)), 0);
	close(fd);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_has_one_line_that_goes_away),
		cmocka_unit_test(a_pipe_has_nothing),
		cmocka_unit_test(a_terminal_has_nothing_where_there_is_nothing_to_say),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
