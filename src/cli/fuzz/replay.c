/* SPDX-License-Identifier: MIT */
/* penumbra fuzz replay: cases, once more, in each mode. */
#include "cli/cli.h"
#include "cli/fuzz/fuzz.h"
#include "cli/paths.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const char *const ends[] = {
	[FUZZ_AGREED] = "as it must be",
	[FUZZ_STOPPED] = "stopped",
	[FUZZ_LACKING] = "left out: this host has no five paging levels",
};

/* Returns the status, or 0. */
static int replay_in(struct fuzz_model *model, const struct fuzz_request *r, const char *path,
		     const struct fuzz_program *p, unsigned mode)
{
	struct fuzz_options options = r->campaign.options;
	struct fuzz_result result;

	if (!options.audit_every)
		options.audit_every = 1;
	fuzz_execute(model, p, &fuzz_modes[mode], &options, &fuzz_signals, &result);
	if (result.end == FUZZ_FAILED)
		return cli_fail_error(&result.err);
	printf("%s: %s: %s\n", path, fuzz_modes[mode].name,
	       result.end == FUZZ_DIVERGED ? result.why : ends[result.end]);
	return result.end == FUZZ_DIVERGED ? FUZZ_EXIT_DIVERGED : 0;
}

static int replay(struct fuzz_model *model, const struct fuzz_request *r, const char *path)
{
	FILE *file = fopen(path, "r");
	struct fuzz_program p;
	struct pn_error err;
	int status = 0, code;

	if (!file)
		return cli_fail("%s: %s", path, strerror(errno));
	code = fuzz_program_read(&p, file, path, &err);
	fclose(file);
	if (code)
		return cli_fail_error(&err);
	for (unsigned i = 0; i < FUZZ_MODES && status < CLI_FAILED && !fuzz_signals_caught(); i++)
		if (r->campaign.modes >> i & 1) {
			int one = replay_in(model, r, path, &p, i);

			status = one > status ? one : status;
		}
	fuzz_program_free(&p);
	return status;
}

int fuzz_replay_command(int argc, char **argv)
{
	struct fuzz_request r;
	struct fuzz_model *model;
	char guest[PATH_MAX];
	int status = fuzz_replay_options(&r, argc, argv);

	if (status)
		return status < 0 ? cli_finish(0) : status;
	if (!paths_find("guest/fuzz.elf", guest, sizeof(guest)))
		return CLI_FAILED;
	r.campaign.options.guest = guest;
	model = fuzz_model_new();
	if (!model)
		return cli_fail("out of memory");
	fuzz_signals_begin();
	status = 0;
	for (int i = optind; i < argc && status < CLI_FAILED && !fuzz_signals_caught(); i++) {
		int one = replay(model, &r, argv[i]);

		status = one > status ? one : status;
	}
	fuzz_signals_end();
	fuzz_model_free(model);
	return cli_finish(fuzz_signals_caught() ? 128 + fuzz_signals_caught() : status);
}
