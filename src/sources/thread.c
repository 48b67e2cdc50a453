/* SPDX-License-Identifier: MIT */
/* A thread of a source. */
#include "sources/thread.h"

#include "error.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

int source_thread_start(struct source_thread *t, void *(*run)(void *), void *arg,
			struct pn_error *err)
{
	sigset_t all, before;

	t->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->end < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "eventfd");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&t->id, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!errno)
		return PN_OK;
	close(t->end);
	return pn_fail_errno(err, PN_ERR_SYSTEM, "a thread for the trace");
}

void source_thread_stop(struct source_thread *t)
{
	eventfd_write(t->end, 1);
	pthread_join(t->id, NULL);
	close(t->end);
}

bool source_thread_wait(const struct source_thread *t, int fd, int ms)
{
	struct pollfd on[] = {{.fd = t->end, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	poll(on, 2, ms);
	return !on[0].revents;
}
