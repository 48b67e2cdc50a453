/* SPDX-License-Identifier: MIT */
/* The guest's console on standard output. */
#include "cli/output.h"

#include "cli/stop.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Gives up when the run is to be stopped: what cannot be written now must not hold that up. */
void output_flush(struct output *out)
{
	size_t done = 0;

	while (!out->error && done < out->len) {
		ssize_t n = write(STDOUT_FILENO, out->bytes + done, out->len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			out->error = errno;
		else if (stop_signal())
			break;
	}
	out->len = 0;
}

void output_console(void *arg, const char *bytes, size_t len)
{
	struct output *out = arg;

	while (len) {
		size_t part = OUTPUT_ROOM - out->len < len ? OUTPUT_ROOM - out->len : len;

		memcpy(out->bytes + out->len, bytes, part);
		out->len += part;
		out->last = bytes[part - 1];
		if (out->len == OUTPUT_ROOM || memchr(bytes, '\n', part))
			output_flush(out);
		bytes += part;
		len -= part;
	}
}
