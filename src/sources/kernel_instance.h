/* SPDX-License-Identifier: MIT */
/*
 * An instance of tracefs that goes when its process goes, however that ends: a child that does nothing
 * else waits for it. So a process that can no longer remove files has nothing left to remove.
 */
#ifndef SOURCES_KERNEL_INSTANCE_H
#define SOURCES_KERNEL_INSTANCE_H

#include <penumbra/penumbra.h>
#include <sys/types.h>
#include <tracefs.h>

struct kernel_instance {
	struct tracefs_instance *tracefs;
	pid_t keeper;
	int life; /* a pipe into the keeper: once it is closed, the instance is to go */
};

/*
 * Makes one that nobody has, "penumbra-PID". Before the process has threads: it forks. Returns 0,
 * PN_ERR_HOST_LACKS, PN_ERR_SYSTEM.
 */
int kernel_instance_make(struct kernel_instance *k, struct pn_error *err);

/* Has it removed, and waits for that; no file of it may be open. All zeroes, it does nothing. */
void kernel_instance_end(struct kernel_instance *k);

/* Opens a file of it, close-on-exec, with these flags. Returns the descriptor or -1. */
int kernel_instance_open(const struct kernel_instance *k, const char *file, int flags);

#endif
