/* SPDX-License-Identifier: MIT */
/* Descriptors that came with the process. */
#include "error.h"
#include "sandbox/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Write-only, so that reading fails. */
static int replace_standard_input(struct pn_error *err)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC), code = PN_OK;

	if (fd < 0)
		return part_failed(err, "/dev/null");
	if (dup2(fd, STDIN_FILENO) < 0)
		code = part_failed(err, "standard input");
	close(fd);
	return code;
}

int descriptors_close(unsigned *closed, struct pn_error *err)
{
	DIR *list = opendir("/proc/self/fd");
	const struct dirent *entry;
	int code;

	*closed = 0;
	if (!list)
		return part_failed(err, "/proc/self/fd");
	for (errno = 0; (entry = readdir(list)); errno = 0) {
		/* "." and ".." are 0. */
		int fd = (int)strtol(entry->d_name, NULL, 10), flags;

		if (fd <= STDERR_FILENO)
			continue;
		flags = fcntl(fd, F_GETFD);
		if (flags >= 0 && !(flags & FD_CLOEXEC)) {
			close(fd);
			++*closed;
		}
	}
	code = errno ? part_failed(err, "/proc/self/fd") : PN_OK;
	closedir(list);
	return code ? code : replace_standard_input(err);
}
