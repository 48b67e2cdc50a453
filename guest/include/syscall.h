/* SPDX-License-Identifier: MIT */
/*
 * The system calls of pagelab. SYSCALL with the number in RAX and the arguments in RDI, RSI, RDX;
 * the result comes back in RAX; RCX and R11 are lost. C and assembly.
 */
#ifndef SYSCALL_H
#define SYSCALL_H

#define SYS_EXIT    0  /* (status): ends the process */
#define SYS_YIELD   1  /* (): lets the others run */
#define SYS_BLOCK   2  /* (value): sleeps until the workload's kernel side wakes it; its answer */
#define SYS_FORK    3  /* (): the child's pid; 0 in the child */
#define SYS_WAIT    4  /* (): sleeps until a child has ended; its exit status */
#define SYS_GETPID  5  /* (): the pid */
#define SYS_WRITE   6  /* (text, bytes): to the console; the bytes written */
#define SYS_PROTECT 7  /* (gva, prot): changes the area that starts at gva */
#define SYS_SWAP    8  /* (gva, gva, how): exchanges the frames behind two pages; how: SWAP_... */
#define SYS_CATCH   9  /* (entry): faults that would kill go to entry(gva, error code, rip) */
#define SYS_RESUME  10 /* (rip): ends the handling of a fault; on at rip; 0: tries again */
#define SYS_FAIL    11 /* (what, expected, got): a check has failed; ends the process */
#define SYS_COUNT   12

/* Errors, in RAX. */
#define SYS_EINVAL ((uint64_t)-1) /* an argument out of range, or no such call */
#define SYS_EFAULT ((uint64_t)-2) /* an address the process may not use */
#define SYS_EAGAIN ((uint64_t)-3) /* no frame, process or area is left */
#define SYS_ECHILD ((uint64_t)-4) /* there is no child to wait for */

/* What an area allows. There is none without PROT_READ. */
#define PROT_READ  1
#define PROT_WRITE 2
#define PROT_EXEC  4

/* How SYS_SWAP makes the processor forget the old translations. */
#define SWAP_PAGE    0 /* INVLPG, twice */
#define SWAP_CONTEXT 1 /* CR3 is loaded again */
#define SWAP_ALL     2 /* CR4.PGE is switched off and on */
#define SWAP_KINDS   3

/* Bytes of text that SYS_WRITE and SYS_FAIL take. */
#define SYS_TEXT_MAX 128

#endif
