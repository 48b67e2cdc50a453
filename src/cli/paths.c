/* SPDX-License-Identifier: MIT */
/* Where Penumbra's own files are. */
#include "cli/paths.h"

#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

bool paths_self(char *text, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", text, size - 1);

	if (len < 0) {
		cli_fail("/proc/self/exe: %s", strerror(errno));
		return false;
	}
	text[len] = 0;
	return true;
}

bool paths_find(const char *name, char *text, size_t size)
{
	static const char *const below[] = {"", PENUMBRA_LIBDIR};
	char self[PATH_MAX], *slash;

	if (!paths_self(self, sizeof(self)))
		return false;
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = 0;
	for (unsigned i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if ((size_t)snprintf(text, size, "%s%s%s", self, below[i], name) < size &&
		    access(text, R_OK) == 0)
			return true;
	cli_fail("%s: found neither in %s nor in %s%s; build or install Penumbra whole", name, self,
		 self, PENUMBRA_LIBDIR);
	return false;
}
