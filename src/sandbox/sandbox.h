/* SPDX-License-Identifier: MIT */
/*
 * What a process gives up before it runs a guest, so that a guest that takes it over has little: no
 * way to files, programs, other processes or the network, no privileges, and of the kernel the few
 * calls of table.c. For programs: the library never does this to the process it lives in.
 *
 * In two steps, as privileges belong to threads and threads have to be made:
 *
 *   open all files -> sandbox_give_up() -> start threads -> sandbox_filter() -> run the guest
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <penumbra/penumbra.h>
#include <sys/types.h>

struct sandbox_options {
	bool off;      /* --no-sandbox: both steps do nothing */
	bool has_user; /* --user: go on as uid and gid, without other groups */
	uid_t uid;
	gid_t gid;
};

/* What has been given up, for those who ask. */
struct sandbox {
	struct sandbox_options options;
	bool given_up;	  /* descriptors, privileges */
	unsigned closed;  /* descriptors that came with the process */
	int landlock_abi; /* 0: this kernel has no Landlock */
	uint64_t done_ns; /* CLOCK_MONOTONIC, after the second step */
	bool filtered;	  /* system calls; false after sandbox_filter(): this kernel cannot */
};

/*
 * The first step, in a process of one thread with all files open: closes what was inherited and is
 * not one of ours (ours are close-on-exec), standard input too; changes the user; gives up privileges
 * for ever, core dumps and, where the kernel has Landlock, the file system and the network. Returns 0,
 * or PN_ERR_SYSTEM with a line that names the remedy; the process is not to go on then.
 */
int sandbox_give_up(struct sandbox *s, const struct sandbox_options *options, struct pn_error *err);

/*
 * The second step, for all threads of the process: from here on the calls of table.c are all there
 * are. Any other kills the process by SIGSYS, after one line on standard error that names the call.
 * Errors as above.
 */
int sandbox_filter(struct sandbox *s, struct pn_error *err);

/* Both, for a process that makes no threads of its own. */
int sandbox_enter(struct sandbox *s, const struct sandbox_options *options, struct pn_error *err);

/*
 * Why the sandbox of this build has holes, in words, or NULL if it has none: programs that count lines
 * or look for leaks do so at the end of the process, and need files and clones for it.
 */
const char *sandbox_weakness(void);

/* What this kernel has: seccomp filters; Landlock, by the version of its interface, 0: none. */
bool sandbox_has_seccomp(void);
int sandbox_landlock_abi(void);

#endif
