/* SPDX-License-Identifier: MIT */
/* What the subcommands share: one way to say what went wrong. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int cli_fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("penumbra: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
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
	if (fflush(stdout) || ferror(stdout))
		return cli_fail("standard output: %s", strerror(errno));
	return status;
}
