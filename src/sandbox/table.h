/* SPDX-License-Identifier: MIT */
/* The system calls that a process in the sandbox still has. */
#ifndef SANDBOX_TABLE_H
#define SANDBOX_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an argument must be. */
enum rule_test {
	RULE_ANY,
	RULE_IS,    /* argument == value */
	RULE_NOT,   /* argument != value */
	RULE_LACKS, /* no bit of value is set in it */
	RULE_SELF,  /* it is this process's id */
};

struct rule {
	int call; /* SYS_... */
	struct {
		enum rule_test test;
		uint8_t argument; /* 0 to 5 */
		uint64_t value;
	} if_;
	int error; /* 0: allowed; else it is not done, and fails with this errno */
	const char *reason;
};

/* All of them; any other call kills. */
extern const struct rule sandbox_rules[];
extern const size_t sandbox_rules_count;

/*
 * A call that no kernel has: the filter kills whoever makes it, at once and without a word. The
 * handler of SIGSYS ends so.
 */
#define SANDBOX_KILL_CALL SYS_vserver

#endif
