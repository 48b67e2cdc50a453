/* SPDX-License-Identifier: MIT */
/*
 * The state guest: gives every register it can write a value of its own and looks, again and again,
 * whether all are still there. A change of mode must not be seen by it. Shared by its C and its
 * assembly.
 *
 *     rounds=N      looks N times (default 20)
 *     spins=N       holds the general registers for N turns of a loop each time (default 2000)
 *
 * Exit status 0, or 1 after a line for each register that changed.
 */
#ifndef TESTS_GUESTS_STATE_H
#define TESTS_GUESTS_STATE_H

/* General registers that hold() fills: all but RSP, and RCX, which counts. */
#define STATE_GENERAL 14

/* Those bits of RFLAGS that hold() sets: CF, PF, AF, SF, DF, OF, ID. */
#define STATE_FLAGS 0x200c95

#endif
