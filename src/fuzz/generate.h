/* SPDX-License-Identifier: MIT */
/*
 * Makes programs: the same for the same seed and number, on every host. Three of four are *complete*:
 * before each access whose outcome would be open there is a flush that settles it. The others leave
 * flushes out.
 */
#ifndef FUZZ_GENERATE_H
#define FUZZ_GENERATE_H

#include "fuzz/model.h"

/* Operations of a program; those of a flush that was called for come on top. */
#define FUZZ_PROGRAM_STEPS 1000

/*
 * Makes program `number` of a seed into *p, which is empty and to be freed. `model` is the caller's,
 * for use again. False if there is no memory.
 */
bool fuzz_generate(struct fuzz_model *model, uint64_t seed, uint64_t number, unsigned steps,
		   struct fuzz_program *p);

#endif
