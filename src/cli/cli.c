/* SPDX-License-Identifier: MIT */
/* What the subcommands share: one way to say what went wrong. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

/* A path, and what is said of it. */
#define LINE_MAX_BYTES (PATH_MAX + 512)

int cli_fail(const char *format, ...)
{
	va_list args;

	char line[LINE_MAX_BYTES];

	fflush(stdout);
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* By one write: nothing of another's gets into it. */
	fprintf(stderr, "penumbra: %s\n", line);
	return CLI_FAILED;
}

int cli_fail_error(const struct pn_error *err)
{
	cli_fail("%s", err->text);
	return err->code == PN_ERR_HOST_LACKS || err->code == PN_ERR_NO_KVM ? CLI_HOST_LACKS
									    : CLI_FAILED;
}

int cli_finish(int status)
{
	if (fflush(stdout))
		return cli_fail("standard output: %s", strerror(errno));
	/* Why a write of before has failed is no longer known. */
	if (ferror(stdout))
		return cli_fail("standard output: not all of it could be written");
	return status;
}
