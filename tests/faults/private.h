/* SPDX-License-Identifier: MIT */
/* What campaigns of all kinds share. */
#ifndef TESTS_FAULTS_PRIVATE_H
#define TESTS_FAULTS_PRIVATE_H

#include "faults/campaign.h"

struct campaign {
	const struct command *command;
	struct fault_program program;
	struct complaints *complaints;
	struct fault_run *plain, *run;
	unsigned long plain_file; /* a sum over command.file after the run without a fault */
};

/* Makes *c and runs the command without a fault; false if there is nothing to be tried then. End it in
 * either case. */
bool campaign_begin(struct campaign *c, const struct command *command,
		    struct complaints *complaints);
void campaign_end(struct campaign *c);

/* Runs the command with a fault; false if it cannot be, or the fault was not reached. */
bool campaign_run(struct campaign *c, const struct fault *f, struct fault_run *r);

/* Judges c->run, and complains. */
void campaign_judge(struct campaign *c, const struct fault *f);

/* Both. */
void campaign_try(struct campaign *c, const struct fault *f);

/* Whether a variable of the environment is set, and not to 0. */
bool campaign_is_set(const char *name);

#endif
