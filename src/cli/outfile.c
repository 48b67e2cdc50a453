/* SPDX-License-Identifier: MIT */
/* Files that are whole or not there. */
#include "cli/outfile.h"

#include "cli/cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int outfile_open(struct outfile *o, const char *path)
{
	*o = (struct outfile){.path = path, .f = fopen(path, "we")};
	return o->f ? 0 : cli_fail("%s: cannot be written: %s", path, strerror(errno));
}

/* Whether the path still names the file that is open, and that is one to remove. */
static bool is_ours(const struct outfile *o)
{
	struct stat open, named;

	return fstat(fileno(o->f), &open) == 0 && lstat(o->path, &named) == 0 &&
	       S_ISREG(named.st_mode) && open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/* Why a write of before has failed is no longer known; what is full still is. */
static int ask_again(FILE *f)
{
	return fputc('\n', f) == EOF || fflush(f) ? errno : EIO;
}

/* In the sandbox no file can be removed: there, this is all. */
static void empty(FILE *f)
{
	__fpurge(f);
	/* What is no regular file stays as it is. */
	if (ftruncate(fileno(f), 0))
		return;
}

int outfile_close(struct outfile *o, int failed)
{
	int error = 0;
	bool ours;

	if (!o->f)
		return failed ? CLI_FAILED : 0;
	if (fflush(o->f))
		error = errno;
	else if (ferror(o->f))
		error = ask_again(o->f);
	ours = is_ours(o);
	if (failed || error)
		empty(o->f);
	if (fclose(o->f) && !error)
		error = errno;
	o->f = NULL;
	if ((failed || error) && ours)
		unlink(o->path);
	if (failed)
		return CLI_FAILED;
	return error ? cli_fail("%s: cannot be written: %s", o->path, strerror(error)) : 0;
}
