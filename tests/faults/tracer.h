/* SPDX-License-Identifier: MIT */
/*
 * A program under ptrace: its system calls are counted from the entry of the program on, behind the
 * loader's, and one of them fails, is cut short, or comes with a signal. The program is the one that
 * users run, nothing is linked into it, and what its libraries call counts as well.
 */
#ifndef TESTS_FAULTS_TRACER_H
#define TESTS_FAULTS_TRACER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What becomes of a call. */
enum fault_act {
	FAULT_NONE,   /* nothing: the run is a count */
	FAULT_ERROR,  /* it fails with an errno and is not made; close(2) is made, and fails then */
	FAULT_SHORT,  /* one byte of what was to be read or written */
	FAULT_SIGNAL, /* it is made with a signal pending */
};

#define FAULT_LABEL 160

struct fault {
	enum fault_act act;
	int value;	   /* errno, or number of the signal */
	const char *label; /* of the calls that are counted, as "ioctl KVM_CREATE_VM"; NULL: all */
	unsigned nth;	   /* from 1 */
	bool onwards;	   /* this one and all that come after it */
};

/* Calls of one label. */
struct fault_calls {
	char label[FAULT_LABEL];
	int error; /* an errno that such a call may well fail with */
	unsigned count;
};

#define FAULT_OUTPUT 32768
#define FAULT_LABELS 400

/* How the program is started. */
struct fault_program {
	const char *const *argv; /* up to a NULL; argv[0] is a path */
	const char *stdout_path; /* NULL: it is kept in fault_run.out; "|": a pipe without reader */
	const char *environment; /* one NAME=VALUE more, or NULL */
	unsigned long memory;	 /* RLIMIT_AS in bytes; 0: as it is */
	unsigned files;		 /* RLIMIT_NOFILE; 0: as it is */
	bool no_stdin;		 /* descriptor 0 is closed */
	bool ignores_pipe;	 /* SIGPIPE is ignored */
	unsigned seconds;	 /* after which it is killed */
};

/* What came of it. */
struct fault_run {
	int status; /* exit status, or 1000 + the signal that ended it */
	bool late;  /* it was killed because its time was over */
	bool hit;   /* the fault was reached; `label` is that of the call */
	char label[FAULT_LABEL];
	unsigned calls;	 /* how many there were in all */
	unsigned labels; /* in use of: */
	struct fault_calls label_calls[FAULT_LABELS];
	char out[FAULT_OUTPUT], err[FAULT_OUTPUT];
	size_t out_len, err_len;
	char left[2048];	 /* what it had open or mapped when it ended, that it was not
				   started with; lines */
	unsigned long anonymous; /* bytes of anonymous mappings when it ended */
};

/* Runs a program to its end. Returns 0, or an errno if it cannot be traced here. */
int fault_run(struct fault_run *r, const struct fault_program *program, const struct fault *fault);

#endif
