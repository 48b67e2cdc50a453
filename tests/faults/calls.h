/* SPDX-License-Identifier: MIT */
/* System calls in words: what each is about, and what it may fail with. */
#ifndef TESTS_FAULTS_CALLS_H
#define TESTS_FAULTS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/user.h>

/* Calls that are not counted: they cannot fail, or not in a way that anyone could use. */
extern const int calls_exempt[];
extern const size_t calls_exempt_count;

/*
 * The label of the call that thread `tid` is about to make, at most `size` bytes: its name, and what
 * it is about: a path, the request of an ioctl. Numbers of four digits and more are N in it, so that
 * two runs give the same. Returns the errno that goes with it.
 */
int calls_label(pid_t tid, const struct user_regs_struct *regs, char *label, size_t size);

/* Whether the third argument is a count of bytes that may be cut. */
bool calls_can_be_short(const struct user_regs_struct *regs);

/* "ENOSPC" for ENOSPC, and back (0: none of those that are known). */
const char *calls_error_name(int error);
int calls_error_number(const char *name);

#endif
