/* SPDX-License-Identifier: MIT */
/* What a run with a fault in it is to be like. */
#ifndef TESTS_FAULTS_JUDGE_H
#define TESTS_FAULTS_JUDGE_H

#include "faults/campaign.h"

/*
 * Whether `run`, in which `fault` was reached, is right; `plain` is the run without it. `why` is
 * filled in if it is not.
 */
bool judge(const struct command *command, const struct fault_run *plain, const struct fault *fault,
	   const struct fault_run *run, char *why, size_t size);

/* Whether a failure of such a call may change what a command writes, and not its status. */
bool judge_may_show(const char *label);

#endif
