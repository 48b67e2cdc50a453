/* SPDX-License-Identifier: MIT */
/* Work in a child, through memory that both share. */
#include "sandbox/apart.h"

#include "error.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
	int code;
	struct pn_error err;
	_Alignas(max_align_t) char arg[];
};

#ifdef SANDBOX_INSTRUMENTED
/* Where lines are counted: what exit() would do, and _exit() does not. */
extern void __gcov_dump(void) __attribute__((weak));

static void count_lines(void)
{
	if (__gcov_dump)
		__gcov_dump();
}
#else
static void count_lines(void)
{
}
#endif

static void do_work(struct shared *s, sandbox_work_fn *work)
{
	/* Whoever waits for the parent does not wait for what it left behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s->code = work(s->arg, &s->err);
	fflush(NULL);
	count_lines();
	_exit(0);
}

static int await(pid_t child, const struct shared *s, struct pn_error *err)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return pn_fail_errno(err, PN_ERR_SYSTEM, "waitpid");
	if (WIFSIGNALED(status))
		return pn_fail(err, PN_ERR_SYSTEM, "the process of the guest died of signal %d",
			       WTERMSIG(status));
	if (s->code && err)
		*err = s->err;
	return s->code;
}

int sandbox_apart(sandbox_work_fn *work, void *arg, size_t size, struct pn_error *err)
{
	struct shared *s = mmap(NULL, sizeof(*s) + size, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int code;

	if (s == MAP_FAILED)
		return pn_fail_errno(err, PN_ERR_NOMEM, "memory for a child");
	memcpy(s->arg, arg, size);
	/* Else it would be written twice. */
	fflush(NULL);
	child = fork();
	if (child == 0)
		do_work(s, work);
	code = child < 0 ? pn_fail_errno(err, PN_ERR_SYSTEM, "fork") : await(child, s, err);
	memcpy(arg, s->arg, size);
	munmap(s, sizeof(*s) + size);
	return code;
}
