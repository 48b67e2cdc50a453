/* SPDX-License-Identifier: MIT */
/*
 * Work in a process of its own: who goes into the sandbox does not come out again, and a program that
 * runs guest after guest has to make the next machine.
 */
#ifndef SANDBOX_APART_H
#define SANDBOX_APART_H

#include <penumbra/penumbra.h>

/* Returns 0 or an error (enum pn_code), with *err filled in. What it prints is flushed. */
typedef int sandbox_work_fn(void *arg, struct pn_error *err);

/*
 * Does the work in a child of this process, on a copy of the `size` bytes at `arg`, which then come
 * back. Returns what the work returned, or PN_ERR_SYSTEM if there was no child or it died. No other
 * threads may run here.
 */
int sandbox_apart(sandbox_work_fn *work, void *arg, size_t size, struct pn_error *err);

#endif
