/* SPDX-License-Identifier: MIT */
/* penumbra: subcommand dispatch, and nothing else. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct subcommand {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *words;
};

static const struct subcommand subcommands[] = {
	{"run", cli_run, "boot a guest"},
	{"demo", cli_demo, "boot pagelab and show what this host makes of it"},
	{"doctor", cli_doctor, "say what this host's KVM is and can do"},
	{"explain", cli_explain, "run a guest up to a point and explain one translation"},
	{"fuzz", cli_fuzz, "hold the modes and the walker against each other"},
	{"trace", cli_trace, "print what run --trace has written"},
	{"bench", cli_bench, "what each way of virtualising memory costs, and Penumbra itself"},
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static int help(void)
{
	printf("usage: penumbra COMMAND [OPTION]...\n\n"
	       "A VMM that shows memory virtualisation at work.\n\n");
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		printf("  %-8s %s\n", subcommands[i].name, subcommands[i].words);
	printf("\npenumbra COMMAND --help tells the rest; penumbra --version prints the "
	       "version.\n");
	return cli_finish(0);
}

/*
 * Whoever starts us without one of the standard descriptors gets one that fails: else the next file
 * to be opened, guest RAM for one, would take its number and be printed to.
 */
static int fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return cli_fail("/dev/null: cannot be opened: %s", strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	if (fill_standard_descriptors())
		return CLI_FAILED;
	if (argc < 2)
		return cli_fail("which command? see penumbra --help");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0) {
		printf("penumbra %s\n", PN_VERSION);
		return cli_finish(0);
	}
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].main(argc - 1, argv + 1);
	return cli_fail("%s: no such command; see penumbra --help", argv[1]);
}
