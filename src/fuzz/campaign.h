/* SPDX-License-Identifier: MIT */
/* A campaign: many programs, each in several modes; and one shard of it. */
#ifndef FUZZ_CAMPAIGN_H
#define FUZZ_CAMPAIGN_H

#include "fuzz/execute.h"

/* Divergences after which a mode is not run on. */
#define FUZZ_FOUND_MAX 16

struct fuzz_found {
	unsigned mode;	  /* in fuzz_modes */
	uint64_t program; /* its number */
	char why[480];
	size_t steps;	/* of the case, minimised */
	char *text;	/* of the case, to be freed */
	char path[256]; /* where it is kept; "": nowhere */
};

/* What is asked for, and what came of it. */
struct fuzz_campaign {
	uint64_t seed, steps;
	uint64_t shard, shards;	     /* programs whose number is `shard` modulo `shards` */
	unsigned modes;		     /* bits 1 << index in fuzz_modes */
	struct fuzz_options options; /* audit_every 0: what is usual (campaign.c) */
	const struct fuzz_watch *watch;
	bool (*go_on)(void *arg, const struct fuzz_campaign *c); /* asked after each program */
	void *arg;
	const char *out; /* directory for cases; NULL: none is kept */

	struct fuzz_counts counts[FUZZ_MODES];
	unsigned deviations[FUZZ_MODES]; /* in force: bits 1 << index in fuzz_deviations */
	uint64_t lacking;		 /* programs that the host has not the levels for */
	uint64_t done;			 /* programs that have been run in all modes */
	unsigned founds;
	struct fuzz_found found[FUZZ_FOUND_MAX];
	bool stopped;
};

/* Programs of a campaign, all shards together; and of its shard. */
uint64_t fuzz_programs(const struct fuzz_campaign *c);
uint64_t fuzz_shard_programs(const struct fuzz_campaign *c);

/*
 * Runs it. Returns 0, also where there were divergences or it was stopped; or the error of a machine
 * that could not be made, PN_ERR_NOMEM.
 */
int fuzz_campaign_run(struct fuzz_campaign *c, struct pn_error *err);
void fuzz_campaign_free(struct fuzz_campaign *c);

#endif
