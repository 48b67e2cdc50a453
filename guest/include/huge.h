/* SPDX-License-Identifier: MIT */
/* What the two sides of `huge` have agreed upon. */
#ifndef HUGE_H
#define HUGE_H

/* A large page is looked at in this many places, evenly spaced from its start on. */
#define HUGE_SPOTS 32

/* user_huge() says HUGE_READY; what to do next is SYS_BLOCK's result. */
#define HUGE_READY 1
#define HUGE_WRITE 2 /* all spots */
#define HUGE_READ  3 /* all spots: the contents of HUGE_WRITE */
#define HUGE_AGAIN 4 /* writes what is there already, at the first spot only */
#define HUGE_END   5

#endif
