/* SPDX-License-Identifier: MIT */
/* Processes: registers, an address space, and a record of how they fare. */
#ifndef PROCESS_H
#define PROCESS_H

#include "fault.h"
#include "programs.h"
#include "regs.h"
#include "space.h"
#include "syscall.h"

#include <stdbool.h>
#include <stdint.h>

#define PROCESS_MAX	 48
#define PROCESS_FAULTS	 32 /* the last faults, kept in full */
#define PROCESS_ARGS_MAX 4

enum process_state {
	PROCESS_NONE,	 /* this place in the table is free */
	PROCESS_READY,	 /* waits for its turn */
	PROCESS_RUNNING, /* has it */
	PROCESS_BLOCKED, /* called SYS_BLOCK */
	PROCESS_WAITING, /* called SYS_WAIT */
	PROCESS_ENDED,	 /* its address space is gone; see enum process_end */
};

enum process_end {
	PROCESS_EXITED, /* by SYS_EXIT, with `value` */
	PROCESS_FAILED, /* by SYS_FAIL: `what`, `expected`, `got` */
	PROCESS_KILLED, /* by a trap: `vector`, and for a page fault its record */
};

struct process {
	struct regs regs;
	struct regs caught; /* what SYS_RESUME goes back to */
	bool handling;	    /* a fault, in its own handler; `caught` is valid */
	gva_t handler;	    /* see SYS_CATCH; 0: none */

	unsigned pid; /* from 1; never used twice */
	enum process_state state;
	struct process *parent; /* NULL: the kernel */
	struct process *next;	/* in the ready queue */
	struct space space;

	uint64_t value; /* of the last SYS_BLOCK, or of SYS_EXIT */
	uint64_t order; /* of its end among all ends */
	enum process_end end;
	uint64_t vector, expected, got;
	char what[SYS_TEXT_MAX];

	uint64_t faults; /* page faults so far */
	struct fault log[PROCESS_FAULTS];
};

/*
 * Makes a process that will run `program` with the arguments. It is ready, but a workload adds
 * areas first. NULL if no place or frame is left.
 */
struct process *process_create(enum program program, const uint64_t args[PROCESS_ARGS_MAX]);

/* A copy of `parent`, ready, whose SYS_FORK returns 0. NULL if no place or frame is left. */
struct process *process_fork(struct process *parent);

/* Lets a PROCESS_BLOCKED or PROCESS_WAITING process go on; its system call returns `value`. */
void process_wake(struct process *p, uint64_t value);

/* Ends a process and frees its address space. Wakes a parent that waits for that. */
void process_exit(struct process *p, uint64_t value);
void process_fail(struct process *p, uint64_t expected, uint64_t got);
void process_kill(struct process *p);

/* Gives the place of an ended process back. */
void process_release(struct process *p);

/* Ends and releases all there are. */
void process_release_all(void);

/*
 * A trap that would kill: sends the process to its own handler if it has one that is not busy, and
 * kills it otherwise.
 */
void process_catch_or_kill(struct process *p, const struct fault *fault);

/* The n-th child (from 0) of `parent`, oldest first, or NULL. */
struct process *process_child(const struct process *parent, unsigned n);

/* Of the processes that were killed or have failed, the one that did so first, or NULL. */
const struct process *process_ended_badly(void);

/* Writes a fault into the log. */
void process_log(struct process *p, struct fault fault);

/* The fault logged `back` before the last one (0: the last); NULL if it is not kept any more. */
const struct fault *process_fault(const struct process *p, unsigned back);

#endif
