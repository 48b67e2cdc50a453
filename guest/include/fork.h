/* SPDX-License-Identifier: MIT */
/* What the two sides of `fork` have agreed upon. */
#ifndef FORK_H
#define FORK_H

/* Values of SYS_BLOCK in user_fork(). The answer to FORK_READY is who writes first. */
#define FORK_READY	    1
#define FORK_CHILD_DONE	    2 /* all pages written */
#define FORK_PARENT_DONE    3

#define FORK_CHILDREN_FIRST 0
#define FORK_PARENT_FIRST   1

#endif
