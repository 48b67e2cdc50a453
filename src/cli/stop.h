/* SPDX-License-Identifier: MIT */
/* A run under signals: SIGINT, SIGTERM, SIGHUP and the time limit end it, SIGUSR1 changes its mode. */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <penumbra/penumbra.h>

/* A SIGUSR1 that comes before the guest runs, or when it has ended, is not to end the program. */
void stop_prepare(void);

/*
 * From now on a signal acts on `m`, and so does the end of `timeout_ns` (0: no limit), counted from
 * here. Returns 0 or PN_ERR_SYSTEM.
 */
int stop_arm(struct pn_machine *m, uint64_t timeout_ns, struct pn_error *err);

/* Gives the signals back the meaning they had. */
void stop_disarm(void);

/* The signal that stopped the run: SIGALRM for the time limit, 0 for none. */
int stop_signal(void);

#endif
