/* SPDX-License-Identifier: MIT */
/* A thread of a source. */
#include "sources/thread.h"

#include "error.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

int source_thread_open(struct source_thread *t, struct pn_error *err)
{
	*t = (struct source_thread){.end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	return t->end < 0 ? pn_fail_errno(err, PN_ERR_SYSTEM, "eventfd") : PN_OK;
}

int source_thread_start(struct source_thread *t, void *(*run)(void *), void *arg,
			struct pn_error *err)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&t->id, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	t->started = !errno;
	if (t->started)
		return PN_OK;
	return pn_fail_errno(err, PN_ERR_SYSTEM, "a thread for the trace");
}

void source_thread_stop(struct source_thread *t)
{
	eventfd_write(t->end, 1);
	if (t->started)
		pthread_join(t->id, NULL);
	t->started = false;
	close(t->end);
}

bool source_thread_wait(const struct source_thread *t, int fd, int ms)
{
	struct pollfd on[] = {{.fd = t->end, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	poll(on, 2, ms);
	return !on[0].revents;
}
