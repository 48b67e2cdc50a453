/* SPDX-License-Identifier: MIT */
/* A case made as short as can be: operations are left out as long as it still goes wrong. */
#ifndef FUZZ_MINIMISE_H
#define FUZZ_MINIMISE_H

#include "fuzz/execute.h"

/* Whether a program is still of interest. */
typedef bool fuzz_predicate(void *arg, const struct fuzz_program *p);

/* Leaves out of *p what `is_bad` does without, then makes values simpler. *p is bad, and stays so. */
void fuzz_reduce(struct fuzz_program *p, fuzz_predicate *is_bad, void *arg);

/*
 * The same with a mode: bad is what diverges in it. *result is of a run that diverged, and becomes
 * that of the shortest program's. A program that does not diverge when it is run once more is left
 * as it is.
 */
void fuzz_minimise(struct fuzz_model *model, struct fuzz_program *p, const struct fuzz_mode *mode,
		   const struct fuzz_options *options, const struct fuzz_watch *watch,
		   struct fuzz_result *result);

#endif
