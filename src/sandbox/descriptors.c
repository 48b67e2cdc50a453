/* SPDX-License-Identifier: MIT */
/* Descriptors that came with the process. */
#include "error.h"
#include "sandbox/parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Write-only, so that reading fails. */
static int replace_standard_input(struct pn_error *err)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return part_failed(err, "/dev/null");
	dup2(fd, STDIN_FILENO);
	close(fd);
	return PN_OK;
}

int descriptors_close(unsigned *closed, struct pn_error *err)
{
	DIR *list = opendir("/proc/self/fd");
	const struct dirent *entry;

	*closed = 0;
	if (!list)
		return part_failed(err, "/proc/self/fd");
	while ((entry = readdir(list))) {
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
	closedir(list);
	return replace_standard_input(err);
}
