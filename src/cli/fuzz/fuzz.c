/* SPDX-License-Identifier: MIT */
/* penumbra fuzz: a campaign, or one of the subcommands. */
#include "cli/fuzz/fuzz.h"

#include "cli/cli.h"
#include "cli/paths.h"
#include "clock.h"
#include "error.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} subcommands[] = {
	{"replay", fuzz_replay_command},
	{"merge", fuzz_merge_command},
};

struct run {
	struct fuzz_request request;
	uint64_t start_ns;
	bool on_terminal;
};

static void show_progress(const struct run *r, const struct fuzz_campaign *c)
{
	uint64_t steps = 0;

	for (unsigned i = 0; i < FUZZ_MODES; i++)
		steps += c->counts[i].steps;
	fprintf(stderr,
		"\rfuzz: program %" PRIu64 " of %" PRIu64 ", %" PRIu64 " steps in all, %.0f s, %u "
		"wrong\033[K",
		c->done, fuzz_shard_programs(c), steps, (double)(clock_ns() - r->start_ns) / 1e9,
		c->founds);
}

static bool go_on(void *arg, const struct fuzz_campaign *c)
{
	const struct run *r = arg;

	if (r->on_terminal)
		show_progress(r, c);
	return !fuzz_signals_caught() &&
	       !(r->request.time_ns && clock_ns() - r->start_ns >= r->request.time_ns);
}

static int keep_result(const struct fuzz_campaign *c, const json_t *result, struct pn_error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/seed-%" PRIu64 "-shard-%" PRIu64 "-of-%" PRIu64 ".json",
		 c->out, c->seed, c->shard, c->shards);
	if (json_dump_file(result, path, JSON_INDENT(2)))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "%s", path);
	return PN_OK;
}

static void print(const struct run *r, const json_t *result)
{
	const struct fuzz_campaign *c = &r->request.campaign;
	const json_t *modes = json_object_get(result, "modes");

	printf("host %s, seed %" PRIu64 ", %" PRIu64 " of %" PRIu64 " programs, %.1f s\n\n",
	       json_string_value(json_object_get(result, "host")), c->seed, c->done,
	       fuzz_shard_programs(c), json_real_value(json_object_get(result, "seconds")));
	fuzz_print_head();
	for (unsigned i = 0; i < FUZZ_MODES; i++) {
		uint64_t wrong = 0;

		for (unsigned k = 0; k < c->founds; k++)
			wrong += c->found[k].mode == i;
		if (c->modes >> i & 1)
			fuzz_print_mode(NULL, fuzz_modes[i].name,
					json_object_get(modes, fuzz_modes[i].name), wrong);
	}
	if (c->lacking)
		printf("\n%" PRIu64 " runs left out: this host has no five paging levels\n",
		       c->lacking);
	fuzz_print_founds(json_object_get(result, "divergences"));
}

static int report(const struct run *r)
{
	const struct fuzz_campaign *c = &r->request.campaign;
	json_t *result = fuzz_result_json(c, (double)(clock_ns() - r->start_ns) / 1e9);
	struct pn_error err;
	int code = PN_OK;

	if (!result)
		return cli_fail("out of memory");
	if (r->request.json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print(r, result);
	}
	if (c->out)
		code = keep_result(c, result, &err);
	json_decref(result);
	if (code)
		return cli_fail_error(&err);
	return cli_finish(fuzz_signals_caught() ? 128 + fuzz_signals_caught()
			  : c->founds		? FUZZ_EXIT_DIVERGED
						: 0);
}

int fuzz_run_command(int argc, char **argv)
{
	static struct run r;
	struct fuzz_campaign *c = &r.request.campaign;
	char guest[PATH_MAX];
	struct pn_error err;
	int status = fuzz_run_options(&r.request, argc, argv);

	if (status)
		return status < 0 ? cli_finish(0) : status;
	if (!paths_find("guest/fuzz.elf", guest, sizeof(guest)))
		return CLI_FAILED;
	if (c->out && mkdir(c->out, 0777) && errno != EEXIST)
		return cli_fail("fuzz: %s: %s", c->out, strerror(errno));
	c->options.guest = guest;
	c->go_on = go_on;
	c->arg = &r;
	r.on_terminal = isatty(STDERR_FILENO);
	r.start_ns = clock_ns();
	fuzz_signals_begin();
	status = fuzz_campaign_run(c, &err);
	if (r.on_terminal)
		fputs("\r\033[K", stderr);
	status = status ? cli_fail_error(&err) : report(&r);
	fuzz_signals_end();
	fuzz_campaign_free(c);
	return status;
}

int cli_fuzz(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].main(argc - 1, argv + 1);
	return fuzz_run_command(argc, argv);
}
