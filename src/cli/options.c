/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include "cli/cli.h"

#include <stdio.h>

int cli_bad_value(const char *option, const char *value, const char *remedy)
{
	return cli_fail("--%s=%s: %s", option, value, remedy);
}

int cli_options(const struct cli_syntax *syntax, void *arg, int argc, char **argv)
{
	/* +: end at the first operand; the colon: tell a missing value from a wrong option. */
	const char *how = syntax->mixed ? ":" : "+:";
	int option, status, at = 1;

	optind = 0;
	opterr = 0;
	for (; (option = getopt_long(argc, argv, how, syntax->options, NULL)) != -1; at = optind) {
		if (option == CLI_OPT_HELP) {
			fputs(syntax->usage, stdout);
			return -1;
		}
		if (option == ':' || option == '?')
			return cli_fail("%s: %s; see penumbra %s --help", argv[at],
					option == ':' ? "needs a value" : "no such option",
					syntax->command);
		status = syntax->take(arg, option, optarg);
		if (status)
			return status;
	}
	return 0;
}
