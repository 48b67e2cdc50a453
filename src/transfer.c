/* SPDX-License-Identifier: MIT */
#include "transfer.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

static ssize_t read_all(int fd, char *to, size_t size, bool has_offset, uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = has_offset ? pread(fd, to + done, size - done, (off_t)(offset + done))
				       : read(fd, to + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t transfer_read(int fd, void *to, size_t size)
{
	return read_all(fd, to, size, false, 0);
}

ssize_t transfer_read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return read_all(fd, to, size, true, offset);
}
