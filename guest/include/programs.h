/* SPDX-License-Identifier: MIT */
/*
 * The user programs, by number. Kernel code cannot name a user function (it is out of the reach of
 * a 32-bit relocation, on purpose): kernel/image.S makes a table of 64-bit addresses of this list.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

/* P(NUMBER, function in guest/user). Separated by P, so that assembly can use it. */
#define USER_PROGRAMS(P)         \
	P(TOUCH, user_touch)     \
	P(WARM, user_warm)       \
	P(FILE, user_file)       \
	P(REMAP, user_remap)     \
	P(PROTECT, user_protect) \
	P(FORK, user_fork)       \
	P(SWITCH, user_switch)   \
	P(SPAWN, user_spawn)     \
	P(HUGE, user_huge)       \
	P(FAULTS, user_faults)   \
	P(DIE, user_die)         \
	P(SPIN, user_spin)

#ifndef __ASSEMBLER__
#define P(number, function) PROGRAM_##number,
enum program { USER_PROGRAMS(P) PROGRAM_COUNT };
#undef P
#endif

#endif
