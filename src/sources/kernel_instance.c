/* SPDX-License-Identifier: MIT */
/* An instance of tracefs, and the child that removes it. */
#include "sources/kernel_instance.h"

#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAMES 8 /* of instances that are tried */

/* All of a process that is killed is closed at once, but in no known order: files of the instance
 * may still be open when the pipe is not. */
static void remove_instance(int directory, const char *name)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	for (unsigned i = 0; i < 500; i++) {
		if (unlinkat(directory, name, AT_REMOVEDIR) == 0 || errno != EBUSY)
			return;
		nanosleep(&pause, NULL);
	}
}

/*
 * The keeper's life. No signal but SIGKILL ends it, and it holds nothing open but the pipe and the
 * directory, which it finds so even if it is mounted elsewhere by then.
 */
static void keep(int life, int directory, const char *name)
{
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	dup2(life, STDIN_FILENO);
	dup2(directory, STDOUT_FILENO);
	syscall(SYS_close_range, STDERR_FILENO, ~0u, 0);
	while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
		;
	remove_instance(STDOUT_FILENO, name);
	_exit(0);
}

/* The directory that instances are in. Returns a descriptor or -1. */
static int open_parent(const struct kernel_instance *k)
{
	char *path = tracefs_instance_get_dir(k->tracefs), *end = path ? strrchr(path, '/') : NULL;
	int fd = -1;

	if (end) {
		*end = 0;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	tracefs_put_tracing_file(path);
	return fd;
}

static int start_keeper(struct kernel_instance *k, const char *name, struct pn_error *err)
{
	int directory = open_parent(k), life[2];

	if (directory < 0 || pipe2(life, O_CLOEXEC)) {
		close(directory);
		return pn_fail_errno(err, PN_ERR_SYSTEM, "the keeper of an instance of tracefs");
	}
	k->keeper = fork();
	if (k->keeper == 0) {
		close(life[1]);
		keep(life[0], directory, name);
	}
	close(directory);
	close(life[0]);
	k->life = life[1];
	if (k->keeper > 0)
		return PN_OK;
	close(life[1]);
	return pn_fail_errno(err, PN_ERR_SYSTEM, "the keeper of an instance of tracefs");
}

int kernel_instance_make(struct kernel_instance *k, struct pn_error *err)
{
	char name[32];
	int code;

	*k = (struct kernel_instance){.tracefs = NULL};
	/* Another trace of this process may have the first name. */
	for (unsigned i = 0; !k->tracefs && i < NAMES; i++) {
		snprintf(name, sizeof(name), i ? "penumbra-%d.%u" : "penumbra-%d", getpid(), i);
		if (tracefs_instance_exists(name))
			continue;
		k->tracefs = tracefs_instance_create(name);
		if (!k->tracefs)
			break;
	}
	if (!k->tracefs)
		return pn_fail_errno(err, PN_ERR_HOST_LACKS, "an instance of tracefs");
	code = start_keeper(k, name, err);
	if (code) {
		tracefs_instance_destroy(k->tracefs);
		tracefs_instance_free(k->tracefs);
		k->tracefs = NULL;
	}
	return code;
}

void kernel_instance_end(struct kernel_instance *k)
{
	if (!k->tracefs)
		return;
	close(k->life);
	while (waitpid(k->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	tracefs_instance_free(k->tracefs);
	k->tracefs = NULL;
}

int kernel_instance_open(const struct kernel_instance *k, const char *file, int flags)
{
	char *path = tracefs_instance_get_file(k->tracefs, file);
	int fd = path ? open(path, flags | O_CLOEXEC) : -1;

	tracefs_put_tracing_file(path);
	return fd;
}
