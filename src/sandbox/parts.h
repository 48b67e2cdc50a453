/* SPDX-License-Identifier: MIT */
/* The parts of the sandbox, one file each. All return 0, or PN_ERR_SYSTEM with a line that ends in
 * the remedy. */
#ifndef SANDBOX_PARTS_H
#define SANDBOX_PARTS_H

#include "sandbox/sandbox.h"

/* Fails with "sandbox: <what>: <errno>; ..." */
int part_failed(struct pn_error *err, const char *what);

/*
 * descriptors.c: closes all from 3 on that came with the process, and counts them; makes standard
 * input /dev/null. What exec handed on is not close-on-exec, what we opened is: so they are told apart.
 */
int descriptors_close(unsigned *closed, struct pn_error *err);

/* privileges.c: the user, capabilities, no_new_privs, core dumps. Of the calling thread alone. */
int privileges_drop(const struct sandbox_options *options, struct pn_error *err);

/* landlock.c: nothing of what Landlock knows is allowed any more. *abi is 0 if there is no Landlock. */
int landlock_close(int *abi, struct pn_error *err);

/* killed.c: what says which call it was. The handler of SIGSYS; later no call can change it. */
int killed_install(struct pn_error *err);

/* filter.c: the filter of table.c, for all threads. */
int filter_load(struct pn_error *err);

#endif
