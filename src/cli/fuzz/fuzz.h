/* SPDX-License-Identifier: MIT */
/* What the parts of `penumbra fuzz` share: campaigns, replays, merges. */
#ifndef CLI_FUZZ_H
#define CLI_FUZZ_H

#include "fuzz/campaign.h"

#include <jansson.h>

/* Exit statuses beside those of cli.h. */
enum fuzz_exit {
	FUZZ_EXIT_DIVERGED = 1,
	FUZZ_EXIT_INCOMPLETE = 2, /* merge: shards are missing, or were stopped */
};

struct fuzz_request {
	struct fuzz_campaign campaign;
	uint64_t time_ns; /* 0: no limit */
	bool json;
};

extern const char fuzz_usage[];

/* Fill *r from the command line of a campaign, or a replay, whose cases begin at argv[optind]. Return
 * 0 to go on, -1 after --help, or an exit status. */
int fuzz_run_options(struct fuzz_request *r, int argc, char **argv);
int fuzz_replay_options(struct fuzz_request *r, int argc, char **argv);

/* The subcommands, argv[0] their names. */
int fuzz_run_command(int argc, char **argv);
int fuzz_replay_command(int argc, char **argv);
int fuzz_merge_command(int argc, char **argv);

/*
 * A campaign under signals: SIGINT, SIGTERM and SIGHUP stop it, and so does a program that makes no
 * progress. Between begin and end the campaign's `watch` is usable.
 */
extern const struct fuzz_watch fuzz_signals;
void fuzz_signals_begin(void);
void fuzz_signals_end(void);
int fuzz_signals_caught(void); /* the signal; 0: none */

/* The result of a shard as JSON (docs/fuzzing.md), to be let go. NULL: out of memory. */
json_t *fuzz_result_json(const struct fuzz_campaign *c, double seconds);

/* The line of a table for a mode, from a result's JSON; and the head of that table. */
void fuzz_print_head(void);
void fuzz_print_mode(const char *host, const char *mode, const json_t *counts,
		     uint64_t divergences);

/* Prints what was found, from a result's JSON. */
void fuzz_print_founds(const json_t *divergences);

#endif
