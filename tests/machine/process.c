/* SPDX-License-Identifier: MIT */
#include "process.h"

#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32

extern char **environ;

static void start(struct process *p, const char *program, const char *stdout_path,
		  const char *const *arguments)
{
	const char *argv[ARGUMENTS_MAX] = {program};
	posix_spawn_file_actions_t actions;
	int code;

	for (unsigned i = 0; arguments[i]; i++) {
		assert_true(i + 2 < ARGUMENTS_MAX);
		argv[i + 1] = arguments[i];
	}
	memset(p, 0, sizeof(*p));
	p->out_fd = memfd_create("stdout", MFD_CLOEXEC);
	p->err_fd = memfd_create("stderr", MFD_CLOEXEC);
	assert_true(p->out_fd >= 0 && p->err_fd >= 0);
	posix_spawn_file_actions_init(&actions);
	if (!stdout_path)
		posix_spawn_file_actions_adddup2(&actions, p->out_fd, 1);
	else if (*stdout_path)
		posix_spawn_file_actions_addopen(&actions, 1, stdout_path, O_WRONLY, 0);
	else
		posix_spawn_file_actions_addclose(&actions, 1);
	posix_spawn_file_actions_adddup2(&actions, p->err_fd, 2);
	code = posix_spawn(&p->pid, program, &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code)
		fail_msg("%s: %s", program, strerror(code));
}

void process_start(struct process *p, const char *stdout_path, const char *const *arguments)
{
	start(p, PENUMBRA, stdout_path, arguments);
}

static size_t collect(int fd, char *text)
{
	ssize_t n = pread(fd, text, PROCESS_OUTPUT - 1, 0);

	assert_true(n >= 0);
	text[n] = 0;
	return (size_t)n;
}

/* Waits for the process to end; false when `ms` milliseconds are over. */
static bool ends_within(const struct process *p, int ms)
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, p->pid, 0), .events = POLLIN};
	int n;

	assert_true(end.fd >= 0);
	n = poll(&end, 1, ms);
	close(end.fd);
	return n == 1;
}

void process_await(struct process *p, const char *text)
{
	for (unsigned i = 0; i < patience() * 200; i++) {
		bool ended = ends_within(p, 5);

		p->out_len = collect(p->out_fd, p->out);
		if (strstr(p->out, text))
			return;
		if (ended)
			break;
	}
	process_wait(p);
	fail_msg("no \"%s\" from the guest: \"%s\" \"%s\"", text, p->out, p->err);
}

void process_wait(struct process *p)
{
	bool late = !ends_within(p, (int)patience() * 1000);
	int status;

	if (late)
		kill(p->pid, SIGKILL);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	p->out_len = collect(p->out_fd, p->out);
	p->err_len = collect(p->err_fd, p->err);
	close(p->out_fd);
	close(p->err_fd);
	p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	if (late)
		fail_msg("no end in %u seconds; it said: %s", patience(), p->err);
}

void process_run(struct process *p, const char *const *arguments)
{
	process_start(p, NULL, arguments);
	process_wait(p);
}

void process_run_other(struct process *p, const char *program, const char *const *arguments)
{
	start(p, program, NULL, arguments);
	process_wait(p);
}

void expect_failure(const struct process *p, const char *name, int status, const char *says)
{
	const char *newline = strchr(p->err, '\n');

	if (p->status != status)
		fail_msg("%s: status %d, and not %d; it said: %s", name, p->status, status, p->err);
	CHECK_CONTAINS(name, p->err, says);
	if (!newline || newline[1])
		fail_msg("%s: not one line: \"%s\"", name, p->err);
	CHECK_TRUE(name, strncmp(p->err, "penumbra: ", 10) == 0);
}
