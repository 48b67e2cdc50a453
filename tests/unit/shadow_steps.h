/* SPDX-License-Identifier: MIT */
/*
 * The steps of a random guest (shadow_guest.h), each of which ends as walk() says or fails the test:
 * where a strategy may lag behind, as walk() said at some time since the flush that would have
 * covered it, and not otherwise. What is picked is picked by roll().
 */
#ifndef TESTS_SHADOW_STEPS_H
#define TESTS_SHADOW_STEPS_H

#include "shadow_guest.h"

/* A kernel's window on its tables, in the same place in every root: before the first step. */
void step_windows(struct random_guest *g);

/* An access in the view that it goes through. */
void step_access(struct random_guest *g, gva_t gva, enum walk_access access,
		 enum walk_privilege privilege);

/* The guest's store to a table through some mapping of its own: by the processor if the shadow lets
 * it, else by the emulator, which now and then knows nothing of it. */
void step_store(struct random_guest *g);

/* MOV to CR3; registers that paging depends on. */
void step_load(struct random_guest *g);
void step_mode(struct random_guest *g);

/* Any of them, or a flush. */
void step_any(struct random_guest *g);

#endif
