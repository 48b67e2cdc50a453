/* SPDX-License-Identifier: MIT */
/* A thread of a source, that waits for something to read or for its end. */
#ifndef SOURCES_THREAD_H
#define SOURCES_THREAD_H

#include <penumbra/penumbra.h>
#include <pthread.h>
#include <stdbool.h>

struct source_thread {
	pthread_t id;
	bool started;
	int end; /* eventfd: readable once the thread is to end */
};

/* Makes what it needs. Returns 0 or PN_ERR_SYSTEM. */
int source_thread_open(struct source_thread *t, struct pn_error *err);

/*
 * Starts it, all signals blocked: they are the vCPU thread's business; but for SIGSYS, which is about a
 * thread's own calls. Returns 0 or PN_ERR_SYSTEM.
 */
int source_thread_start(struct source_thread *t, void *(*run)(void *), void *arg,
			struct pn_error *err);

/* Ends what was opened; waits for the end of what was started. */
void source_thread_stop(struct source_thread *t);

/*
 * For the thread itself: waits until `fd` (-1: nothing) has something to read, for at most `ms`
 * milliseconds (-1: no limit). Returns false if the thread is to end.
 */
bool source_thread_wait(const struct source_thread *t, int fd, int ms);

#endif
