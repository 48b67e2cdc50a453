/* SPDX-License-Identifier: MIT */
/*
 * The yardstick of a hidden fault: a VM with nothing around it (bare.h) whose code in ring 3 reads
 * page after page, none of them present. Each read is a #PF; a stub in ring 0 does one OUT, and the
 * host makes the page's entry present and lets the VM go on; the stub drops the error code and
 * returns by IRETQ. Three instructions in ring 0, one store on the host: no monitor that lets a
 * host decide about a page fault can do with less.
 */
#ifndef BENCH_BARE_FAULT_H
#define BENCH_BARE_FAULT_H

#include "bench/bare.h"

/* Faults there is room for: pages that were never touched. */
#define BARE_FAULTS_MAX (510u * 512)

struct bare_fault {
	struct bare vm;
	unsigned next; /* page */
};

/* Makes the VM. Returns 0, or -1 with errno set; nothing is taken back then. */
int bare_fault_create(struct bare_fault *b);

/* `count` faults. Returns 0, or -1 if an exit is not a fault's, or no page is left. */
int bare_fault_run(struct bare_fault *b, unsigned count);

void bare_fault_destroy(struct bare_fault *b);

#endif
