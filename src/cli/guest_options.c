/* SPDX-License-Identifier: MIT */
#include "cli/guest_options.h"

#include "cli/cli.h"
#include "cli/parse.h"

#include <string.h>

int guest_option(struct guest_options *g, int option, const char *value)
{
	uint64_t n;

	switch (option) {
	case GUEST_OPT_MEM:
		if (!parse_size(value, &g->config.ram_size) || !g->config.ram_size)
			return cli_bad_value("mem", value, "give a size like 64M or 2G");
		return 0;
	case GUEST_OPT_HUGEPAGES:
		if (!parse_size(value, &n) || (n != UINT64_C(2) << 20 && n != UINT64_C(1) << 30))
			return cli_bad_value("hugepages", value, "give 2M or 1G");
		g->config.backing = n == UINT64_C(1) << 30 ? PN_BACKING_1G : PN_BACKING_2M;
		return 0;
	case GUEST_OPT_LEVELS:
		if (!parse_count(value, &n) || (n != 4 && n != 5))
			return cli_bad_value("levels", value, "give 4 or 5");
		g->config.levels = (unsigned)n;
		return 0;
	case GUEST_OPT_TIMEOUT:
		if (!parse_seconds(value, &g->timeout_ns))
			return cli_bad_value("timeout", value,
					     "give seconds above 0, like 2 or 0.5");
		return 0;
	case GUEST_OPT_NO_SANDBOX: g->sandbox.off = true; return 0;
	default: return CLI_FAILED;
	}
}

/* Joins the guest's arguments by one space. */
static int join_arguments(struct guest_options *g, int argc, char **argv)
{
	size_t used = 0;

	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (used + (i > 0) + len + 1 > sizeof(g->cmdline))
			return cli_fail("guest arguments: more than %zu bytes",
					sizeof(g->cmdline) - 1);
		if (i)
			g->cmdline[used++] = ' ';
		memcpy(g->cmdline + used, argv[i], len + 1);
		used += len;
	}
	g->config.cmdline = g->cmdline;
	return 0;
}

int guest_operands(struct guest_options *g, const char *command, int argc, char **argv)
{
	if (optind >= argc)
		return cli_fail("%s: which guest? give an ELF file; see penumbra %s --help",
				command, command);
	g->file = argv[optind++];
	if (optind < argc && strcmp(argv[optind], "--") == 0)
		optind++;
	else if (optind < argc && argv[optind][0] == '-')
		return cli_fail("%s: options go before the guest, the guest's arguments behind --",
				argv[optind]);
	return join_arguments(g, argc - optind, argv + optind);
}
